"""A caisse's own system at work: registers, publishes and records through the services' APIs, as client `qf`.

The channels name the agent who acts (art. 4-1).
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from deploy.local.channels import acting_as, internal_channel
from deploy.local.errors import LocalStackError
from deploy.local.layout import Layout
from deploy.local.people import AGENT_NAME, DIRECTOR_NAME, Agent, Family, Organisation
from deploy.local.settings import Ports
from deploy.local.states import State
from msa.identity.v1 import account_service_pb2 as account_pb
from msa.identity.v1.account_service_pb2_grpc import AccountServiceStub
from msa.partners.v1 import caisse_agent_service_pb2 as agent_pb
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from msa.partners.v1.caisse_agent_service_pb2_grpc import CaisseAgentServiceStub
from msa.partners.v1.convention_service_pb2_grpc import ConventionServiceStub
from msa.partners.v1.habilitation_service_pb2_grpc import HabilitationServiceStub
from msa.partners.v1.partner_service_pb2_grpc import PartnerServiceStub
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import opposition_service_pb2 as opposition_pb
from msa.quotient.v1.dossier_service_pb2_grpc import DossierServiceStub
from msa.quotient.v1.opposition_service_pb2_grpc import OppositionServiceStub
from services.kit.errors import Reason
from services.kit.status import reason_of

CALL_SECONDS = 10.0
SIGNED_BEFORE = timedelta(days=30)
# What a start that was cut short took is passed over at once.
NUMBER_STEP = 100
CHANGES_BACK_MONTHS, CHANGES_AHEAD_MONTHS = 30, 36


@dataclass(frozen=True, repr=False)
class Credentials:
    """What the notification of habilitation tells (art. 4-2), and when the password stops working."""

    account_id: str
    login: str
    temporary_password: str
    temporary_password_expire_time: datetime


class Caisse:
    """Makes records; every method raises grpc.aio.AioRpcError where a service refuses."""

    def __init__(
        self, identity: grpc.aio.Channel, partners: grpc.aio.Channel, quotient: grpc.aio.Channel
    ) -> None:
        self._accounts = AccountServiceStub(identity)
        self._agents = CaisseAgentServiceStub(partners)
        self._partners = PartnerServiceStub(partners)
        self._conventions = ConventionServiceStub(partners)
        self._habilitations = HabilitationServiceStub(partners)
        self._dossiers = DossierServiceStub(quotient)
        self._oppositions = OppositionServiceStub(quotient)

    async def ensure_agent(self, caisse: str) -> None:
        """Puts a director in office and lets her habilitate the agent who acts (art. 4-1), where that is to be done."""
        try:
            await self._habilitate_agent(caisse)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.ALREADY_EXISTS:
                return
            if reason_of(error) is not Reason.AGENT_NOT_HABILITATED:
                raise
            await self._agents.AppointDirector(
                agent_pb.AppointDirectorRequest(
                    caisse_code=caisse,
                    agent=agent_pb.AgentIdentity(
                        agent_name=DIRECTOR_NAME, nom="Hautecombe", prenom="Blanche"
                    ),
                    reason="prise de fonctions",
                ),
                timeout=CALL_SECONDS,
            )
            await self._habilitate_agent(caisse)

    async def _habilitate_agent(self, caisse: str) -> None:
        request = agent_pb.HabilitateAgentRequest(
            caisse_code=caisse,
            agent=agent_pb.AgentIdentity(agent_name=AGENT_NAME, nom="Delacombe", prenom="Odile"),
            reason="inscription des partenaires",
        )
        await self._agents.HabilitateAgent(request, timeout=CALL_SECONDS, metadata=acting_as(DIRECTOR_NAME))

    async def register_partner(self, agent: Agent, number: int = 1) -> str:
        """Registers the agent's partner under `number`, or a later one where that is taken; returns its id."""
        while True:
            request = partner_pb.RegisterPartnerRequest(
                caisse_code=agent.caisse,
                numero_tiers=f"DEMO-{number}",
                denomination=agent.partner,
                profile=_profile(agent.organisation),
                seat=_seat(agent.organisation),
            )
            try:
                reply = await self._partners.RegisterPartner(request, timeout=CALL_SECONDS)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                    raise
                number += NUMBER_STEP
            else:
                return reply.partner.partner_id

    async def register_convention(self, partner_id: str, caisse: str, today: date) -> str:
        """Registers a convention in force (art. 9-1); returns its id."""
        signed = _date(today - SIGNED_BEFORE)
        request = convention_pb.RegisterConventionRequest(
            partner_id=partner_id, caisse_code=caisse, signature_date=signed, cnil_declaration_date=signed
        )
        reply = await self._conventions.RegisterConvention(request, timeout=CALL_SECONDS)
        return reply.convention.convention_id

    async def register_habilitation(self, convention_id: str, agent: Agent, today: date) -> str:
        """Habilitates the agent from the signed form (annexe 2, art. 4-2); returns the habilitation's id.

        One who is habilitated under this convention already stays so.
        """
        user = habilitation_pb.User(nom=agent.nom, prenom=agent.prenom, email=agent.email)
        request = habilitation_pb.RegisterHabilitationRequest(
            convention_id=convention_id,
            user=user,
            bouquet=_bouquet(agent),
            form=habilitation_pb.SignedForm(
                signatory_name=agent.organisation.representative,
                signature_place=agent.organisation.commune,
                signature_date=_date(today - SIGNED_BEFORE),
                scan_sha256=sha256(agent.email.encode()).hexdigest(),
                scan_reference="DEMO",
            ),
        )
        try:
            reply = await self._habilitations.RegisterHabilitation(request, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise
            return await self._habilitation_of(convention_id, agent)
        return reply.habilitation.habilitation_id

    async def _habilitation_of(self, convention_id: str, agent: Agent) -> str:
        request = habilitation_pb.ListHabilitationsRequest(convention_id=convention_id, page_size=500)
        reply = await self._habilitations.ListHabilitations(request, timeout=CALL_SECONDS)
        live = (each for each in reply.habilitations if not each.HasField("withdraw_time"))
        return next(each.habilitation_id for each in live if each.user.email == agent.email)

    async def credentials(self, habilitation_id: str, partner_id: str, agent: Agent) -> Credentials:
        """Makes the credentials (art. 4-2); of an account that is there, new ones."""
        try:
            created = await self._create_account(habilitation_id, partner_id, agent)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise
            request = account_pb.GetAccountRequest(habilitation_id=habilitation_id)
            account = (await self._accounts.GetAccount(request, timeout=CALL_SECONDS)).account
            return Credentials(
                account.account_id, account.login, *await self.issue_password(account.account_id)
            )
        account, expire_time = created.account, utc(created.temporary_password_expire_time)
        return Credentials(account.account_id, account.login, created.temporary_password, expire_time)

    async def _create_account(
        self, habilitation_id: str, partner_id: str, agent: Agent
    ) -> account_pb.CreateAccountResponse:
        request = account_pb.CreateAccountRequest(
            habilitation_id=habilitation_id,
            partner_id=partner_id,
            caisse_code=agent.caisse,
            personal_words=[agent.nom, agent.prenom],
        )
        return await self._accounts.CreateAccount(request, timeout=CALL_SECONDS)

    async def has_chosen_password(self, account_id: str) -> bool:
        """Whether the temporary password was replaced (art. 4-3)."""
        request = account_pb.GetAccountRequest(account_id=account_id)
        reply = await self._accounts.GetAccount(request, timeout=CALL_SECONDS)
        return not reply.account.password_change_required

    async def issue_password(self, account_id: str) -> tuple[str, datetime]:
        """A new temporary password, and when it stops working."""
        request = account_pb.IssueTemporaryPasswordRequest(account_id=account_id)
        reply = await self._accounts.IssueTemporaryPassword(request, timeout=CALL_SECONDS)
        return reply.temporary_password, utc(reply.temporary_password_expire_time)

    async def publish(self, families: Sequence[Family], today: date) -> None:
        """Publishes dossiers; the same ones again change nothing.

        Raises:
            LocalStackError: one breaks a rule.
        """
        records = [record for family in families for record in _records(family, today)]
        call = self._dossiers.PublishDossiers(
            iter([dossier_pb.PublishDossiersRequest(records=records)]), timeout=CALL_SECONDS
        )
        async for reply in call:
            for result in reply.results:
                if result.outcome == dossier_pb.PUBLICATION_OUTCOME_REFUSED:
                    raise LocalStackError(f"A demo dossier was refused: {result.field}: {result.rule}")

    async def record_opposition(self, family: Family, partner_id: str = "") -> None:
        """Records the family's opposition: to every partner, or to one (annexe 1)."""
        request = opposition_pb.RecordOppositionRequest(
            nir=family.nir,
            scope=opposition_pb.OppositionScope(caisse_code=family.caisse, partner_id=partner_id),
            channel=opposition_pb.OPPOSITION_CHANNEL_LETTER,
        )
        await self._oppositions.RecordOpposition(request, timeout=CALL_SECONDS)


@asynccontextmanager
async def open_caisse(layout: Layout, ports: Ports) -> AsyncIterator[Caisse]:
    """Connects to the services.

    Raises:
        LocalStackError: a service refused what the body asked of it.
    """
    async with (
        internal_channel(layout, ports, "identity") as identity,
        internal_channel(layout, ports, "partners") as partners,
        internal_channel(layout, ports, "quotient") as quotient,
    ):
        try:
            yield Caisse(identity, partners, quotient)
        except grpc.aio.AioRpcError as error:
            raise LocalStackError(_in_words(error, layout)) from None


def utc(timestamp: Timestamp) -> datetime:
    """A protobuf time as an aware datetime."""
    return timestamp.ToDatetime(UTC)


def _profile(organisation: Organisation) -> partner_pb.PartnerProfile:
    return partner_pb.PartnerProfile(
        representative=organisation.representative,
        representative_function=organisation.representative_function,
        structure_kind=partner_pb.StructureKind.Value(f"STRUCTURE_KIND_{organisation.structure_kind}"),
        departments=organisation.departments,
        email=organisation.email,
    )


def _seat(organisation: Organisation) -> partner_pb.Seat:
    return partner_pb.Seat(
        street=organisation.street,
        postal_code=organisation.postal_code,
        commune=organisation.commune,
    )


def _bouquet(agent: Agent) -> habilitation_pb.Bouquet.ValueType:
    """Who is answerable for a partner's users may review their consultations (art. 4-2)."""
    if agent.state is State.MANAGER:
        return habilitation_pb.BOUQUET_QUOTIENT_FAMILIAL_RESPONSABLE
    return habilitation_pb.BOUQUET_QUOTIENT_FAMILIAL


def _records(family: Family, today: date) -> list[dossier_pb.DossierRecord]:
    """One record per amount: the first holds from January of last year, each later one a year longer.

    Where amounts change within the month, one record with all of its periods.
    """
    bare = _bare_record(family, today)
    if family.changes_within_month:
        bare.further_quotient_periods.extend(_changing(family.amounts_cents, today))
        return [bare]
    records = []
    for years, amount_cents in enumerate(family.amounts_cents):
        record = dossier_pb.DossierRecord()
        record.CopyFrom(bare)
        record.quotient_period.valid_from.CopyFrom(Date(year=today.year - 1 + years, month=1, day=1))
        record.quotient_period.amount_cents = amount_cents
        records.append(record)
    return records or [bare]


def _bare_record(family: Family, today: date) -> dossier_pb.DossierRecord:
    allocataires = [dossier_pb.Allocataire(nom_naissance=family.nom, prenoms=family.prenoms)]
    if family.second:
        second = dossier_pb.Allocataire(nom_naissance=family.second.nom, prenoms=family.second.prenoms)
        allocataires.append(second)
    return dossier_pb.DossierRecord(
        caisse_code=family.caisse,
        numero_dossier=family.numero_dossier,
        nir=family.nir,
        other_nirs=[family.second.nir] if family.second else [],
        coordonnees=dossier_pb.Coordonnees(
            allocataires=allocataires,
            destinataire=f"{family.prenoms} {family.nom.upper()}",
            numero_libelle_voie=family.street,
            code_postal_ville=family.town,
            pays="FRANCE",
        ),
        closed_from=Date(year=today.year, month=1, day=1) if family.closed else None,
    )


def _changing(amounts_cents: Sequence[int], today: date) -> Iterator[dossier_pb.QuotientPeriod]:
    """A period from each 15th to the next 14th, for every month that may be asked for, and for three years to come.

    Which amount a month has does not depend on `today`: published again, nothing changes.
    """
    this_month = today.year * 12 + today.month - 1
    for month in range(this_month - CHANGES_BACK_MONTHS, this_month + CHANGES_AHEAD_MONTHS):
        yield dossier_pb.QuotientPeriod(
            valid_from=Date(year=month // 12, month=month % 12 + 1, day=15),
            valid_to=Date(year=(month + 1) // 12, month=(month + 1) % 12 + 1, day=14),
            amount_cents=amounts_cents[month % len(amounts_cents)],
        )


def _date(day: date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


def _in_words(error: grpc.aio.AioRpcError, layout: Layout) -> str:
    reason = reason_of(error) or error.code().name
    return f"The demo data cannot be made: a service answers {reason}. See {layout.logs}, or begin anew: make reset"
