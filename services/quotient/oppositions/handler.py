"""`msa.quotient.v1.OppositionService`: protobuf in, protobuf out."""

from collections.abc import AsyncIterator

from msa.quotient.v1 import opposition_service_pb2 as pb
from msa.quotient.v1.opposition_service_pb2_grpc import OppositionServiceServicer
from services.kit.messages import to_date, to_timestamp
from services.kit.nir import Nir
from services.kit.redaction import Confidential
from services.quotient.dossiers.domain import Day
from services.quotient.fields import read_caisse_code
from services.quotient.oppositions.domain import (
    ImportedOpposition,
    ObjectionDraft,
    Opposition,
    OppositionScope,
    Request,
    RequestDraft,
    read_scope,
)
from services.quotient.oppositions.service import OppositionService


class OppositionHandler(OppositionServiceServicer):
    """Oppositions of allocataires."""

    def __init__(self, service: OppositionService) -> None:
        self._service = service

    async def RecordOpposition(
        self, request: pb.RecordOppositionRequest, context: object
    ) -> pb.RecordOppositionResponse:
        """Acknowledges an opposition that is committed."""
        opposition = await self._service.record(_objection(request))
        return pb.RecordOppositionResponse(opposition=opposition_message(opposition))

    async def WithdrawOpposition(
        self, request: pb.WithdrawOppositionRequest, context: object
    ) -> pb.WithdrawOppositionResponse:
        """Ends a standing opposition."""
        scope = read_scope(request.scope.caisse_code, request.scope.partner_id)
        opposition = await self._service.withdraw(Nir.parse(request.nir), scope, _asked(request))
        return pb.WithdrawOppositionResponse(opposition=opposition_message(opposition))

    async def ListOppositions(
        self, request: pb.ListOppositionsRequest, context: object
    ) -> pb.ListOppositionsResponse:
        """The history of a person with a caisse."""
        caisse_code = read_caisse_code("caisse_code", request.caisse_code)
        oppositions = await self._service.history(Nir.parse(request.nir), caisse_code)
        return pb.ListOppositionsResponse(
            oppositions=[opposition_message(opposition) for opposition in oppositions]
        )

    async def CheckOppositions(
        self, request: pb.CheckOppositionsRequest, context: object
    ) -> pb.CheckOppositionsResponse:
        """What stands, for each person of the batch."""
        nirs = [Nir.parse(item.nir, f"items[{number}].nir") for number, item in enumerate(request.items)]
        standing = await self._service.check(nirs)
        return pb.CheckOppositionsResponse(
            results=[pb.CheckOppositionsResult(scopes=map(_scope_message, scopes)) for scopes in standing]
        )

    async def ImportOppositions(
        self, request_iterator: AsyncIterator[pb.ImportOppositionsRequest], context: object
    ) -> AsyncIterator[pb.ImportOppositionsResponse]:
        """Answers each chunk once it is committed."""
        async for request in request_iterator:
            results = await self._service.import_chunk([_objection(record) for record in request.records])
            yield pb.ImportOppositionsResponse(results=map(_imported_message, results))


def _objection(request: pb.RecordOppositionRequest) -> ObjectionDraft:
    return ObjectionDraft(
        Confidential(request.nir),
        request.scope.caisse_code,
        request.scope.partner_id,
        request.declarant,
        _asked(request),
    )


def _asked(request: pb.RecordOppositionRequest | pb.WithdrawOppositionRequest) -> RequestDraft:
    day = request.received_on
    return RequestDraft(
        request.requester,
        request.channel,
        Day(day.year, day.month, day.day) if request.HasField("received_on") else None,
        request.reference,
    )


def _imported_message(imported: ImportedOpposition) -> pb.ImportedOpposition:
    violation = imported.violation
    return pb.ImportedOpposition(
        outcome=pb.ImportOutcome.ValueType(imported.outcome),
        opposition_id=str(imported.opposition_id or ""),
        field=violation.field if violation else "",
        rule=violation.rule if violation else "",
        description=violation.description if violation else "",
    )


def _scope_message(scope: OppositionScope) -> pb.OppositionScope:
    return pb.OppositionScope(caisse_code=scope.caisse_code, partner_id=str(scope.partner_id or ""))


def opposition_message(opposition: Opposition) -> pb.Opposition:
    """An opposition as it travels."""
    request = opposition.request
    return pb.Opposition(
        opposition_id=str(opposition.opposition_id),
        scope=_scope_message(opposition.scope),
        channel=pb.OppositionChannel.ValueType(request.channel),
        record_time=to_timestamp(opposition.record_time),
        withdraw_time=to_timestamp(opposition.withdraw_time),
        requester=pb.OppositionRequester.ValueType(request.requester),
        declarant=pb.OppositionDeclarant.ValueType(opposition.declarant),
        received_on=to_date(request.received_on),
        reference=request.reference,
        withdrawal=_withdrawal_message(opposition.withdrawal) if opposition.withdrawal else None,
    )


def _withdrawal_message(request: Request) -> pb.OppositionWithdrawal:
    return pb.OppositionWithdrawal(
        requester=pb.OppositionRequester.ValueType(request.requester),
        channel=pb.OppositionChannel.ValueType(request.channel),
        received_on=to_date(request.received_on),
        reference=request.reference,
    )
