"""`msa.quotient.v1.OppositionService`: protobuf in, protobuf out."""

from msa.quotient.v1 import opposition_service_pb2 as pb
from msa.quotient.v1.opposition_service_pb2_grpc import OppositionServiceServicer
from services.kit.messages import to_timestamp
from services.kit.nir import Nir
from services.quotient.fields import read_caisse_code
from services.quotient.oppositions.domain import Opposition, OppositionScope, read_channel, read_scope
from services.quotient.oppositions.service import OppositionService


class OppositionHandler(OppositionServiceServicer):
    """Oppositions of allocataires."""

    def __init__(self, service: OppositionService) -> None:
        self._service = service

    async def RecordOpposition(
        self, request: pb.RecordOppositionRequest, context: object
    ) -> pb.RecordOppositionResponse:
        """Acknowledges an opposition that is committed."""
        opposition = await self._service.record(
            Nir.parse(request.nir), _scope(request.scope), read_channel(request.channel)
        )
        return pb.RecordOppositionResponse(opposition=_message(opposition))

    async def WithdrawOpposition(
        self, request: pb.WithdrawOppositionRequest, context: object
    ) -> pb.WithdrawOppositionResponse:
        """Ends a standing opposition."""
        opposition = await self._service.withdraw(Nir.parse(request.nir), _scope(request.scope))
        return pb.WithdrawOppositionResponse(opposition=_message(opposition))

    async def ListOppositions(
        self, request: pb.ListOppositionsRequest, context: object
    ) -> pb.ListOppositionsResponse:
        """The history of a person with a caisse."""
        caisse_code = read_caisse_code("caisse_code", request.caisse_code)
        oppositions = await self._service.history(Nir.parse(request.nir), caisse_code)
        return pb.ListOppositionsResponse(oppositions=[_message(opposition) for opposition in oppositions])

    async def CheckOppositions(
        self, request: pb.CheckOppositionsRequest, context: object
    ) -> pb.CheckOppositionsResponse:
        """What stands, for each person of the batch."""
        nirs = [Nir.parse(item.nir, f"items[{number}].nir") for number, item in enumerate(request.items)]
        standing = await self._service.check(nirs)
        return pb.CheckOppositionsResponse(
            results=[pb.CheckOppositionsResult(scopes=map(_scope_message, scopes)) for scopes in standing]
        )


def _scope(message: pb.OppositionScope) -> OppositionScope:
    return read_scope(message.caisse_code, message.partner_id)


def _scope_message(scope: OppositionScope) -> pb.OppositionScope:
    return pb.OppositionScope(caisse_code=scope.caisse_code, partner_id=str(scope.partner_id or ""))


def _message(opposition: Opposition) -> pb.Opposition:
    return pb.Opposition(
        opposition_id=str(opposition.opposition_id),
        scope=_scope_message(opposition.scope),
        channel=pb.OppositionChannel.ValueType(opposition.channel),
        record_time=to_timestamp(opposition.record_time),
        withdraw_time=to_timestamp(opposition.withdraw_time),
    )
