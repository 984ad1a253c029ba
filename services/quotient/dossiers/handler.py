"""`msa.quotient.v1.DossierService`: protobuf in, protobuf out."""

from collections.abc import AsyncIterator

from google.type.date_pb2 import Date

from msa.quotient.v1 import dossier_service_pb2 as pb
from msa.quotient.v1.dossier_service_pb2_grpc import DossierServiceServicer
from services.kit.redaction import Confidential
from services.quotient.dossiers.domain import (
    Allocataire,
    Coordonnees,
    Day,
    PeriodDraft,
    PublishedRecord,
    RecordDraft,
)
from services.quotient.dossiers.service import DossierService


class DossierHandler(DossierServiceServicer):
    """Dossiers of the caisses."""

    def __init__(self, service: DossierService) -> None:
        self._service = service

    async def PublishDossiers(
        self, request_iterator: AsyncIterator[pb.PublishDossiersRequest], context: object
    ) -> AsyncIterator[pb.PublishDossiersResponse]:
        """Answers each chunk once it is committed."""
        async for request in request_iterator:
            results = await self._service.publish([_draft(record) for record in request.records])
            yield pb.PublishDossiersResponse(results=[_published(result) for result in results])


def _draft(record: pb.DossierRecord) -> RecordDraft:
    return RecordDraft(
        caisse_code=record.caisse_code,
        numero_dossier=record.numero_dossier,
        nir=Confidential(record.nir),
        coordonnees=_coordonnees(record.coordonnees) if record.HasField("coordonnees") else None,
        period=_period(record.quotient_period) if record.HasField("quotient_period") else None,
    )


def _coordonnees(message: pb.Coordonnees) -> Coordonnees:
    return Coordonnees(
        allocataires=tuple(
            Allocataire(person.nom_naissance, person.nom_usage, person.prenoms)
            for person in message.allocataires
        ),
        destinataire=message.destinataire,
        complement_information=message.complement_information,
        complement_information_geographique=message.complement_information_geographique,
        numero_libelle_voie=message.numero_libelle_voie,
        lieu_dit=message.lieu_dit,
        code_postal_ville=message.code_postal_ville,
        pays=message.pays,
    )


def _period(message: pb.QuotientPeriod) -> PeriodDraft:
    return PeriodDraft(
        valid_from=_day(message.valid_from) if message.HasField("valid_from") else None,
        valid_to=_day(message.valid_to) if message.HasField("valid_to") else None,
        amount_cents=message.amount_cents,
    )


def _day(message: Date) -> Day:
    return Day(message.year, message.month, message.day)


def _published(result: PublishedRecord) -> pb.PublishedRecord:
    message = pb.PublishedRecord(outcome=pb.PublicationOutcome.ValueType(result.outcome))
    if result.violation:
        message.field = result.violation.field
        message.rule = result.violation.rule
        message.description = result.violation.description
    return message
