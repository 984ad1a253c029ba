"""`msa.quotient.v1.DossierService`: protobuf in, protobuf out."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from google.type.date_pb2 import Date

from msa.quotient.v1 import dossier_service_pb2 as pb
from msa.quotient.v1.dossier_service_pb2_grpc import DossierServiceServicer
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_timestamp
from services.kit.redaction import Confidential
from services.quotient.dossiers.domain import (
    Allocataire,
    Coordonnees,
    Day,
    PeriodDraft,
    PublicationOutcome,
    PublishedRecord,
    RecordDraft,
)
from services.quotient.dossiers.publications import Publication, read_place, read_source
from services.quotient.dossiers.service import ChunkDraft, DossierService


class DossierHandler(DossierServiceServicer):
    """Dossiers of the caisses."""

    def __init__(self, service: DossierService) -> None:
        self._service = service

    async def PublishDossiers(
        self, request_iterator: AsyncIterator[pb.PublishDossiersRequest], context: object
    ) -> AsyncIterator[pb.PublishDossiersResponse]:
        """Answers each chunk once it is committed."""
        chunks = (_chunk(request) async for request in request_iterator)
        async with aclosing(self._service.publish(chunks)) as published:
            async for results in published:
                yield pb.PublishDossiersResponse(results=[_published(result) for result in results])

    async def BeginPublication(
        self, request: pb.BeginPublicationRequest, context: object
    ) -> pb.BeginPublicationResponse:
        """Opens the publication of a file, or finds it."""
        source = read_source(request.source_digest, request.kind, request.reference)
        return pb.BeginPublicationResponse(publication=_publication(await self._service.begin(source)))

    async def FinishPublication(
        self, request: pb.FinishPublicationRequest, context: object
    ) -> pb.FinishPublicationResponse:
        """Ends the publication of a file."""
        publication_id = parse_uuid("publication_id", request.publication_id)
        finished = await self._service.finish(publication_id)
        return pb.FinishPublicationResponse(publication=_publication(finished))

    async def ListPublications(
        self, request: pb.ListPublicationsRequest, context: object
    ) -> pb.ListPublicationsResponse:
        """A page of publications, newest first."""
        page = await self._service.page(request.page_size, request.page_token)
        return pb.ListPublicationsResponse(
            publications=[_publication(each) for each in page.records],
            next_page_token=page.next_page_token,
        )


def _chunk(request: pb.PublishDossiersRequest) -> ChunkDraft:
    return ChunkDraft(
        map(_draft, request.records),
        len(request.records),
        read_place(request.publication_id, request.last_line, request.refused_count),
    )


def _draft(record: pb.DossierRecord) -> RecordDraft:
    return RecordDraft(
        caisse_code=record.caisse_code,
        numero_dossier=record.numero_dossier,
        nirs=[Confidential(nir) for nir in (record.nir, *record.other_nirs)],
        holders_complete=record.holders_complete,
        coordonnees=_coordonnees(record.coordonnees) if record.HasField("coordonnees") else None,
        periods=_periods(record),
        periods_complete=record.quotient_periods_complete,
        closed_from=_day(record.closed_from) if record.HasField("closed_from") else None,
    )


def _periods(record: pb.DossierRecord) -> Sequence[PeriodDraft]:
    periods = []
    if record.HasField("quotient_period"):
        periods.append(_period("quotient_period", record.quotient_period))
    for number, period in enumerate(record.further_quotient_periods):
        periods.append(_period(f"further_quotient_periods[{number}]", period))
    return periods


def _coordonnees(message: pb.Coordonnees) -> Coordonnees:
    return Coordonnees(
        allocataires=tuple(
            [
                Allocataire(person.nom_naissance, person.nom_usage, person.prenoms)
                for person in message.allocataires
            ]
        ),
        destinataire=message.destinataire,
        complement_information=message.complement_information,
        complement_information_geographique=message.complement_information_geographique,
        numero_libelle_voie=message.numero_libelle_voie,
        lieu_dit=message.lieu_dit,
        code_postal_ville=message.code_postal_ville,
        pays=message.pays,
    )


def _period(field: str, message: pb.QuotientPeriod) -> PeriodDraft:
    return PeriodDraft(
        field=field,
        valid_from=_day(message.valid_from) if message.HasField("valid_from") else None,
        valid_to=_day(message.valid_to) if message.HasField("valid_to") else None,
        amount_cents=message.amount_cents,
    )


def _day(message: Date) -> Day:
    return Day(message.year, message.month, message.day)


def _published(result: PublishedRecord) -> pb.PublishedRecord:
    if result.violation is None:
        return _PUBLISHED[result.outcome]
    return pb.PublishedRecord(
        outcome=pb.PUBLICATION_OUTCOME_REFUSED,
        field=result.violation.field,
        rule=result.violation.rule,
        description=result.violation.description,
    )


# Copied into each response.
_PUBLISHED = {
    outcome: pb.PublishedRecord(outcome=pb.PublicationOutcome.ValueType(outcome))
    for outcome in PublicationOutcome
}


def _publication(publication: Publication) -> pb.Publication:
    return pb.Publication(
        publication_id=str(publication.publication_id),
        kind=pb.PublicationKind.ValueType(publication.kind),
        reference=publication.reference,
        begin_time=to_timestamp(publication.begin_time),
        end_time=to_timestamp(publication.end_time),
        last_line=publication.last_line,
        created_count=publication.counts.created,
        updated_count=publication.counts.updated,
        unchanged_count=publication.counts.unchanged,
        refused_count=publication.counts.refused,
    )
