"""Reading errors as a caller does."""

from dataclasses import dataclass
from typing import Any

import grpc
import httpx
from google.rpc import error_details_pb2

from gateway.problems import PROBLEM, problem_type
from services.kit.errors import Reason
from services.kit.status import status_of

MEMBERS = {"type", "title", "status", "detail", "reason", "trace_id"}
# From their introduction on, and to those only that need them.
MORE_MEMBERS = {"retry_after_seconds", "violations"}


@dataclass(frozen=True)
class Told:
    """What a gRPC caller was told: one status, one reason, and the same in French."""

    code: int
    reason: str
    domain: str
    message: str
    french: str


def problem(response: httpx.Response) -> dict[str, Any]:
    """The problem (RFC 9457) that a JSON caller was told."""
    assert response.headers["content-type"] == "application/problem+json"
    assert PROBLEM not in response.headers
    told: dict[str, Any] = response.json()
    assert told.keys() >= MEMBERS
    assert told.keys() <= MEMBERS | MORE_MEMBERS
    assert told["status"] == response.status_code
    assert told["type"] == problem_type(Reason(told["reason"]))
    assert told["trace_id"] == response.headers.get("x-trace-id", "")
    retry_after = told.get("retry_after_seconds")
    assert response.headers.get("retry-after") == (None if retry_after is None else str(retry_after))
    return told


def told_in_grpc(error: grpc.aio.AioRpcError) -> Told:
    status = status_of(error)
    assert status.code == error.code().value[0]
    (info,) = (d for d in status.details if d.Is(error_details_pb2.ErrorInfo.DESCRIPTOR))
    read = error_details_pb2.ErrorInfo()
    info.Unpack(read)
    (words,) = (d for d in status.details if d.Is(error_details_pb2.LocalizedMessage.DESCRIPTOR))
    french = error_details_pb2.LocalizedMessage()
    words.Unpack(french)
    assert french.locale == "fr"
    return Told(status.code, read.reason, read.domain, status.message, french.message)
