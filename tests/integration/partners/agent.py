"""A caisse agent and the gateway before the running server: every call is a real one over mutual TLS."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import pytest
from google.rpc import error_details_pb2
from google.type.date_pb2 import Date

from deploy.local.caisse import Caisse
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from msa.partners.v1.access_request_service_pb2_grpc import AccessRequestServiceStub
from msa.partners.v1.caisse_agent_service_pb2_grpc import CaisseAgentServiceStub
from msa.partners.v1.caisse_settings_service_pb2_grpc import CaisseSettingsServiceStub
from msa.partners.v1.convention_service_pb2_grpc import ConventionServiceStub
from msa.partners.v1.habilitation_service_pb2_grpc import HabilitationServiceStub
from msa.partners.v1.history_service_pb2_grpc import HistoryServiceStub
from msa.partners.v1.partner_service_pb2_grpc import CaisseServiceStub, PartnerServiceStub
from services.kit.status import reason_of, status_of
from tests.caisse import PROFILE, SIGNED_FORM
from tests.integration.partners.register import new_numero_tiers, new_user

SIGNED = Date(year=2025, month=3, day=10)
QUOTIENT_FAMILIAL = habilitation_pb.BOUQUET_QUOTIENT_FAMILIAL


class Agent:
    """Stubs with the certificate of `qf`; what only the gateway may ask goes with the gateway's."""

    def __init__(self, qf: grpc.aio.Channel, gateway: grpc.aio.Channel) -> None:
        self.caisses = CaisseServiceStub(qf)
        self.partners = PartnerServiceStub(qf)
        self.conventions = ConventionServiceStub(qf)
        self.habilitations = HabilitationServiceStub(qf)
        self.agents = CaisseAgentServiceStub(qf)
        self.requests = AccessRequestServiceStub(qf)
        self.history = HistoryServiceStub(qf)
        self.settings = CaisseSettingsServiceStub(qf)
        self.gateway_settings = CaisseSettingsServiceStub(gateway)
        self._caisse = Caisse(qf, qf, qf)
        self._gateway = HabilitationServiceStub(gateway)

    async def ensure_agent(self, caisse_code: str) -> None:
        """The agent who acts is habilitated at this caisse (art. 4-1)."""
        await self._caisse.ensure_agent(caisse_code)

    async def partner(self, caisse_code: str = "21", numero_tiers: str = "") -> partner_pb.Partner:
        """A new partner."""
        await self.ensure_agent(caisse_code)
        request = partner_pb.RegisterPartnerRequest(
            caisse_code=caisse_code,
            numero_tiers=numero_tiers or new_numero_tiers(),
            denomination="Mairie de Vallombreuse",
            profile=PROFILE,
        )
        return (await self.partners.RegisterPartner(request)).partner

    async def convention(
        self,
        partner: partner_pb.Partner | None = None,
        signature_date: Date = SIGNED,
        cnil: Date | None = SIGNED,
    ) -> convention_pb.Convention:
        """A convention, of a new partner if none is given."""
        partner = partner or await self.partner()
        request = convention_pb.RegisterConventionRequest(
            partner_id=partner.partner_id,
            caisse_code=partner.caisse_code,
            signature_date=signature_date,
            cnil_declaration_date=cnil,
        )
        return (await self.conventions.RegisterConvention(request)).convention

    async def habilitation(
        self,
        convention: convention_pb.Convention | None = None,
        email: str = "",
        bouquet: habilitation_pb.Bouquet.ValueType = QUOTIENT_FAMILIAL,
        reason: str = "",
    ) -> habilitation_pb.Habilitation:
        """A new user, under a new convention if none is given."""
        convention = convention or await self.convention()
        user = new_user()
        request = habilitation_pb.RegisterHabilitationRequest(
            convention_id=convention.convention_id,
            user=habilitation_pb.User(nom=user.nom, prenom=user.prenom, email=email or user.email),
            bouquet=bouquet,
            form=SIGNED_FORM,
            reason=reason,
        )
        return (await self.habilitations.RegisterHabilitation(request)).habilitation

    async def authorize(
        self, *habilitation_ids: str, bouquet: habilitation_pb.Bouquet.ValueType = QUOTIENT_FAMILIAL
    ) -> Sequence[habilitation_pb.AuthorizeResult]:
        """What the gateway is told."""
        items = (
            habilitation_pb.AuthorizeItem(habilitation_id=habilitation_id, bouquet=bouquet)
            for habilitation_id in habilitation_ids
        )
        return (await self._gateway.Authorize(habilitation_pb.AuthorizeRequest(items=items))).results

    async def may(self, habilitation_id: str, service: habilitation_pb.OnlineService.ValueType) -> bool:
        """Whether the gateway is told that this service may be used."""
        item = habilitation_pb.AuthorizeItem(habilitation_id=habilitation_id, online_service=service)
        request = habilitation_pb.AuthorizeRequest(items=[item])
        (result,) = (await self._gateway.Authorize(request)).results
        return result.decision == habilitation_pb.AUTHORIZATION_DECISION_GRANTED

    async def names(self, partner_id: str, *habilitation_ids: str) -> Sequence[habilitation_pb.NamedUser]:
        """What the gateway is told of a partner's users."""
        request = habilitation_pb.NameUsersRequest(partner_id=partner_id, habilitation_ids=habilitation_ids)
        return (await self._gateway.NameUsers(request)).users

    async def decision(self, habilitation_id: str) -> str:
        """The verdict on one habilitation, by its name."""
        (result,) = await self.authorize(habilitation_id)
        name = habilitation_pb.AuthorizationDecision.Name(result.decision)
        return name.removeprefix("AUTHORIZATION_DECISION_")


@dataclass
class Refusal:
    """What a refused call was told."""

    code: grpc.StatusCode = grpc.StatusCode.OK
    reason: str = ""
    rules: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""


@asynccontextmanager
async def refused() -> AsyncIterator[Refusal]:
    """The call within is refused; afterwards the refusal says how."""
    refusal = Refusal()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        yield refusal
    error = raised.value
    refusal.code = error.code()
    refusal.reason = reason_of(error) or ""
    refusal.text = str(error)
    bad_request = error_details_pb2.BadRequest()
    for detail in status_of(error).details:
        if detail.Unpack(bad_request):
            refusal.rules = [(found.field, found.reason) for found in bad_request.field_violations]
            refusal.text += "".join(f"\n{found.description}" for found in bad_request.field_violations)
