"""What the edge itself answers: one google.rpc.Status for each case, as JSON and for gRPC.

Every text is fixed. Envoy's own texts may quote the request, so none of them leaves (N5).
"""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.json_format import MessageToDict
from google.rpc import status_pb2

from gateway.edge.values import Json, header
from services.kit.errors import DependencyUnavailable, Reason
from services.kit.interceptors import DeadlineExceeded
from services.kit.status import DETAILS_KEY, INTERNAL_TEXT, new_status, to_status

# Set by the JSON guard on what it has answered already; a caller cannot set it.
GUARD_METADATA = "edge"
GUARD_METADATA_KEY = "refused"


@dataclass(frozen=True)
class Refusal:
    """One case: the HTTP status by which Envoy tells it from the others, and what its caller learns."""

    http_status: int
    status: status_pb2.Status


UNKNOWN_METHOD = Refusal(404, new_status(Reason.UNKNOWN_METHOD, "There is no such path or method here."))
WRONG_VERB = Refusal(
    405, new_status(Reason.UNKNOWN_METHOD, "This path takes another verb; see the header allow.")
)
TLS_REQUIRED = Refusal(400, new_status(Reason.TLS_REQUIRED, "This port speaks TLS only: use https."))

_TOO_SLOW = new_status(Reason.DEADLINE_EXCEEDED, "The request did not arrive whole in time: send it again.")
_LONG_HEADERS = new_status(Reason.REQUEST_TOO_LARGE, "The headers are too large: send fewer or shorter ones.")
_NOT_READABLE = new_status(
    Reason.MALFORMED_REQUEST, "The request cannot be read: send plain HTTP requests with JSON or gRPC."
)

_IS_GRPC: Json = {
    "and_filter": {
        "filters": [
            {
                "header_filter": {
                    "header": {"name": "content-type", "string_match": {"prefix": "application/grpc"}}
                }
            },
            # What the transcoder made of a JSON request looks like gRPC, but for this header.
            {
                "header_filter": {
                    "header": {"name": "x-envoy-original-path", "present_match": True, "invert_match": True}
                }
            },
        ]
    }
}


def json_body(status: status_pb2.Status) -> str:
    """`status` as the transcoder would print it."""
    shown = MessageToDict(status, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return json.dumps(shown, separators=(",", ":"))


def local_replies(max_body_bytes: int) -> Json:
    """How Envoy words its own answers to calls over TLS; the first case that fits is the one."""
    too_large = f"The body is larger than {max_body_bytes // 1024} KiB: send less at once."
    refusals = (
        UNKNOWN_METHOD,
        WRONG_VERB,
        Refusal(408, _TOO_SLOW),
        Refusal(413, new_status(Reason.REQUEST_TOO_LARGE, too_large)),
        Refusal(431, _LONG_HEADERS),
        Refusal(503, to_status(DependencyUnavailable())),
        Refusal(504, to_status(DeadlineExceeded())),
    )
    return {
        "mappers": [
            _answered_by_guard(),
            *(
                mapper
                for refusal in refusals
                for mapper in _mappers("EQ", refusal.http_status, refusal.status)
            ),
            *_mappers("LE", 499, _NOT_READABLE),
            *_mappers("GE", 500, new_status(Reason.INTERNAL, INTERNAL_TEXT)),
        ]
    }


def tls_required_replies() -> Json:
    """How it words them to calls without TLS: all alike."""
    return {"mappers": list(_mappers("GE", 0, TLS_REQUIRED.status))}


def _answered_by_guard() -> Json:
    return {
        "filter": {
            "metadata_filter": {
                "matcher": {
                    "filter": GUARD_METADATA,
                    "path": [{"key": GUARD_METADATA_KEY}],
                    "value": {"bool_match": True},
                },
                "match_if_key_not_found": False,
            }
        },
        "body_format_override": _text("%LOCAL_REPLY_BODY%", "application/json"),
    }


def _mappers(comparison: str, http_status: int, status: status_pb2.Status) -> Iterable[Json]:
    value = {"default_value": http_status, "runtime_key": "-"}
    has_status: Json = {"status_code_filter": {"comparison": {"op": comparison, "value": value}}}
    details = base64.b64encode(status.SerializeToString()).decode().rstrip("=")
    yield {
        "filter": {"and_filter": {"filters": [has_status, _IS_GRPC]}},
        "body_format_override": _text(status.message, "text/plain"),
        "headers_to_add": [header("grpc-status", str(status.code)), header(DETAILS_KEY, details)],
    }
    yield {
        "filter": has_status,
        # A text: Envoy's JSON format would sort the keys.
        "body_format_override": _text(json_body(status) + "\n", "application/json"),
    }


def _text(text: str, content_type: str) -> Json:
    return {"text_format_source": {"inline_string": text}, "content_type": content_type}
