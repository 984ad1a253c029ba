"""`msa.quotient.v1.DisclosureService`: protobuf in, protobuf out."""

from msa.quotient.v1 import disclosure_service_pb2 as pb
from msa.quotient.v1.disclosure_service_pb2_grpc import DisclosureServiceServicer
from services.kit.case_reference import read_case_reference, read_purpose_text
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_date, to_timestamp
from services.kit.nir import Nir
from services.kit.telemetry import trace_id_of
from services.quotient.disclosures.domain import (
    Consultation,
    Disclosed,
    JournalLine,
    JournalSelection,
    Purpose,
    read_month,
    read_purpose,
)
from services.quotient.disclosures.service import DisclosureService
from services.quotient.dossiers.translation import coordonnees_message, period_message
from services.quotient.fields import read_caisse_code, read_day


class DisclosureHandler(DisclosureServiceServicer):
    """The disclosure of quotients and its journal."""

    def __init__(self, service: DisclosureService) -> None:
        self._service = service

    async def Disclose(self, request: pb.DiscloseRequest, context: object) -> pb.DiscloseResponse:
        """What each consultation of the batch shows; a field that breaks a rule refuses the batch."""
        consultations = [_consultation(f"items[{n}]", item) for n, item in enumerate(request.items)]
        disclosed = await self._service.disclose(consultations)
        return pb.DiscloseResponse(results=[_result(each) for each in disclosed])

    async def ListDisclosures(
        self, request: pb.ListDisclosuresRequest, context: object
    ) -> pb.ListDisclosuresResponse:
        """A page of the journal."""
        page = await self._service.journal(_selection(request), request.page_size, request.page_token)
        return pb.ListDisclosuresResponse(
            disclosures=[_line(line) for line in page.records], next_page_token=page.next_page_token
        )


def _selection(request: pb.ListDisclosuresRequest) -> JournalSelection:
    return JournalSelection(
        caisse_code=read_caisse_code("caisse_code", request.caisse_code),
        nir=Nir.parse(request.nir) if request.nir else None,
        partner_id=parse_uuid("partner_id", request.partner_id) if request.partner_id else None,
        account_id=parse_uuid("account_id", request.account_id) if request.account_id else None,
    )


def _consultation(path: str, item: pb.DiscloseItem) -> Consultation:
    day = read_day(f"{path}.month", item.month.year, item.month.month, item.month.day)
    purpose = read_purpose(f"{path}.purpose", item.purpose)
    return Consultation(
        nir=Nir.parse(item.nir, f"{path}.nir"),
        caisse_code=read_caisse_code(f"{path}.caisse_code", item.caisse_code),
        month=read_month(f"{path}.month", day),
        purpose=purpose,
        purpose_text=read_purpose_text(
            item.purpose_text, required=purpose is Purpose.OTHER, field=f"{path}.purpose_text"
        ),
        case_reference=read_case_reference(item.case_reference, f"{path}.case_reference"),
        account_id=parse_uuid(f"{path}.account_id", item.account_id),
        habilitation_id=parse_uuid(f"{path}.habilitation_id", item.habilitation_id),
        partner_id=parse_uuid(f"{path}.partner_id", item.partner_id),
        convention_id=parse_uuid(f"{path}.convention_id", item.convention_id),
        opposed=item.opposed,
        trace_id=trace_id_of(item.traceparent),
    )


def _result(disclosed: Disclosed) -> pb.DiscloseResult:
    dossier = disclosed.dossier
    return pb.DiscloseResult(
        outcome=pb.DisclosureOutcome.ValueType(disclosed.outcome),
        consultation_id=str(disclosed.consultation_id),
        numero_dossier=dossier.numero if dossier else "",
        coordonnees=coordonnees_message(dossier.coordonnees) if dossier else None,
        periods=[period_message(period) for period in disclosed.periods],
    )


def _line(line: JournalLine) -> pb.Disclosure:
    return pb.Disclosure(
        consultation_id=str(line.consultation_id),
        disclose_time=to_timestamp(line.disclose_time),
        account_id=str(line.account_id),
        habilitation_id=str(line.habilitation_id),
        partner_id=str(line.partner_id),
        convention_id=str(line.convention_id),
        caisse_code=line.caisse_code,
        month=to_date(line.month),
        purpose=pb.Purpose.ValueType(line.purpose),
        purpose_text=line.purpose_text,
        case_reference=line.case_reference,
        outcome=pb.DisclosureOutcome.ValueType(line.outcome),
        trace_id=line.trace_id,
        period_starts=[to_date(start) for start in line.period_starts],
        shown_periods=[period_message(period) for period in line.shown_periods],
    )
