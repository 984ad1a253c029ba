"""The errors of each RPC: read from its comment, and those that the edge answers to any call."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2

from gateway.problems import http_status_of, problem_of
from services.kit.errors import FieldViolation, InvalidField, Reason
from services.kit.status import CODE_BY_REASON, new_status, to_status
from tools.openapi.contract import Contract, Rpc

PROBLEM_TYPE = "application/problem+json"
_MARK = "Errors: "
_THOSE_OF = re.compile(r"those of (\w+)")
_WORD = re.compile(r"\b[A-Z]{2,}(?:_[A-Z]+)*\b")
_CODES = frozenset(code.name for code in set(CODE_BY_REASON.values()))
_TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"

# Of the edge itself, to whatever is called: HTTP status → reason.
_OF_ANY_CALL: Mapping[int, Reason] = {
    400: Reason.MALFORMED_REQUEST,
    408: Reason.DEADLINE_EXCEEDED,
    413: Reason.REQUEST_TOO_LARGE,
    431: Reason.REQUEST_TOO_LARGE,
    500: Reason.INTERNAL,
    503: Reason.DEPENDENCY_UNAVAILABLE,
    504: Reason.DEADLINE_EXCEEDED,
}
_OF_CALLS_WITH_BODY: Mapping[int, Reason] = {415: Reason.MALFORMED_REQUEST}
_WITH_DELAY = frozenset(
    {Reason.RATE_LIMITED, Reason.SERVICE_CLOSED, Reason.MAINTENANCE, Reason.DEPENDENCY_UNAVAILABLE}
)

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "What stopped the call (RFC 9457). Decide by `reason`, which is stable; show `detail` to people.",
    "properties": {
        "type": {
            "type": "string",
            "description": "The reason as a URN.",
            "pattern": "^urn:qf:problem:[a-z-]+$",
        },
        "title": {"type": "string", "description": "What is the matter, in French."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What to do, in French."},
        "reason": {"type": "string", "description": "Stable; more may be added."},
        "trace_id": {
            "type": "string",
            "description": "Quote it when you ask about this call; as the header `x-trace-id`.",
        },
        "retry_after_seconds": {
            "type": "integer",
            "description": "How long to wait, where waiting helps; as the header `retry-after`.",
        },
        "violations": {
            "type": "array",
            "description": "Every rule that the request breaks; only for INVALID_FIELD.",
            "items": {"$ref": "#/components/schemas/FieldViolation"},
        },
    },
    "required": ["type", "title", "status", "detail", "reason", "trace_id"],
}


def split(comment: str) -> tuple[str, str]:
    """The comment of an RPC: what it does, and its errors.

    Raises:
        ValueError: it documents none.
    """
    text, mark, errors = comment.partition(_MARK)
    if not mark:
        raise ValueError(f"an RPC documents no errors: {comment[:60]}…")
    return text.strip(), errors.strip()


def reasons_of(contract: Contract, rpc: Rpc) -> Sequence[Reason]:
    """The reasons that the comment of `rpc` names, and those of the RPC whose errors it shares.

    Raises:
        ValueError: a word in capitals is neither a reason nor its code, or stands after another reason's code.
    """
    _, text = split(rpc.comment)
    found: list[Reason] = []
    if shared := _THOSE_OF.search(text):
        found += reasons_of(contract, next(each for each in contract.rpcs if each.name == shared[1]))
    code = ""
    for word in _WORD.findall(text):
        if word in _CODES:
            code = word
        elif word not in Reason.__members__:
            raise ValueError(f"{rpc.name}: {word} is no reason")
        elif code not in ("", CODE_BY_REASON[Reason(word)].name):
            raise ValueError(f"{rpc.name}: {word} stands after {code}")
        else:
            found.append(Reason(word))
    return list(dict.fromkeys(found))


def statuses(contract: Contract, rpc: Rpc) -> Mapping[int, Sequence[Reason]]:
    """HTTP status → the reasons with which `rpc` is refused, in the order of the statuses."""
    by_status: dict[int, list[Reason]] = defaultdict(list)
    for reason in reasons_of(contract, rpc):
        by_status[_http_status(reason)].append(reason)
    of_the_edge = {**_OF_ANY_CALL, **(_OF_CALLS_WITH_BODY if rpc.has_body else {})}
    for status, reason in of_the_edge.items():
        if reason not in by_status[status]:
            by_status[status].append(reason)
    return dict(sorted(by_status.items()))


def example_name(status: int, reason: Reason) -> str:
    """Names the example of a refusal: by its reason, and its status where that is the edge's own."""
    return reason.value if status == _http_status(reason) else f"{reason.value}_{status}"


def example(status: int, reason: Reason) -> dict[str, Any]:
    """A refusal as it is answered."""
    error = new_status(reason, "")
    if reason is Reason.INVALID_FIELD:
        error = to_status(InvalidField(FieldViolation("nir", "NIR_KEY_MISMATCH", "")))
    if reason in _WITH_DELAY:
        error.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=30)))
    return problem_of(error, _TRACE_ID) | {"status": status}


def _http_status(reason: Reason) -> int:
    code: int = CODE_BY_REASON[reason].value[0]
    return http_status_of(code)
