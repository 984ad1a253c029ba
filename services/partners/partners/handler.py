"""msa.partners.v1.PartnerService and CaisseService ↔ the use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from msa.partners.v1 import partner_service_pb2 as pb
from msa.partners.v1 import partner_service_pb2_grpc as rpc
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_timestamp
from services.partners.caisses import Caisses
from services.partners.partners.domain import Partner
from services.partners.partners.service import PartnerService

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class CaisseHandler(rpc.CaisseServiceServicer):
    """CaisseService."""

    def __init__(self, caisses: Caisses) -> None:
        self._caisses = caisses

    async def ListCaisses(self, request: pb.ListCaissesRequest, context: Context) -> pb.ListCaissesResponse:
        """All caisses, by code."""
        caisses = (
            pb.Caisse(caisse_code=caisse.code, name=caisse.name, departments=caisse.departments)
            for caisse in self._caisses.all()
        )
        return pb.ListCaissesResponse(caisses=caisses)


class PartnerHandler(rpc.PartnerServiceServicer):
    """PartnerService."""

    def __init__(self, service: PartnerService) -> None:
        self._service = service

    async def RegisterPartner(
        self, request: pb.RegisterPartnerRequest, context: Context
    ) -> pb.RegisterPartnerResponse:
        """Enters a partner in the register (art. 4-2)."""
        partner = await self._service.register(
            request.caisse_code, request.numero_tiers, request.denomination
        )
        return pb.RegisterPartnerResponse(partner=_partner(partner))

    async def GetPartner(self, request: pb.GetPartnerRequest, context: Context) -> pb.GetPartnerResponse:
        """Shows a partner."""
        partner = await self._service.get(parse_uuid("partner_id", request.partner_id))
        return pb.GetPartnerResponse(partner=_partner(partner))

    async def ListPartners(
        self, request: pb.ListPartnersRequest, context: Context
    ) -> pb.ListPartnersResponse:
        """A page of a caisse's partners."""
        page = await self._service.list_page(request.caisse_code, request.page_size, request.page_token)
        return pb.ListPartnersResponse(
            partners=map(_partner, page.records), next_page_token=page.next_page_token
        )

    async def SuspendPartner(
        self, request: pb.SuspendPartnerRequest, context: Context
    ) -> pb.SuspendPartnerResponse:
        """Suspends a partner's access (art. 7-2)."""
        partner_id = parse_uuid("partner_id", request.partner_id)
        partner = await self._service.suspend(partner_id, request.suspension_reason)
        return pb.SuspendPartnerResponse(partner=_partner(partner))

    async def LiftSuspension(
        self, request: pb.LiftSuspensionRequest, context: Context
    ) -> pb.LiftSuspensionResponse:
        """Lifts a suspension (art. 7-2)."""
        partner = await self._service.lift_suspension(parse_uuid("partner_id", request.partner_id))
        return pb.LiftSuspensionResponse(partner=_partner(partner))


def _partner(partner: Partner) -> pb.Partner:
    return pb.Partner(
        partner_id=str(partner.partner_id),
        caisse_code=partner.caisse_code,
        numero_tiers=partner.numero_tiers,
        denomination=partner.denomination,
        suspend_time=to_timestamp(partner.suspend_time),
        create_time=to_timestamp(partner.create_time),
    )
