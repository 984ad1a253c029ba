"""Puts demo users and caisses into the states that a partner's software must cope with.

All of it through the services' own APIs.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

import grpc

from deploy.local.caisse import CALL_SECONDS, utc
from deploy.local.channels import internal_channel
from deploy.local.layout import Layout
from deploy.local.people import LORRAINE, POITOU
from deploy.local.settings import Ports
from deploy.local.states import State
from msa.identity.v1 import account_service_pb2 as account_pb
from msa.identity.v1 import use_service_pb2 as use_pb
from msa.identity.v1.account_service_pb2_grpc import AccountServiceStub
from msa.identity.v1.use_service_pb2_grpc import UseServiceStub
from msa.partners.v1 import caisse_settings_service_pb2 as settings_pb
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from msa.partners.v1.caisse_settings_service_pb2_grpc import CaisseSettingsServiceStub
from msa.partners.v1.convention_service_pb2_grpc import ConventionServiceStub
from msa.partners.v1.habilitation_service_pb2_grpc import HabilitationServiceStub
from msa.partners.v1.partner_service_pb2_grpc import PartnerServiceStub
from services.kit.clock import PARIS
from services.kit.messages import to_date, to_timestamp

# Documentation addresses (RFC 5737): nobody calls from there, and no stack on loopback does.
ELSEWHERE = "203.0.113.0/24"
# A maintenance is at most 72 hours long (art. 5): one follows upon the other, until a week ahead at least.
MAINTENANCE_LENGTH = timedelta(hours=72)
MAINTAINED_AHEAD = timedelta(days=7)
# All of them unknown: far above what suspends an account (art. 7-2).
UNUSUAL_COUNT = 300


class Standing(Protocol):
    """The records that give a user access."""

    @property
    def account_id(self) -> str:
        """The credentials (art. 4-2)."""
        ...

    @property
    def habilitation_id(self) -> str:
        """The right of the user."""
        ...

    @property
    def convention_id(self) -> str:
        """What it rests on."""
        ...

    @property
    def partner_id(self) -> str:
        """His organisation."""
        ...


class Sandbox:
    """A caisse's own system at work, and the gateway where it reports use; raises as `Caisse` does."""

    def __init__(
        self, identity: grpc.aio.Channel, partners: grpc.aio.Channel, identity_of_gateway: grpc.aio.Channel
    ) -> None:
        self._accounts = AccountServiceStub(identity)
        self._use = UseServiceStub(identity_of_gateway)
        self._partners = PartnerServiceStub(partners)
        self._conventions = ConventionServiceStub(partners)
        self._habilitations = HabilitationServiceStub(partners)
        self._caisses = CaisseSettingsServiceStub(partners)
        self._acts: Mapping[State, Callable[[Standing, date], Awaitable[object]]] = {
            State.HABILITATION_WITHDRAWN: self._withdraw,
            State.USER_SUSPENDED: self._suspend_user,
            State.PARTNER_SUSPENDED: self._suspend_partner,
            State.CONVENTION_ENDED: self._end_convention,
            State.SECOND_FACTOR_REQUIRED: self._require_second_factor,
            State.NETWORK_NOT_ALLOWED: self._name_network,
            State.USE_SUSPENDED: self._use_unusually,
        }

    async def put_into(self, state: State, standing: Standing, today: date) -> None:
        """Makes a user's state what it should be; done once, when he is made."""
        if state in self._acts:
            await self._acts[state](standing, today)

    async def require_certificate(self, partner_id: str, certificate_sha256: str) -> None:
        """Takes a partner's calls with this client certificate only (art. 7-2)."""
        request = account_pb.GetPartnerPolicyRequest(partner_id=partner_id)
        reply = await self._accounts.GetPartnerPolicy(request, timeout=CALL_SECONDS)
        if list(reply.policy.client_certificates_sha256) != [certificate_sha256]:
            await self._set_policy(partner_id, client_certificates_sha256=[certificate_sha256])

    async def decide(self, now: datetime) -> None:
        """What the caisses decide about their service: one asks for a reference of the case, one is in maintenance."""
        await self._require_case_reference(POITOU)
        await self._announce_maintenance(POITOU, now)
        await self._keep_in_maintenance(LORRAINE, now)

    async def _require_case_reference(self, caisse: str) -> None:
        reply = await self._caisses.GetCaisseSettings(
            settings_pb.GetCaisseSettingsRequest(caisse_code=caisse), timeout=CALL_SECONDS
        )
        if not reply.settings.case_reference_required:
            settings = settings_pb.CaisseSettings(caisse_code=caisse, case_reference_required=True)
            request = settings_pb.SetCaisseSettingsRequest(settings=settings, reason="démonstration")
            await self._caisses.SetCaisseSettings(request, timeout=CALL_SECONDS)

    async def _announce_maintenance(self, caisse: str, now: datetime) -> None:
        """One lies ahead: in the night before the first of a month, when nothing is consulted anyway (art. 5)."""
        if not await self._maintenances(caisse):
            start = _night_ahead(now)
            await self._plan(caisse, start, start + timedelta(hours=5), "Mise à jour annuelle.")

    async def _keep_in_maintenance(self, caisse: str, now: datetime) -> None:
        """It runs now, and for a week at least: a stack may stay up for days, and be started again weeks later."""
        planned = await self._maintenances(caisse)
        end = utc(planned[-1].end_time) if planned else None
        while end is None or end < now + MAINTAINED_AHEAD:
            # Without a start it begins at once, by the service's own clock.
            start, end = end, (end or now) + MAINTENANCE_LENGTH
            await self._plan(caisse, start, end, "Migration du système d'information.")

    async def _maintenances(self, caisse: str) -> list[settings_pb.Maintenance]:
        request = settings_pb.ListMaintenancesRequest(caisse_code=caisse)
        reply = await self._caisses.ListMaintenances(request, timeout=CALL_SECONDS)
        return list(reply.maintenances)

    async def _plan(self, caisse: str, start: datetime | None, end: datetime, message: str) -> None:
        request = settings_pb.PlanMaintenanceRequest(
            caisse_code=caisse,
            start_time=to_timestamp(start),
            end_time=to_timestamp(end),
            message=message,
            reason="démonstration",
        )
        await self._caisses.PlanMaintenance(request, timeout=CALL_SECONDS)

    async def _withdraw(self, standing: Standing, _: date) -> None:
        request = habilitation_pb.WithdrawHabilitationRequest(
            habilitation_id=standing.habilitation_id, withdrawal_reason="départ"
        )
        await self._habilitations.WithdrawHabilitation(request, timeout=CALL_SECONDS)

    async def _suspend_user(self, standing: Standing, _: date) -> None:
        request = habilitation_pb.SuspendHabilitationRequest(
            habilitation_id=standing.habilitation_id, suspension_reason="identifiants prêtés"
        )
        await self._habilitations.SuspendHabilitation(request, timeout=CALL_SECONDS)

    async def _suspend_partner(self, standing: Standing, _: date) -> None:
        request = partner_pb.SuspendPartnerRequest(
            partner_id=standing.partner_id, suspension_reason="engagements non respectés"
        )
        await self._partners.SuspendPartner(request, timeout=CALL_SECONDS)

    async def _end_convention(self, standing: Standing, today: date) -> None:
        request = convention_pb.EndConventionRequest(
            convention_id=standing.convention_id, end_date=to_date(today), end_reason="fusion de communes"
        )
        await self._conventions.EndConvention(request, timeout=CALL_SECONDS)

    async def _require_second_factor(self, standing: Standing, _: date) -> None:
        await self._set_policy(standing.partner_id, second_factor_required=True)

    async def _name_network(self, standing: Standing, _: date) -> None:
        await self._set_policy(standing.partner_id, networks=[ELSEWHERE])

    async def _use_unusually(self, standing: Standing, _: date) -> None:
        count = use_pb.UseCount(
            account_id=standing.account_id,
            network_prefix=ELSEWHERE,
            consultation_count=UNUSUAL_COUNT,
            not_found_count=UNUSUAL_COUNT,
        )
        await self._use.RecordUse(use_pb.RecordUseRequest(counts=[count]), timeout=CALL_SECONDS)

    async def _set_policy(
        self,
        partner_id: str,
        *,
        second_factor_required: bool = False,
        networks: Sequence[str] = (),
        client_certificates_sha256: Sequence[str] = (),
    ) -> None:
        policy = account_pb.PartnerPolicy(
            partner_id=partner_id,
            second_factor_required=second_factor_required,
            networks=networks,
            client_certificates_sha256=client_certificates_sha256,
        )
        request = account_pb.SetPartnerPolicyRequest(policy=policy)
        await self._accounts.SetPartnerPolicy(request, timeout=CALL_SECONDS)


@asynccontextmanager
async def open_sandbox(layout: Layout, ports: Ports) -> AsyncIterator[Sandbox]:
    """Connects to the services."""
    async with (
        internal_channel(layout, ports, "identity") as identity,
        internal_channel(layout, ports, "partners") as partners,
        internal_channel(layout, ports, "identity", "gateway") as identity_of_gateway,
    ):
        yield Sandbox(identity, partners, identity_of_gateway)


def _night_ahead(now: datetime) -> datetime:
    """23:30 on the last day of next month, Europe/Paris."""
    first = now.astimezone(PARIS).date().replace(day=1)
    after_next = (first + timedelta(days=70)).replace(day=1)
    return datetime.combine(after_next - timedelta(days=1), time(23, 30), PARIS).astimezone(UTC)
