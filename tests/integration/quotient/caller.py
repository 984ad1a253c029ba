"""quotient's callers in these tests: a caisse agent, and the gateway with its own certificate."""

from collections.abc import Iterable, Sequence
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

BOURGOGNE, ELSEWHERE = "21", "12"
NOVEMBER = date(2026, 11, 1)
TIMEOUT_SECONDS = 10


def new_id() -> str:
    """An id that another service would have given."""
    return str(uuid4())


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
    )


def item(
    nir: str,
    *,
    caisse_code: str = BOURGOGNE,
    month: date = NOVEMBER,
    partner_id: str = "",
    opposed: bool = False,
    case_reference: str = "",
    traceparent: str = "",
) -> disclosure_pb.DiscloseItem:
    """One consultation of an invented partner."""
    return disclosure_pb.DiscloseItem(
        nir=nir,
        caisse_code=caisse_code,
        month=message(month),
        purpose=disclosure_pb.PURPOSE_PRICING,
        case_reference=case_reference,
        account_id=new_id(),
        habilitation_id=new_id(),
        partner_id=partner_id or new_id(),
        convention_id=new_id(),
        opposed=opposed,
        traceparent=traceparent,
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
        request = opposition_pb.RecordOppositionRequest(
            nir=nir,
            scope=opposition_pb.OppositionScope(caisse_code=caisse_code, partner_id=partner_id),
            channel=opposition_pb.OPPOSITION_CHANNEL_LETTER,
        )
        return (await self.oppositions.RecordOpposition(request, timeout=TIMEOUT_SECONDS)).opposition

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
        self, nir: str, caisse_code: str = BOURGOGNE, partner_id: str = ""
    ) -> Sequence[disclosure_pb.Disclosure]:
        """A person's lines, newest first."""
        request = disclosure_pb.ListDisclosuresRequest(
            caisse_code=caisse_code, nir=nir, partner_id=partner_id
        )
        return (await self.journal_of.ListDisclosures(request, timeout=TIMEOUT_SECONDS)).disclosures


def shows_nothing(result: disclosure_pb.DiscloseResult) -> bool:
    """Whether a result holds its outcome and its line, and nothing of the dossier."""
    filled = {field.name for field, _ in result.ListFields()}
    return filled == {"outcome", "consultation_id"}
