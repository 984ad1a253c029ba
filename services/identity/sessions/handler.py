"""msa.identity.v1.SessionService ↔ the use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from msa.identity.v1 import session_service_pb2 as pb
from msa.identity.v1 import session_service_pb2_grpc as rpc
from services.identity.messages import client_context
from services.identity.sessions.domain import Authentication, Decision, SessionUse
from services.identity.sessions.password_change import PasswordChangeService
from services.identity.sessions.rates import WINDOW, RateLimit, RateScope
from services.identity.sessions.service import SessionService
from services.identity.sessions.sign_in import SignInService
from services.kit.messages import to_duration, to_timestamp
from services.kit.redaction import OneTimeCode, Password, SessionToken

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

_DECISIONS = {
    Decision.ACCEPTED: pb.AUTHENTICATION_DECISION_ACCEPTED,
    Decision.REFUSED: pb.AUTHENTICATION_DECISION_REFUSED,
    Decision.RATE_LIMITED: pb.AUTHENTICATION_DECISION_RATE_LIMITED,
    Decision.USE_SUSPENDED: pb.AUTHENTICATION_DECISION_USE_SUSPENDED,
    Decision.NETWORK_NOT_ALLOWED: pb.AUTHENTICATION_DECISION_NETWORK_NOT_ALLOWED,
    Decision.CLIENT_CERTIFICATE_REQUIRED: pb.AUTHENTICATION_DECISION_CLIENT_CERTIFICATE_REQUIRED,
}
_SCOPES = {
    RateScope.ACCOUNT: pb.RATE_LIMIT_SCOPE_ACCOUNT,
    RateScope.PARTNER: pb.RATE_LIMIT_SCOPE_PARTNER,
    RateScope.ADDRESS: pb.RATE_LIMIT_SCOPE_ADDRESS,
}
_WINDOW = to_duration(WINDOW)


class SessionHandler(rpc.SessionServiceServicer):
    """SessionService."""

    def __init__(
        self, sign_ins: SignInService, password_changes: PasswordChangeService, sessions: SessionService
    ) -> None:
        self._sign_ins = sign_ins
        self._password_changes = password_changes
        self._sessions = sessions

    async def SignIn(self, request: pb.SignInRequest, context: Context) -> pb.SignInResponse:
        """Opens a session (art. 4-3)."""
        signed_in = await self._sign_ins.sign_in(
            request.login,
            Password(request.password),
            OneTimeCode(request.one_time_code),
            client_context(request.client),
        )
        session = signed_in.session
        return pb.SignInResponse(
            session_token=session.token.reveal(),
            password_change_required=session.password_change_required,
            second_factor_enrolment_required=session.second_factor_enrolment_required,
            idle_timeout=to_duration(session.idle_timeout),
            expire_time=to_timestamp(session.expire_time),
            previous_sign_in_time=to_timestamp(signed_in.previous_sign_in_time),
            earlier_session_ended=signed_in.earlier_session_ended,
            password_renewal_advised=signed_in.password_renewal_advised,
            device_token=signed_in.device_token.reveal(),
            refused_sign_in_count=signed_in.refused_sign_in_count,
        )

    async def ChangePassword(
        self, request: pb.ChangePasswordRequest, context: Context
    ) -> pb.ChangePasswordResponse:
        """Replaces the password and opens a new session (art. 4-3)."""
        session = await self._password_changes.change(
            SessionToken(request.session_token),
            Password(request.current_password),
            Password(request.new_password),
            client_context(request.client),
        )
        return pb.ChangePasswordResponse(
            session_token=session.token.reveal(),
            idle_timeout=to_duration(session.idle_timeout),
            expire_time=to_timestamp(session.expire_time),
            second_factor_enrolment_required=session.second_factor_enrolment_required,
        )

    async def GetSession(self, request: pb.GetSessionRequest, context: Context) -> pb.GetSessionResponse:
        """Tells what is left of a session (art. 7-1)."""
        view = await self._sessions.get(SessionToken(request.session_token))
        return pb.GetSessionResponse(
            password_change_required=view.password_change_required,
            second_factor_enrolment_required=view.second_factor_enrolment_required,
            idle_timeout=to_duration(view.idle_timeout),
            idle_expire_time=to_timestamp(view.idle_expire_time),
            expire_time=to_timestamp(view.expire_time),
            remaining=to_duration(view.remaining),
            expiring_soon=view.expiring_soon,
            previous_sign_in_time=to_timestamp(view.previous_sign_in_time),
        )

    async def SignOut(self, request: pb.SignOutRequest, context: Context) -> pb.SignOutResponse:
        """Ends a session."""
        await self._sessions.sign_out(SessionToken(request.session_token), client_context(request.client))
        return pb.SignOutResponse()

    async def Authenticate(
        self, request: pb.AuthenticateRequest, context: Context
    ) -> pb.AuthenticateResponse:
        """Judges a batch of sessions (art. 7-1)."""
        verdicts = await self._sessions.authenticate([_use(item) for item in request.items])
        return pb.AuthenticateResponse(results=map(_result, verdicts))


def _use(item: pb.AuthenticateItem) -> SessionUse:
    return SessionUse(
        token_digest=SessionToken(item.session_token).digest(),
        client=client_context(item.client) if item.HasField("client") else None,
        consultation_count=0 if item.counted_before else max(1, item.consultation_count),
    )


def _result(verdict: Authentication) -> pb.AuthenticateResult:
    result = pb.AuthenticateResult(
        decision=_DECISIONS[verdict.decision],
        retry_after=to_duration(verdict.retry_after),
        remaining=to_duration(verdict.remaining),
        rate_limits=map(_rate_limit, verdict.rate_limits),
    )
    if verdict.standing is not None:
        result.account_id = str(verdict.standing.account_id)
        result.habilitation_id = str(verdict.standing.habilitation_id)
        result.password_change_required = verdict.standing.password_change_required
        result.second_factor_enrolment_required = verdict.standing.second_factor_enrolment_required
    return result


def _rate_limit(limit: RateLimit) -> pb.RateLimit:
    return pb.RateLimit(
        scope=_SCOPES[limit.scope],
        limit=limit.limit,
        remaining=limit.remaining,
        reset=to_duration(limit.reset),
        window=_WINDOW,
    )
