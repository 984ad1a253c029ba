"""`msa.identity.v1.AccountService`, as far as the register's acts need it."""

from uuid import UUID

from msa.identity.v1 import account_service_pb2 as pb
from msa.identity.v1.account_service_pb2_grpc import AccountServiceStub
from services.kit.client import Upstream
from services.kit.errors import Reason
from services.kit.status import PeerError, reason_in

_SERVICE = "msa.identity.v1.AccountService"


class IdentityClient:
    """Ends sessions and disables accounts. Every method may be repeated."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._stub = AccountServiceStub(upstream.channel)

    async def end_partner_sessions(self, partner_id: UUID) -> None:
        """Ends the sessions of every user of a partner. Raises DependencyUnavailable, PeerError."""
        await self._revoke(pb.RevokeSessionsRequest(partner_id=str(partner_id)))

    async def end_user_sessions(self, habilitation_id: UUID) -> None:
        """Ends the sessions of one user, if he has an account. Raises DependencyUnavailable, PeerError."""
        try:
            await self._revoke(pb.RevokeSessionsRequest(habilitation_id=str(habilitation_id)))
        except PeerError as error:
            _require_absent(error)

    async def disable_account(self, habilitation_id: UUID) -> None:
        """Refuses every later sign-in of one user, if he has an account. Raises DependencyUnavailable, PeerError."""
        try:
            found = await self._upstream.call(
                f"{_SERVICE}/GetAccount",
                self._stub.GetAccount,
                pb.GetAccountRequest(habilitation_id=str(habilitation_id)),
            )
        except PeerError as error:
            _require_absent(error)
            return
        await self._upstream.call(
            f"{_SERVICE}/DisableAccount",
            self._stub.DisableAccount,
            pb.DisableAccountRequest(account_id=found.account.account_id),
        )

    async def _revoke(self, request: pb.RevokeSessionsRequest) -> None:
        await self._upstream.call(f"{_SERVICE}/RevokeSessions", self._stub.RevokeSessions, request)


def _require_absent(error: PeerError) -> None:
    """Where there is no account, there is nothing to end. Raises `error` where it says anything else."""
    if reason_in(error.status) is not Reason.RECORD_NOT_FOUND:
        raise error
