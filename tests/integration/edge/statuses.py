"""Reading errors as a caller does."""

from dataclasses import dataclass
from typing import Any

import grpc
import httpx
from google.rpc import error_details_pb2

from services.kit.status import status_of

ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


@dataclass(frozen=True)
class Told:
    """What a caller was told: one status, one reason."""

    code: int
    reason: str
    domain: str
    message: str


def told_in_json(response: httpx.Response) -> Told:
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body.keys() == {"code", "message", "details"}
    (info,) = (detail for detail in body["details"] if detail["@type"] == ERROR_INFO)
    return Told(body["code"], info["reason"], info["domain"], body["message"])


def detail(response: httpx.Response, name: str) -> Any:
    (found,) = (d for d in response.json()["details"] if d["@type"].endswith(f"google.rpc.{name}"))
    return found


def told_in_grpc(error: grpc.aio.AioRpcError) -> Told:
    status = status_of(error)
    assert status.code == error.code().value[0]
    (info,) = (d for d in status.details if d.Is(error_details_pb2.ErrorInfo.DESCRIPTOR))
    read = error_details_pb2.ErrorInfo()
    info.Unpack(read)
    return Told(status.code, read.reason, read.domain, status.message)
