"""quotient's callers in these tests: a caisse agent, and the gateway with its own certificate."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import date
from uuid import uuid4

import grpc
from google.type.date_pb2 import Date

from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import opposition_service_pb2 as opposition_pb
from msa.quotient.v1.disclosure_service_pb2_grpc import DisclosureServiceStub
from msa.quotient.v1.dossier_service_pb2_grpc import DossierServiceStub
from msa.quotient.v1.opposition_service_pb2_grpc import OppositionServiceStub
from services.kit.clock import SystemClock, paris_date
from tests.stack import Stack

BOURGOGNE, ELSEWHERE = "21", "12"
# A consultation asks for a month around the present one.
THIS_MONTH = paris_date(SystemClock().now()).replace(day=1)
TIMEOUT_SECONDS = 10


def new_id() -> str:
    """An id that another service would have given."""
    return str(uuid4())


def month_later(months: int, than: date = THIS_MONTH) -> date:
    """The first day of a month so many months later; earlier, where `months` is negative."""
    years, month = divmod(12 * than.year + than.month - 1 + months, 12)
    return date(years, month + 1, 1)


def message(day: date) -> Date:
    """A day as it travels."""
    return Date(year=day.year, month=day.month, day=day.day)


def day(message: Date) -> date:
    """A day that travelled."""
    return date(message.year, message.month, message.day)


def period(
    valid_from: date, valid_to: date | None = None, amount_cents: int = 0
) -> dossier_pb.QuotientPeriod:
    """A period as it travels."""
    return dossier_pb.QuotientPeriod(
        valid_from=message(valid_from),
        valid_to=message(valid_to) if valid_to else None,
        amount_cents=amount_cents,
    )


def record(
    nir: str,
    *,
    numero: str = "",
    caisse_code: str = BOURGOGNE,
    nom: str = "Mirabelle",
    qf: dossier_pb.QuotientPeriod | None = None,
    closed_from: date | None = None,
) -> dossier_pb.DossierRecord:
    """A record of an invented family."""
    return dossier_pb.DossierRecord(
        caisse_code=caisse_code,
        numero_dossier=numero or f"Q{nir[:13]}",
        nir=nir,
        coordonnees=dossier_pb.Coordonnees(
            allocataires=[dossier_pb.Allocataire(nom_naissance=nom, prenoms="Capucine")],
            destinataire=f"Madame Capucine {nom}",
            numero_libelle_voie="3 chemin des Orties",
            code_postal_ville="21999 VALLOMBREUSE",
        ),
        quotient_period=qf,
        closed_from=message(closed_from) if closed_from else None,
    )


def item(
    nir: str,
    *,
    caisse_code: str = BOURGOGNE,
    month: date = THIS_MONTH,
    partner_id: str = "",
    account_id: str = "",
    opposed: bool = False,
    purpose: disclosure_pb.Purpose.ValueType = disclosure_pb.PURPOSE_PRICING,
    purpose_text: str = "",
    case_reference: str = "",
    traceparent: str = "",
) -> disclosure_pb.DiscloseItem:
    """One consultation of an invented partner."""
    return disclosure_pb.DiscloseItem(
        nir=nir,
        caisse_code=caisse_code,
        month=message(month),
        purpose=purpose,
        purpose_text=purpose_text,
        case_reference=case_reference,
        account_id=account_id or new_id(),
        habilitation_id=new_id(),
        partner_id=partner_id or new_id(),
        convention_id=new_id(),
        opposed=opposed,
        traceparent=traceparent,
    )


def objection(
    nir: str,
    *,
    caisse_code: str = BOURGOGNE,
    partner_id: str = "",
    received_on: date | None = None,
    reference: str = "",
    requester: opposition_pb.OppositionRequester.ValueType = opposition_pb.OPPOSITION_REQUESTER_UNSPECIFIED,
    declarant: opposition_pb.OppositionDeclarant.ValueType = opposition_pb.OPPOSITION_DECLARANT_UNSPECIFIED,
) -> opposition_pb.RecordOppositionRequest:
    """An opposition to record, by letter."""
    return opposition_pb.RecordOppositionRequest(
        nir=nir,
        scope=opposition_pb.OppositionScope(caisse_code=caisse_code, partner_id=partner_id),
        channel=opposition_pb.OPPOSITION_CHANNEL_LETTER,
        requester=requester,
        declarant=declarant,
        received_on=message(received_on) if received_on else None,
        reference=reference,
    )


class Caller:
    """Calls quotient as each of its clients does."""

    def __init__(self, agent: grpc.aio.Channel, gateway: grpc.aio.Channel) -> None:
        self.dossiers = DossierServiceStub(agent)
        self.oppositions = OppositionServiceStub(agent)
        self.journal_of = DisclosureServiceStub(agent)
        self.checks = OppositionServiceStub(gateway)
        self.disclosures = DisclosureServiceStub(gateway)

    async def publish(self, *records: dossier_pb.DossierRecord) -> Sequence[dossier_pb.PublishedRecord]:
        """Publishes one chunk."""
        (response,) = await self.publish_chunks([records])
        return response.results

    async def publish_chunks(
        self, chunks: Iterable[Iterable[dossier_pb.DossierRecord]]
    ) -> Sequence[dossier_pb.PublishDossiersResponse]:
        """Publishes chunks in one stream."""
        requests = [dossier_pb.PublishDossiersRequest(records=chunk) for chunk in chunks]
        call = self.dossiers.PublishDossiers(iter(requests), timeout=60)
        return [response async for response in call]

    async def record_opposition(
        self, nir: str, caisse_code: str = BOURGOGNE, partner_id: str = ""
    ) -> opposition_pb.Opposition:
        """Records an opposition and waits for the acknowledgement."""
        request = objection(nir, caisse_code=caisse_code, partner_id=partner_id)
        return (await self.oppositions.RecordOpposition(request, timeout=TIMEOUT_SECONDS)).opposition

    async def import_oppositions(
        self, *records: opposition_pb.RecordOppositionRequest
    ) -> Sequence[opposition_pb.ImportedOpposition]:
        """Imports one chunk of a register and waits for the acknowledgement."""
        requests = [opposition_pb.ImportOppositionsRequest(records=records)]
        call = self.oppositions.ImportOppositions(iter(requests), timeout=60)
        (response,) = [response async for response in call]
        return response.results

    async def withdraw_opposition(
        self, nir: str, caisse_code: str = BOURGOGNE, partner_id: str = ""
    ) -> opposition_pb.Opposition:
        """Withdraws an opposition."""
        request = opposition_pb.WithdrawOppositionRequest(
            nir=nir, scope=opposition_pb.OppositionScope(caisse_code=caisse_code, partner_id=partner_id)
        )
        return (await self.oppositions.WithdrawOpposition(request, timeout=TIMEOUT_SECONDS)).opposition

    async def list_oppositions(
        self, nir: str, caisse_code: str = BOURGOGNE
    ) -> Sequence[opposition_pb.Opposition]:
        """A person's history."""
        request = opposition_pb.ListOppositionsRequest(nir=nir, caisse_code=caisse_code)
        return (await self.oppositions.ListOppositions(request, timeout=TIMEOUT_SECONDS)).oppositions

    async def check(self, *nirs: str) -> list[list[tuple[str, str]]]:
        """What stands for each person, as (caisse, partner)."""
        request = opposition_pb.CheckOppositionsRequest(
            items=[opposition_pb.CheckOppositionsItem(nir=nir) for nir in nirs]
        )
        response = await self.checks.CheckOppositions(request, timeout=TIMEOUT_SECONDS)
        return [
            [(scope.caisse_code, scope.partner_id) for scope in result.scopes] for result in response.results
        ]

    async def disclose(self, *items: disclosure_pb.DiscloseItem) -> Sequence[disclosure_pb.DiscloseResult]:
        """One batch."""
        request = disclosure_pb.DiscloseRequest(items=items)
        return (await self.disclosures.Disclose(request, timeout=TIMEOUT_SECONDS)).results

    async def consult(self, consultation: disclosure_pb.DiscloseItem) -> disclosure_pb.DiscloseResult:
        """A batch of one."""
        (result,) = await self.disclose(consultation)
        return result

    async def journal(
        self, nir: str, caisse_code: str = BOURGOGNE, partner_id: str = "", account_id: str = ""
    ) -> Sequence[disclosure_pb.Disclosure]:
        """A person's lines, newest first."""
        request = disclosure_pb.ListDisclosuresRequest(
            caisse_code=caisse_code, nir=nir, partner_id=partner_id, account_id=account_id
        )
        return (await self.journal_of.ListDisclosures(request, timeout=TIMEOUT_SECONDS)).disclosures


def shows_nothing(result: disclosure_pb.DiscloseResult) -> bool:
    """Whether a result holds its outcome and its line, and nothing of the dossier."""
    filled = {field.name for field, _ in result.ListFields()}
    return filled == {"outcome", "consultation_id"}


@asynccontextmanager
async def calling(stack: Stack) -> AsyncIterator[Caller]:
    """The callers of a stack's quotient."""
    async with stack.channel("quotient", "qf") as agent, stack.channel("quotient", "gateway") as gateway:
        yield Caller(agent, gateway)
