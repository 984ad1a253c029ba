"""Errors as people and programs read them: French words on every status, and RFC 9457 problems for JSON callers."""

import json
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from gateway.french import OTHER_RULE, RULES, WORDS, Words, wait_in_words
from gateway.reply import send_headers
from services.kit import telemetry
from services.kit.errors import Reason
from services.kit.interceptors import Context
from services.kit.status import reason_in

# Carries the problem to the edge, which makes it the body.
PROBLEM = "x-qf-problem"
PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER = "retry-after"
# With every 401: how a caller shows who it is (RFC 9110, 15.5.2).
CHALLENGE, CHALLENGED = "www-authenticate", "Bearer"
# Set by the edge on what it made of JSON, and on nothing else.
_MADE_OF_JSON = "x-envoy-original-path"
_LOCALE = "fr"

Detail = TypeVar("Detail", bound=Message)

# As the edge translates them.
_HTTP_STATUS: Mapping[int, int] = {
    code_pb2.CANCELLED: 499,
    code_pb2.INVALID_ARGUMENT: 400,
    code_pb2.DEADLINE_EXCEEDED: 504,
    code_pb2.NOT_FOUND: 404,
    code_pb2.ALREADY_EXISTS: 409,
    code_pb2.PERMISSION_DENIED: 403,
    code_pb2.RESOURCE_EXHAUSTED: 429,
    code_pb2.FAILED_PRECONDITION: 400,
    code_pb2.ABORTED: 409,
    code_pb2.OUT_OF_RANGE: 400,
    code_pb2.UNIMPLEMENTED: 501,
    code_pb2.UNAVAILABLE: 503,
    code_pb2.UNAUTHENTICATED: 401,
}


async def explain(context: Context, status: status_pb2.Status) -> status_pb2.Status:
    """`status` in French too; its headers are on their way then, the problem among them where the call came as JSON."""
    trace_id = telemetry.trace_id_of(telemetry.current_traceparent())
    headers = _headers(problem_of(status, trace_id)) if _came_as_json(context) else {}
    await send_headers(context, headers)
    return in_french(status)


def in_french(status: status_pb2.Status, detail: str = "") -> status_pb2.Status:
    """`status` with `detail` or its reason's in a LocalizedMessage, and words with each violation."""
    worded = status_pb2.Status(code=status.code, message=status.message)
    for each in status.details:
        bad_request = error_details_pb2.BadRequest()
        if each.Unpack(bad_request):
            _word_violations(bad_request)
            worded.details.add().Pack(bad_request)
        else:
            worded.details.append(each)
    message = error_details_pb2.LocalizedMessage(locale=_LOCALE, message=detail or french_detail(status))
    worded.details.add().Pack(message)
    return worded


def problem_of(status: status_pb2.Status, trace_id: str, *, detail: str = "") -> dict[str, Any]:
    """The problem (RFC 9457) that tells `status`; `detail` where there is more to say than its reason does."""
    reason = reason_in(status) or Reason.INTERNAL
    problem: dict[str, Any] = {
        "type": problem_type(reason),
        "title": _words(reason).title,
        "status": http_status_of(status.code),
        "detail": detail or french_detail(status),
        "reason": reason.value,
        "trace_id": trace_id,
    }
    seconds = retry_after_seconds(status)
    if seconds is not None:
        problem["retry_after_seconds"] = seconds
    if reason is Reason.INVALID_FIELD:
        names = ("field", "rule", "detail")
        problem["violations"] = [dict(zip(names, each, strict=True)) for each in french_violations(status)]
    return problem


def problem_line(problem: Mapping[str, Any]) -> str:
    """One line of ASCII JSON: it travels in a header."""
    return json.dumps(problem, separators=(",", ":"))


def problem_type(reason: Reason) -> str:
    """The URN of a reason: "urn:qf:problem:rate-limited"."""
    return f"urn:qf:problem:{reason.value.lower().replace('_', '-')}"


def http_status_of(code: int) -> int:
    """The HTTP status of a gRPC code."""
    return _HTTP_STATUS.get(code, 500)


def french_detail(status: status_pb2.Status) -> str:
    """What to do, and after what time where the status tells one."""
    detail = _words(reason_in(status) or Reason.INTERNAL).detail
    seconds = retry_after_seconds(status)
    return f"{detail} Réessayez dans {wait_in_words(seconds)}." if seconds else detail


def french_violations(status: status_pb2.Status) -> list[tuple[str, str, str]]:
    """Each violation's field, rule, and the rule in words."""
    bad_request = _detail(status, error_details_pb2.BadRequest)
    violations: Sequence[Any] = bad_request.field_violations if bad_request else ()
    return [(each.field, each.reason, RULES.get(each.reason, OTHER_RULE)) for each in violations]


def retry_after_seconds(status: status_pb2.Status) -> int | None:
    """Whole seconds to wait, rounded up, where the status tells them."""
    retry_info = _detail(status, error_details_pb2.RetryInfo)
    return math.ceil(retry_info.retry_delay.ToMilliseconds() / 1000) if retry_info else None


def _headers(problem: Mapping[str, Any]) -> dict[str, str]:
    headers = {PROBLEM: problem_line(problem)}
    if "retry_after_seconds" in problem:
        headers[RETRY_AFTER] = str(problem["retry_after_seconds"])
    if problem["status"] == HTTPStatus.UNAUTHORIZED:
        headers[CHALLENGE] = CHALLENGED
    return headers


def _came_as_json(context: Context) -> bool:
    return any(key == _MADE_OF_JSON for key, _ in context.invocation_metadata() or ())


def _words(reason: Reason) -> Words:
    return WORDS.get(reason, WORDS[Reason.INTERNAL])


def _word_violations(bad_request: error_details_pb2.BadRequest) -> None:
    for violation in bad_request.field_violations:
        violation.localized_message.locale = _LOCALE
        violation.localized_message.message = RULES.get(violation.reason, OTHER_RULE)


def _detail(status: status_pb2.Status, kind: type[Detail]) -> Detail | None:
    for each in status.details:
        detail = kind()
        if each.Unpack(detail):
            return detail
    return None
