"""An identity that answers as it is told and remembers what reached it."""

# ruff: noqa: N802 - the protos name the methods

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc

from msa.identity.v1 import second_factor_service_pb2 as factor_pb
from msa.identity.v1 import session_service_pb2 as session_pb
from msa.identity.v1.second_factor_service_pb2_grpc import (
    SecondFactorServiceServicer,
    add_SecondFactorServiceServicer_to_server,
)
from msa.identity.v1.session_service_pb2_grpc import (
    SessionServiceServicer,
    add_SessionServiceServicer_to_server,
)
from services.kit.errors import Reason
from services.kit.interceptors import abort
from services.kit.messages import to_timestamp
from services.kit.status import new_status

IDLE_TIMEOUT = timedelta(minutes=15)
EXPIRE_TIME = datetime(2026, 11, 23, 22, tzinfo=UTC)
PREVIOUS_SIGN_IN_TIME = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
ACCEPTED = session_pb.AuthenticateResult(
    decision=session_pb.AUTHENTICATION_DECISION_ACCEPTED,
    account_id="account-1",
    habilitation_id="habilitation-1",
)
ACCEPTED.remaining.FromTimedelta(timedelta(seconds=893, milliseconds=999))


class IdentityService(SessionServiceServicer, SecondFactorServiceServicer):
    """Both services that the gateway calls."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.refusal: Reason | None = None
        self.verdict = session_pb.AuthenticateResult()
        self.verdict.CopyFrom(ACCEPTED)

    def limit(self, remaining: int, scope: Any = session_pb.RATE_LIMIT_SCOPE_ACCOUNT) -> None:
        """From now on it tells of another limit, of 600 a minute."""
        told = self.verdict.rate_limits.add(scope=scope, limit=600, remaining=remaining)
        told.reset.FromMilliseconds(1200)
        told.window.FromSeconds(60)

    async def SignIn(self, request: Any, context: Any) -> Any:
        await self._receive(request, context)
        return _opened(
            session_pb.SignInResponse(
                password_change_required=True,
                previous_sign_in_time=to_timestamp(PREVIOUS_SIGN_IN_TIME),
                second_factor_enrolment_required=True,
                earlier_session_ended=True,
                password_renewal_advised=True,
                device_token="device-2",
                refused_sign_in_count=4,
            )
        )

    async def ChangePassword(self, request: Any, context: Any) -> Any:
        await self._receive(request, context)
        return _opened(session_pb.ChangePasswordResponse(second_factor_enrolment_required=True))

    async def GetSession(self, request: Any, context: Any) -> Any:
        await self._receive(request, context)
        response = session_pb.GetSessionResponse(
            password_change_required=True,
            idle_expire_time=to_timestamp(EXPIRE_TIME - timedelta(hours=1)),
            expire_time=to_timestamp(EXPIRE_TIME),
            expiring_soon=True,
            second_factor_enrolment_required=True,
            previous_sign_in_time=to_timestamp(PREVIOUS_SIGN_IN_TIME),
        )
        response.idle_timeout.FromTimedelta(IDLE_TIMEOUT)
        response.remaining.FromTimedelta(timedelta(seconds=59))
        return response

    async def SignOut(self, request: Any, context: Any) -> Any:
        await self._receive(request, context)
        return session_pb.SignOutResponse()

    async def Authenticate(self, request: Any, context: Any) -> Any:
        await self._receive(request, context)
        return session_pb.AuthenticateResponse(results=[self.verdict] * len(request.items))

    async def BeginEnrolment(self, request: Any, context: Any) -> Any:
        await self._receive(request, context)
        return factor_pb.BeginEnrolmentResponse(
            totp_secret="SECRET32", otpauth_uri="otpauth://totp/x", qr_code_svg="<svg/>"
        )

    async def ConfirmEnrolment(self, request: Any, context: Any) -> Any:
        await self._receive(request, context)
        return _opened(factor_pb.ConfirmEnrolmentResponse(recovery_codes=["code-1", "code-2"]))

    async def RenewRecoveryCodes(self, request: Any, context: Any) -> Any:
        await self._receive(request, context)
        return factor_pb.RenewRecoveryCodesResponse(recovery_codes=["code-3"])

    async def RemoveSecondFactor(self, request: Any, context: Any) -> Any:
        await self._receive(request, context)
        return _opened(factor_pb.RemoveSecondFactorResponse())

    async def _receive(self, request: Any, context: Any) -> None:
        self.requests.append(request)
        if self.refusal is not None:
            await abort(context, new_status(self.refusal, "Identity's own words."))


def identity_server(identity: IdentityService) -> tuple[grpc.aio.Server, int]:
    """A server with both services, and its port."""
    server = grpc.aio.server()
    add_SessionServiceServicer_to_server(identity, server)
    add_SecondFactorServiceServicer_to_server(identity, server)
    return server, server.add_insecure_port("127.0.0.1:0")


def _opened(response: Any) -> Any:
    response.session_token = "token-2"
    response.idle_timeout.FromTimedelta(IDLE_TIMEOUT)
    response.expire_time.CopyFrom(to_timestamp(EXPIRE_TIME))
    return response
