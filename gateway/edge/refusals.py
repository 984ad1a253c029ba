"""What the edge itself answers: one google.rpc.Status for each case, as a problem (RFC 9457) and for gRPC.

Every text is fixed. Envoy's own texts may quote the request, so none of them leaves (N5).
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from google.rpc import status_pb2

from gateway.edge.reference.routes import untouched_reply
from gateway.edge.values import Json, header
from gateway.problems import (
    PROBLEM_TYPE,
    RETRY_AFTER,
    in_french,
    problem_line,
    problem_of,
    retry_after_seconds,
)
from services.kit.errors import DependencyUnavailable, Reason
from services.kit.interceptors import DeadlineExceeded
from services.kit.status import DETAILS_KEY, INTERNAL_TEXT, new_status, to_status

# Set by the JSON guard on what it has answered already; a caller cannot set it.
GUARD_METADATA = "edge"
GUARD_METADATA_KEY = "refused"

# What only Envoy knows; the trace id comes last (marks.lua).
_END_OF_PROBLEM = ',"status":%RESPONSE_CODE%,"trace_id":""}\n'


@dataclass(frozen=True)
class Refusal:
    """One case: the HTTP status by which Envoy tells it from the others, and what its caller learns.

    Attributes:
        http_status: of Envoy's answer.
        status: what gRPC callers get; its text is English.
        detail: in French, where there is more to say than the reason does.
    """

    http_status: int
    status: status_pb2.Status
    detail: str = ""


UNKNOWN_METHOD = Refusal(404, new_status(Reason.UNKNOWN_METHOD, "There is no such path or method here."))
WRONG_VERB = Refusal(
    405,
    new_status(Reason.UNKNOWN_METHOD, "This path takes another verb; see the header allow."),
    "Ce chemin se demande par un autre verbe : voyez l'en-tête « allow ».",
)
TLS_REQUIRED = Refusal(400, new_status(Reason.TLS_REQUIRED, "This port speaks TLS only: use https."))

_TOO_SLOW = Refusal(
    408,
    new_status(Reason.DEADLINE_EXCEEDED, "The request did not arrive whole in time: send it again."),
    "La requête n'est pas arrivée entière à temps : renvoyez-la.",
)
_LONG_HEADERS = Refusal(
    431,
    new_status(Reason.REQUEST_TOO_LARGE, "The headers are too large: send fewer or shorter ones."),
    "Les en-têtes sont trop volumineux : envoyez-en moins, ou de plus courts.",
)
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


def open_problem(status: status_pb2.Status, detail: str = "") -> str:
    """The problem that tells `status`, but for its end, which is Envoy's to add: HTTP status and trace id."""
    known = problem_of(status, "", detail=detail)
    del known["status"], known["trace_id"]
    return problem_line(known).removesuffix("}")


def local_replies(max_body_bytes: int, max_batch_bytes: int) -> Json:
    """How Envoy words its own answers to calls over TLS; the first case that fits is the one."""
    refusals = (
        UNKNOWN_METHOD,
        WRONG_VERB,
        _TOO_SLOW,
        _too_large(max_body_bytes // 1024, max_batch_bytes // 1024),
        _LONG_HEADERS,
        # Of what HTTP allows, Envoy leaves little out: CONNECT, odd transfer codings.
        Refusal(501, _NOT_READABLE),
        Refusal(503, to_status(DependencyUnavailable())),
        Refusal(504, to_status(DeadlineExceeded())),
    )
    return {
        "mappers": [
            _answered_by_guard(),
            untouched_reply(),
            *(mapper for refusal in refusals for mapper in _mappers("EQ", refusal)),
            *_mappers("LE", Refusal(499, _NOT_READABLE)),
            *_mappers("GE", Refusal(500, new_status(Reason.INTERNAL, INTERNAL_TEXT))),
        ]
    }


def tls_required_replies() -> Json:
    """How it words them to calls without TLS: all alike."""
    return {"mappers": list(_mappers("GE", Refusal(0, TLS_REQUIRED.status)))}


def _too_large(kibibytes: int, batch_kibibytes: int) -> Refusal:
    return Refusal(
        413,
        new_status(
            Reason.REQUEST_TOO_LARGE,
            f"The body is larger than {kibibytes} KiB, or {batch_kibibytes} KiB for many queries: send less at once.",
        ),
        f"Le corps dépasse {kibibytes} Kio, ou {batch_kibibytes} Kio pour une liste de demandes : envoyez-en moins à "
        "la fois.",
    )


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
        "body_format_override": _text(f"%LOCAL_REPLY_BODY%{_END_OF_PROBLEM}", PROBLEM_TYPE),
    }


def _mappers(comparison: str, refusal: Refusal) -> Iterable[Json]:
    value = {"default_value": refusal.http_status, "runtime_key": "-"}
    has_status: Json = {"status_code_filter": {"comparison": {"op": comparison, "value": value}}}
    status = in_french(refusal.status, refusal.detail)
    details = base64.b64encode(status.SerializeToString()).decode().rstrip("=")
    yield {
        "filter": {"and_filter": {"filters": [has_status, _IS_GRPC]}},
        "body_format_override": _text(status.message, "text/plain"),
        "headers_to_add": [header("grpc-status", str(status.code)), header(DETAILS_KEY, details)],
    }
    seconds = retry_after_seconds(status)
    yield {
        "filter": has_status,
        # A text: Envoy's JSON format would sort the keys.
        "body_format_override": _text(open_problem(status, refusal.detail) + _END_OF_PROBLEM, PROBLEM_TYPE),
        "headers_to_add": [] if seconds is None else [header(RETRY_AFTER, str(seconds))],
    }


def _text(text: str, content_type: str) -> Json:
    return {
        "text_format_source": {"inline_string": text},
        "content_type": content_type,
    }
