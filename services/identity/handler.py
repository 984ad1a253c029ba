"""msa.identity.v1 ↔ the domain."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import grpc
from google.protobuf.duration_pb2 import Duration

from msa.identity.v1 import account_service_pb2 as account_pb
from msa.identity.v1 import account_service_pb2_grpc as account_rpc
from msa.identity.v1 import session_service_pb2 as session_pb
from msa.identity.v1 import session_service_pb2_grpc as session_rpc
from services.identity.domain import Account, Authentication, Decision
from services.identity.service import AccountService, SessionService
from services.kit.errors import FieldViolation, InvalidField
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_timestamp
from services.kit.redaction import Password, SessionToken

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

_DECISIONS = {
    Decision.ACCEPTED: session_pb.AUTHENTICATION_DECISION_ACCEPTED,
    Decision.REFUSED: session_pb.AUTHENTICATION_DECISION_REFUSED,
    Decision.RATE_LIMITED: session_pb.AUTHENTICATION_DECISION_RATE_LIMITED,
}


class AccountHandler(account_rpc.AccountServiceServicer):
    """AccountService."""

    def __init__(self, service: AccountService) -> None:
        self._service = service

    async def CreateAccount(
        self, request: account_pb.CreateAccountRequest, context: Context
    ) -> account_pb.CreateAccountResponse:
        """Answers with the credentials, this once (art. 4-2)."""
        habilitation_id = parse_uuid("habilitation_id", request.habilitation_id)
        account, temporary = await self._service.create(habilitation_id, request.caisse_code)
        return account_pb.CreateAccountResponse(
            account=_account(account),
            temporary_password=temporary.password.reveal(),
            temporary_password_expire_time=to_timestamp(temporary.expire_time),
        )

    async def GetAccount(
        self, request: account_pb.GetAccountRequest, context: Context
    ) -> account_pb.GetAccountResponse:
        """Shows an account."""
        match request.WhichOneof("key"):
            case "account_id":
                account = await self._service.get(_account_id(request))
            case "habilitation_id":
                habilitation_id = parse_uuid("habilitation_id", request.habilitation_id)
                account = await self._service.get_by_habilitation(habilitation_id)
            case _:
                raise InvalidField(
                    FieldViolation("key", "REQUIRED", "must be an account_id or a habilitation_id")
                )
        return account_pb.GetAccountResponse(account=_account(account))

    async def IssueTemporaryPassword(
        self, request: account_pb.IssueTemporaryPasswordRequest, context: Context
    ) -> account_pb.IssueTemporaryPasswordResponse:
        """Replaces lost or stolen credentials (art. 5)."""
        temporary = await self._service.issue_temporary_password(_account_id(request))
        return account_pb.IssueTemporaryPasswordResponse(
            temporary_password=temporary.password.reveal(),
            temporary_password_expire_time=to_timestamp(temporary.expire_time),
        )

    async def DisableAccount(
        self, request: account_pb.DisableAccountRequest, context: Context
    ) -> account_pb.DisableAccountResponse:
        """Refuses every later sign-in (art. 4-4, 7-2)."""
        await self._service.disable(_account_id(request))
        return account_pb.DisableAccountResponse()

    async def RevokeSessions(
        self, request: account_pb.RevokeSessionsRequest, context: Context
    ) -> account_pb.RevokeSessionsResponse:
        """Ends the sessions of an account."""
        await self._service.revoke_sessions(_account_id(request))
        return account_pb.RevokeSessionsResponse()


class SessionHandler(session_rpc.SessionServiceServicer):
    """SessionService."""

    def __init__(self, service: SessionService) -> None:
        self._service = service

    async def SignIn(self, request: session_pb.SignInRequest, context: Context) -> session_pb.SignInResponse:
        """Opens a session (art. 4-3)."""
        opened = await self._service.sign_in(request.login, Password(request.password))
        return session_pb.SignInResponse(
            session_token=opened.token.reveal(),
            password_change_required=opened.password_change_required,
            idle_timeout=_duration(opened.idle_timeout),
            expire_time=to_timestamp(opened.expire_time),
            previous_sign_in_time=to_timestamp(opened.previous_sign_in_time),
        )

    async def ChangePassword(
        self, request: session_pb.ChangePasswordRequest, context: Context
    ) -> session_pb.ChangePasswordResponse:
        """Replaces the password and opens a new session (art. 4-3)."""
        opened = await self._service.change_password(
            SessionToken(request.session_token),
            Password(request.current_password),
            Password(request.new_password),
        )
        return session_pb.ChangePasswordResponse(
            session_token=opened.token.reveal(),
            idle_timeout=_duration(opened.idle_timeout),
            expire_time=to_timestamp(opened.expire_time),
        )

    async def GetSession(
        self, request: session_pb.GetSessionRequest, context: Context
    ) -> session_pb.GetSessionResponse:
        """Tells what is left of a session (art. 7-1)."""
        view = await self._service.get_session(SessionToken(request.session_token))
        return session_pb.GetSessionResponse(
            password_change_required=view.password_change_required,
            idle_timeout=_duration(view.idle_timeout),
            idle_expire_time=to_timestamp(view.idle_expire_time),
            expire_time=to_timestamp(view.expire_time),
        )

    async def SignOut(
        self, request: session_pb.SignOutRequest, context: Context
    ) -> session_pb.SignOutResponse:
        """Ends a session."""
        await self._service.sign_out(SessionToken(request.session_token))
        return session_pb.SignOutResponse()

    async def Authenticate(
        self, request: session_pb.AuthenticateRequest, context: Context
    ) -> session_pb.AuthenticateResponse:
        """Judges a batch of sessions (art. 7-1)."""
        tokens = [SessionToken(item.session_token) for item in request.items]
        verdicts = await self._service.authenticate(tokens)
        return session_pb.AuthenticateResponse(results=map(_result, verdicts))


def _account_id(
    request: account_pb.GetAccountRequest
    | account_pb.IssueTemporaryPasswordRequest
    | account_pb.DisableAccountRequest
    | account_pb.RevokeSessionsRequest,
) -> UUID:
    return parse_uuid("account_id", request.account_id)


def _account(account: Account) -> account_pb.Account:
    return account_pb.Account(
        account_id=str(account.account_id),
        habilitation_id=str(account.habilitation_id),
        login=account.login,
        password_change_required=account.password_change_required,
        disable_time=to_timestamp(account.disable_time),
        create_time=to_timestamp(account.create_time),
        last_sign_in_time=to_timestamp(account.last_sign_in_time),
    )


def _result(verdict: Authentication) -> session_pb.AuthenticateResult:
    result = session_pb.AuthenticateResult(
        decision=_DECISIONS[verdict.decision], retry_after=_duration(verdict.retry_after)
    )
    if verdict.standing is not None:
        result.account_id = str(verdict.standing.account_id)
        result.habilitation_id = str(verdict.standing.habilitation_id)
        result.password_change_required = verdict.standing.password_change_required
    return result


def _duration(span: timedelta | None) -> Duration | None:
    if span is None:
        return None
    duration = Duration()
    duration.FromTimedelta(span)
    return duration
