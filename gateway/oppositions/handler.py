"""`msa.gateway.v1.OppositionService`: protobuf ↔ domain."""

from typing import Any

from gateway.metadata import ReplyNotice, client_context, session_token
from gateway.oppositions.domain import DeclarationDraft
from gateway.oppositions.service import PartnerOppositions
from msa.gateway.v1 import opposition_service_pb2 as pb
from msa.gateway.v1.opposition_service_pb2_grpc import OppositionServiceServicer
from services.kit.messages import to_timestamp


class OppositionHandler(OppositionServiceServicer):
    """Oppositions that persons express to the partner."""

    def __init__(self, service: PartnerOppositions) -> None:
        self._service = service

    async def RecordOpposition(
        self, request: pb.RecordOppositionRequest, context: Any
    ) -> pb.RecordOppositionResponse:
        """See the proto."""
        right = await self._service.admit(session_token(context), client_context(context), ReplyNotice())
        recorded = await self._service.record(right, _draft(request))
        return pb.RecordOppositionResponse(
            opposition_id=recorded.opposition_id, record_time=to_timestamp(recorded.record_time)
        )


def _draft(request: pb.RecordOppositionRequest) -> DeclarationDraft:
    return DeclarationDraft(
        nir=request.nir,
        received_on=request.received_on,
        requester=request.requester,
        channel=request.channel or pb.OPPOSITION_CHANNEL_COUNTER,
        reference=request.reference,
    )
