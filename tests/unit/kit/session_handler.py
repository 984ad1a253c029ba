"""A small service to call: what it answers depends on the login."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from msa.identity.v1 import session_service_pb2 as pb
from msa.identity.v1 import session_service_pb2_grpc as rpc
from services.kit.errors import DependencyUnavailable, FieldViolation, InvalidField, RecordNotFound
from services.kit.interceptors import remaining_seconds

SECRET = "269054958815780"


@dataclass
class Handler(rpc.SessionServiceServicer):
    """Answers as the login says."""

    calls: list[str] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    remaining_seconds: float | None = None

    async def SignIn(self, request: pb.SignInRequest, context: Any) -> pb.SignInResponse:
        self.calls.append("SignIn")
        self.called.set()
        self.remaining_seconds = remaining_seconds()
        if request.login == "invalid":
            raise InvalidField(FieldViolation("login", "LOGIN", "is empty"))
        if request.login == "absent":
            raise RecordNotFound
        if request.login == "away":
            raise DependencyUnavailable
        if request.login == "defect":
            raise LookupError(f"no row for {SECRET}")
        if request.login == "slow":
            await asyncio.sleep(1)
        return pb.SignInResponse(session_token="token")

    async def ChangePassword(
        self, request: pb.ChangePasswordRequest, context: Any
    ) -> pb.ChangePasswordResponse:
        raise NotImplementedError

    async def SignOut(self, request: pb.SignOutRequest, context: Any) -> pb.SignOutResponse:
        self.calls.append("SignOut")
        return pb.SignOutResponse()

    async def GetSession(self, request: pb.GetSessionRequest, context: Any) -> pb.GetSessionResponse:
        self.calls.append("GetSession")
        return pb.GetSessionResponse()

    async def Authenticate(self, request: pb.AuthenticateRequest, context: Any) -> pb.AuthenticateResponse:
        self.calls.append("Authenticate")
        return pb.AuthenticateResponse(results=[pb.AuthenticateResult() for _ in request.items])
