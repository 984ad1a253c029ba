"""msa.partners.v1.ConventionService ↔ the use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from msa.partners.v1 import convention_service_pb2 as pb
from msa.partners.v1 import convention_service_pb2_grpc as rpc
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_date
from services.partners.conventions.domain import ConventionState, ConventionView
from services.partners.conventions.service import ConventionService
from services.partners.messages import day_in, optional_day_in

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

_STATES = {
    ConventionState.PENDING: pb.CONVENTION_STATE_PENDING,
    ConventionState.IN_FORCE: pb.CONVENTION_STATE_IN_FORCE,
    ConventionState.ENDED: pb.CONVENTION_STATE_ENDED,
}


class ConventionHandler(rpc.ConventionServiceServicer):
    """ConventionService."""

    def __init__(self, service: ConventionService) -> None:
        self._service = service

    async def RegisterConvention(
        self, request: pb.RegisterConventionRequest, context: Context
    ) -> pb.RegisterConventionResponse:
        """Records a signed convention (art. 9-1)."""
        view = await self._service.register(
            parse_uuid("partner_id", request.partner_id),
            request.caisse_code,
            day_in(request, "signature_date"),
            optional_day_in(request, "cnil_declaration_date"),
        )
        return pb.RegisterConventionResponse(convention=_convention(view))

    async def RecordCnilDeclaration(
        self, request: pb.RecordCnilDeclarationRequest, context: Context
    ) -> pb.RecordCnilDeclarationResponse:
        """Records that the CNIL declaration was transmitted (art. 9-1)."""
        view = await self._service.record_cnil_declaration(
            parse_uuid("convention_id", request.convention_id), day_in(request, "cnil_declaration_date")
        )
        return pb.RecordCnilDeclarationResponse(convention=_convention(view))

    async def GetConvention(
        self, request: pb.GetConventionRequest, context: Context
    ) -> pb.GetConventionResponse:
        """Shows a convention as it stands today."""
        view = await self._service.get(parse_uuid("convention_id", request.convention_id))
        return pb.GetConventionResponse(convention=_convention(view))

    async def EndConvention(
        self, request: pb.EndConventionRequest, context: Context
    ) -> pb.EndConventionResponse:
        """Records the end of a convention (art. 9-2, 10)."""
        convention_id = parse_uuid("convention_id", request.convention_id)
        view = await self._service.end(convention_id, day_in(request, "end_date"), request.end_reason)
        return pb.EndConventionResponse(convention=_convention(view))


def _convention(view: ConventionView) -> pb.Convention:
    convention = view.convention
    return pb.Convention(
        convention_id=str(convention.convention_id),
        partner_id=str(convention.partner_id),
        caisse_code=convention.caisse_code,
        signature_date=to_date(convention.signature_date),
        cnil_declaration_date=to_date(convention.cnil_declaration_date),
        end_date=to_date(convention.end_date),
        state=_STATES[view.state],
        term_date=to_date(view.term_date),
    )
