"""msa.identity.v1.AccountService ↔ the use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import grpc

from msa.identity.v1 import account_service_pb2 as pb
from msa.identity.v1 import account_service_pb2_grpc as rpc
from services.identity.accounts.domain import (
    EVERYBODY,
    Account,
    OfAccount,
    OfHabilitation,
    OneSession,
    PartnerPolicy,
    RevocationScope,
    of_caisse,
    of_partner,
    the_one_scope,
)
from services.identity.accounts.service import AccountService
from services.identity.dormancy.domain import disable_date
from services.identity.partner_access import read_certificates, read_networks
from services.kit.errors import FieldViolation, InvalidField
from services.kit.etags import etag_of
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_date, to_timestamp

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class AccountHandler(rpc.AccountServiceServicer):
    """AccountService."""

    def __init__(self, service: AccountService) -> None:
        self._service = service

    async def CreateAccount(
        self, request: pb.CreateAccountRequest, context: Context
    ) -> pb.CreateAccountResponse:
        """Answers with the credentials, this once (art. 4-2)."""
        account, temporary = await self._service.create(
            parse_uuid("habilitation_id", request.habilitation_id),
            parse_uuid("partner_id", request.partner_id),
            request.caisse_code,
            request.personal_words,
        )
        return pb.CreateAccountResponse(
            account=_account(account, locked=False),
            temporary_password=temporary.password.reveal(),
            temporary_password_expire_time=to_timestamp(temporary.expire_time),
        )

    async def GetAccount(self, request: pb.GetAccountRequest, context: Context) -> pb.GetAccountResponse:
        """Shows an account."""
        match request.WhichOneof("key"):
            case "account_id":
                account = await self._service.get(parse_uuid("account_id", request.account_id))
            case "habilitation_id":
                habilitation_id = parse_uuid("habilitation_id", request.habilitation_id)
                account = await self._service.get_by_habilitation(habilitation_id)
            case _:
                raise InvalidField(
                    FieldViolation("key", "REQUIRED", "must be an account_id or a habilitation_id")
                )
        locked = await self._service.is_locked(account)
        return pb.GetAccountResponse(account=_account(account, locked=locked))

    async def IssueTemporaryPassword(
        self, request: pb.IssueTemporaryPasswordRequest, context: Context
    ) -> pb.IssueTemporaryPasswordResponse:
        """Replaces lost or stolen credentials (art. 5)."""
        account_id = parse_uuid("account_id", request.account_id)
        temporary = await self._service.issue_temporary_password(account_id)
        return pb.IssueTemporaryPasswordResponse(
            temporary_password=temporary.password.reveal(),
            temporary_password_expire_time=to_timestamp(temporary.expire_time),
        )

    async def DisableAccount(
        self, request: pb.DisableAccountRequest, context: Context
    ) -> pb.DisableAccountResponse:
        """Refuses every later sign-in (art. 4-4, 7-2)."""
        await self._service.disable(parse_uuid("account_id", request.account_id))
        return pb.DisableAccountResponse()

    async def UnlockAccount(
        self, request: pb.UnlockAccountRequest, context: Context
    ) -> pb.UnlockAccountResponse:
        """Forgets the failures that lock an account."""
        await self._service.unlock(parse_uuid("account_id", request.account_id))
        return pb.UnlockAccountResponse()

    async def RevokeSessions(
        self, request: pb.RevokeSessionsRequest, context: Context
    ) -> pb.RevokeSessionsResponse:
        """Ends sessions (N3)."""
        await self._service.revoke_sessions(the_one_scope(_scopes(request)))
        return pb.RevokeSessionsResponse()

    async def SetPartnerPolicy(
        self, request: pb.SetPartnerPolicyRequest, context: Context
    ) -> pb.SetPartnerPolicyResponse:
        """Puts a partner's policy in force, in the place of the one before."""
        wanted = request.policy
        policy = PartnerPolicy(
            partner_id=parse_uuid("policy.partner_id", wanted.partner_id),
            second_factor_required=wanted.second_factor_required,
            networks=read_networks("policy.networks", wanted.networks),
            client_certificates_sha256=read_certificates(
                "policy.client_certificates_sha256", wanted.client_certificates_sha256
            ),
        )
        in_force = await self._service.set_policy(policy, wanted.etag)
        return pb.SetPartnerPolicyResponse(policy=_policy(in_force))

    async def GetPartnerPolicy(
        self, request: pb.GetPartnerPolicyRequest, context: Context
    ) -> pb.GetPartnerPolicyResponse:
        """Shows a partner's policy."""
        policy = await self._service.policy(parse_uuid("partner_id", request.partner_id))
        return pb.GetPartnerPolicyResponse(policy=_policy(policy))


def _scopes(request: pb.RevokeSessionsRequest) -> list[RevocationScope]:
    def named(field: str) -> UUID:
        return parse_uuid(field, getattr(request, field))

    scopes: list[RevocationScope] = []
    if request.account_id:
        scopes.append(OfAccount(named("account_id")))
    if request.session_id:
        scopes.append(OneSession(named("session_id")))
    if request.habilitation_id:
        scopes.append(OfHabilitation(named("habilitation_id")))
    if request.partner_id:
        scopes.append(of_partner(named("partner_id")))
    if request.caisse_code:
        scopes.append(of_caisse(request.caisse_code))
    if request.all:
        scopes.append(EVERYBODY)
    return scopes


def _account(account: Account, *, locked: bool) -> pb.Account:
    return pb.Account(
        account_id=str(account.account_id),
        habilitation_id=str(account.habilitation_id),
        partner_id=str(account.partner_id),
        caisse_code=account.caisse_code,
        login=account.login,
        password_change_required=account.password_change_required,
        password_set_time=to_timestamp(account.password_set_time),
        second_factor_enrolled=account.second_factor_enrolled,
        locked=locked,
        disable_time=to_timestamp(account.disable_time),
        dormancy_date=to_date(disable_date(account.used_time)),
        create_time=to_timestamp(account.create_time),
        last_sign_in_time=to_timestamp(account.last_sign_in_time),
    )


def _policy(policy: PartnerPolicy) -> pb.PartnerPolicy:
    return pb.PartnerPolicy(
        partner_id=str(policy.partner_id),
        second_factor_required=policy.second_factor_required,
        networks=policy.networks,
        client_certificates_sha256=policy.client_certificates_sha256,
        etag=etag_of(policy.version),
    )
