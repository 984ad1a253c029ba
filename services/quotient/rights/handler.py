"""`msa.quotient.v1.PersonService`: protobuf in, protobuf out."""

from datetime import datetime

from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import person_service_pb2 as pb
from msa.quotient.v1.person_service_pb2_grpc import PersonServiceServicer
from services.kit.messages import to_date, to_timestamp
from services.kit.nir import Nir
from services.quotient.dossiers.translation import coordonnees_message, period_message
from services.quotient.fields import read_caisse_code
from services.quotient.oppositions.handler import opposition_message
from services.quotient.rights.domain import (
    Erasure,
    HeldDossier,
    KeptData,
    KnownPeriod,
    read_instant,
    read_request_reference,
)
from services.quotient.rights.service import RightsService


class PersonHandler(PersonServiceServicer):
    """The rights of a person over her data."""

    def __init__(self, service: RightsService) -> None:
        self._service = service

    async def GetPersonRecord(
        self, request: pb.GetPersonRecordRequest, context: object
    ) -> pb.GetPersonRecordResponse:
        """What is kept of a person."""
        record = await self._service.record(
            Nir.parse(request.nir), read_caisse_code("caisse_code", request.caisse_code), _known_at(request)
        )
        return pb.GetPersonRecordResponse(
            dossiers=[_dossier(each) for each in record.dossiers],
            oppositions=[opposition_message(each) for each in record.oppositions],
            erasures=[_erasure(each) for each in record.erasures],
        )

    async def ErasePerson(self, request: pb.ErasePersonRequest, context: object) -> pb.ErasePersonResponse:
        """Acknowledges an erasure that is committed."""
        erased = await self._service.erase(
            Nir.parse(request.nir),
            read_caisse_code("caisse_code", request.caisse_code),
            read_request_reference(request.reference),
        )
        return pb.ErasePersonResponse(
            erasure=_erasure(erased.erasure), kept=[_kept(each) for each in erased.kept]
        )


def _known_at(request: pb.GetPersonRecordRequest) -> datetime | None:
    if not request.HasField("known_at"):
        return None
    return read_instant("known_at", request.known_at.seconds, request.known_at.nanos)


def _dossier(dossier: HeldDossier) -> pb.HeldDossier:
    return pb.HeldDossier(
        numero_dossier=dossier.numero,
        coordonnees=coordonnees_message(dossier.coordonnees) if dossier.coordonnees else None,
        held_from=to_timestamp(dossier.held.since),
        held_to=to_timestamp(dossier.held.until),
        closed_from=to_date(dossier.closed_from),
        periods=[_period(each) for each in dossier.periods],
    )


def _period(period: KnownPeriod) -> pb.KnownPeriod:
    message = pb.KnownPeriod(
        period=period_message(period.period),
        known_from=to_timestamp(period.known.since),
        known_to=to_timestamp(period.known.until),
    )
    if period.origin:
        message.publication_id = str(period.origin.publication_id)
        message.publication_kind = dossier_pb.PublicationKind.ValueType(period.origin.kind)
        message.publication_reference = period.origin.reference
    return message


def _erasure(erasure: Erasure) -> pb.Erasure:
    return pb.Erasure(
        erasure_id=str(erasure.erasure_id),
        erase_time=to_timestamp(erasure.erase_time),
        reference=erasure.reference,
        dossier_count=erasure.dossier_count,
        period_count=erasure.period_count,
    )


def _kept(kept: KeptData) -> pb.KeptData:
    return pb.KeptData(kind=pb.KeptDataKind.ValueType(kept.kind), item_count=kept.count)
