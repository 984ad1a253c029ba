"""Quotient's `OppositionService` as a partner's declarations see it."""

from google.type.date_pb2 import Date

from gateway.clients import instant
from gateway.domain import Right
from gateway.oppositions.domain import Declaration, RecordedOpposition
from msa.quotient.v1 import opposition_service_pb2 as pb
from msa.quotient.v1.opposition_service_pb2_grpc import OppositionServiceStub
from services.kit.client import Upstream
from services.kit.messages import to_date

_RPC = "msa.quotient.v1.OppositionService/RecordOpposition"


class OppositionClient:
    """Records what partners declare."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._stub = OppositionServiceStub(upstream.channel)

    async def record(self, declaration: Declaration, right: Right) -> RecordedOpposition:
        """Records it against the partner of the right, with its caisse."""
        received_on: Date | None = to_date(declaration.received_on)
        request = pb.RecordOppositionRequest(
            nir=declaration.nir.reveal(),
            scope=pb.OppositionScope(caisse_code=right.caisse_code, partner_id=right.partner_id),
            channel=pb.OppositionChannel.ValueType(declaration.channel),
            requester=pb.OppositionRequester.ValueType(declaration.requester),
            declarant=pb.OPPOSITION_DECLARANT_PARTNER,
            received_on=received_on,
            reference=declaration.reference,
        )
        reply = await self._upstream.call(_RPC, self._stub.RecordOpposition, request)
        return RecordedOpposition(reply.opposition.opposition_id, instant(reply.opposition.record_time))
