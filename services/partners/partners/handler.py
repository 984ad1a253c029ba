"""msa.partners.v1.PartnerService and CaisseService ↔ the use cases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from msa.partners.v1 import partner_service_pb2 as pb
from msa.partners.v1 import partner_service_pb2_grpc as rpc
from services.kit.etags import etag_of
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_timestamp
from services.partners.caisses import Caisses
from services.partners.fields import invalid
from services.partners.messages import caller_of, optional_day_in
from services.partners.partners.domain import Partner, PartnerProfile, Seat, StructureKind, profile, seat
from services.partners.partners.service import PartnerService
from services.partners.suspensions.translation import order_in, suspension_message

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

_STRUCTURES: Mapping[int, StructureKind | None] = {
    pb.STRUCTURE_KIND_UNSPECIFIED: None,
    **{pb.StructureKind.Value(f"STRUCTURE_KIND_{kind}"): kind for kind in StructureKind},
}


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
            caller_of(context),
            request.caisse_code,
            request.numero_tiers,
            request.denomination,
            _profile_in(request.profile),
            _seat_in(request.seat),
            request.reason,
        )
        return pb.RegisterPartnerResponse(partner=self._partner(partner))

    async def UpdatePartner(
        self, request: pb.UpdatePartnerRequest, context: Context
    ) -> pb.UpdatePartnerResponse:
        """Changes what is known of a partner."""
        partner = await self._service.update(
            caller_of(context),
            parse_uuid("partner_id", request.partner_id),
            request.denomination,
            _profile_in(request.profile),
            request.reason,
            request.etag,
        )
        return pb.UpdatePartnerResponse(partner=self._partner(partner))

    async def ChangeSeat(self, request: pb.ChangeSeatRequest, context: Context) -> pb.ChangeSeatResponse:
        """Records a new seat (art. 13-7)."""
        partner = await self._service.change_seat(
            caller_of(context),
            parse_uuid("partner_id", request.partner_id),
            _seat_in(request.seat),
            optional_day_in(request, "letter_receipt_date"),
            request.reason,
            request.etag,
        )
        return pb.ChangeSeatResponse(partner=self._partner(partner))

    async def GetPartner(self, request: pb.GetPartnerRequest, context: Context) -> pb.GetPartnerResponse:
        """Shows a partner."""
        partner_id = parse_uuid("partner_id", request.partner_id)
        partner = await self._service.get(caller_of(context), partner_id)
        return pb.GetPartnerResponse(partner=self._partner(partner))

    async def ListPartners(
        self, request: pb.ListPartnersRequest, context: Context
    ) -> pb.ListPartnersResponse:
        """A page of a caisse's partners."""
        page = await self._service.list_page(
            caller_of(context), request.caisse_code, request.query, request.page_size, request.page_token
        )
        return pb.ListPartnersResponse(
            partners=map(self._partner, page.records), next_page_token=page.next_page_token
        )

    async def SuspendPartner(
        self, request: pb.SuspendPartnerRequest, context: Context
    ) -> pb.SuspendPartnerResponse:
        """Suspends a partner's access (art. 7-2)."""
        partner_id = parse_uuid("partner_id", request.partner_id)
        partner, ended = await self._service.suspend(caller_of(context), partner_id, order_in(request))
        return pb.SuspendPartnerResponse(partner=self._partner(partner), sessions_ended=ended)

    async def LiftSuspension(
        self, request: pb.LiftSuspensionRequest, context: Context
    ) -> pb.LiftSuspensionResponse:
        """Lifts a suspension (art. 7-2)."""
        partner_id = parse_uuid("partner_id", request.partner_id)
        partner = await self._service.lift_suspension(caller_of(context), partner_id, request.reason)
        return pb.LiftSuspensionResponse(partner=self._partner(partner))

    def _partner(self, partner: Partner) -> pb.Partner:
        return _message(partner, self._service.today())


def _message(partner: Partner, today: date) -> pb.Partner:
    suspension = partner.suspension_on(today)
    return pb.Partner(
        partner_id=str(partner.partner_id),
        caisse_code=partner.caisse_code,
        numero_tiers=partner.numero_tiers,
        denomination=partner.denomination,
        suspend_time=to_timestamp(suspension.suspend_time if suspension else None),
        create_time=to_timestamp(partner.create_time),
        suspension=suspension_message(suspension),
        profile=_profile_message(partner.profile),
        seat=pb.Seat(
            street=partner.seat.street,
            postal_code=partner.seat.postal_code,
            commune=partner.seat.commune,
        ),
        etag=etag_of(partner.version),
    )


def _profile_message(known: PartnerProfile) -> pb.PartnerProfile:
    kind = known.structure_kind
    return pb.PartnerProfile(
        representative=known.representative,
        representative_function=known.representative_function,
        structure_kind=pb.StructureKind.Value(f"STRUCTURE_KIND_{kind or 'UNSPECIFIED'}"),
        departments=known.departments,
        siret=known.siret,
        email=known.email,
    )


def _profile_in(message: pb.PartnerProfile) -> PartnerProfile:
    if message.structure_kind not in _STRUCTURES:
        raise invalid("profile.structure_kind", "STRUCTURE_KIND", "must be a kind of structure")
    return profile(
        representative=message.representative,
        representative_function=message.representative_function,
        structure_kind=_STRUCTURES[message.structure_kind],
        departments=message.departments,
        siret=message.siret,
        email=message.email,
    )


def _seat_in(message: pb.Seat) -> Seat:
    return seat(message.street, message.postal_code, message.commune)
