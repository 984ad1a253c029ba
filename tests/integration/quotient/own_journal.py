"""A journal of its own, in a database beside the stack's, whose lines are written at the time that a test wants."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from deploy.local import postgres
from deploy.local.layout import PROJECT
from services.kit.clock import SystemClock, paris_date
from services.kit.config import DatabaseSettings, read_key
from services.kit.database import Database, connection_parameters, open_database
from services.kit.migrate import OwnerSettings, migrate
from services.kit.nir import Nir
from services.kit.transparency.signed_note import Signer
from services.quotient.config import QuotientSettings
from services.quotient.disclosures.domain import Consultation, JournalSelection, Purpose
from services.quotient.disclosures.service import DisclosureService
from services.quotient.disclosures.store import DisclosureStore
from services.quotient.journal.exporting import JournalExporter
from services.quotient.journal.sealing import Sealer
from services.quotient.journal.service import JournalService
from services.quotient.journal.store import JournalTreeStore
from services.quotient.keys.files import KeyFiles
from services.quotient.keys.keyring import Keyring
from services.quotient.keys.store import KeyStore
from services.quotient.reports.service import ReportService
from services.quotient.reports.store import ReportStore
from services.quotient.retention.service import JournalKeeping, RetentionService
from services.quotient.retention.store import RetentionStore
from tests.clock import FakeClock
from tests.people import new_nir
from tests.stack import Stack

MIGRATIONS = PROJECT / "services" / "quotient" / "migrations"


@dataclass(frozen=True)
class OwnJournal:
    """Quotient's use cases around the journal, on a clock that a test turns; it starts at the present."""

    stack: Stack
    settings: QuotientSettings
    owner: DatabaseSettings
    clock: FakeClock
    database: Database
    disclosures: DisclosureService
    store: RetentionStore
    retention: RetentionService
    keeping: JournalKeeping
    reports: ReportService
    sealer: Sealer
    proofs: JournalService
    exporter: JournalExporter
    signer: Signer

    async def write(
        self,
        instant: datetime,
        caisse_code: str = "21",
        *,
        count: int = 1,
        partner_id: UUID | None = None,
        purpose: Purpose = Purpose.PRICING,
    ) -> Sequence[UUID]:
        """Consultations at that instant, in the month of which there is room; the clock goes back to where it was."""
        now = self.clock.now()
        self.clock.set(instant)
        await self.keeping.prepare_months()
        ids = await self.consult(caisse_code, count=count, partner_id=partner_id, purpose=purpose)
        self.clock.set(now)
        return ids

    async def consult(
        self,
        caisse_code: str = "21",
        *,
        count: int = 1,
        partner_id: UUID | None = None,
        purpose: Purpose = Purpose.PRICING,
    ) -> Sequence[UUID]:
        """Consultations now, of people whom nobody knows."""
        month = paris_date(self.clock.now()).replace(day=1)
        asked = [
            Consultation(
                nir=Nir.parse(new_nir()),
                caisse_code=caisse_code,
                month=month,
                purpose=purpose,
                purpose_text="",
                case_reference="",
                account_id=uuid4(),
                habilitation_id=uuid4(),
                partner_id=partner_id or uuid4(),
                convention_id=uuid4(),
                opposed=False,
                trace_id="",
            )
            for _ in range(count)
        ]
        return [shown.consultation_id for shown in await self.disclosures.disclose(asked)]

    async def seal(self) -> None:
        """Gives every line its place in the tree."""
        await self.sealer.run()

    async def lines(self, caisse_code: str = "21") -> Sequence[UUID]:
        """The lines of a caisse that are there, oldest first."""
        lines = []
        token = ""
        while True:
            page = await self.disclosures.journal(JournalSelection(caisse_code), 500, token)
            lines += [line.consultation_id for line in page.records]
            token = page.next_page_token
            if not token:
                return lines[::-1]

    async def months(self) -> Sequence[str]:
        """The partitions, by their names, oldest first."""
        async with self.as_owner() as owner:
            found = await owner.execute(
                "SELECT inhrelid::regclass::text FROM pg_inherits"
                " WHERE inhparent = 'disclosures'::regclass ORDER BY 1"
            )
            return [name for (name,) in await found.fetchall()]

    @asynccontextmanager
    async def as_owner(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """The role that runs the migrations."""
        async with _connected(self.owner) as connection:
            yield connection

    @asynccontextmanager
    async def as_service(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """The role that the service uses."""
        async with _connected(self.settings.database) as connection:
            yield connection

    @asynccontextmanager
    async def as_superuser(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """Who holds the database."""
        name = self.settings.database.name
        async with await postgres.connect(
            self.stack.layout, self.stack.ports.postgres_port, name
        ) as connection:
            yield connection


@asynccontextmanager
async def own_journal(stack: Stack) -> AsyncIterator[OwnJournal]:
    """An empty journal, removed at the end."""
    settings = stack.settings("quotient", QuotientSettings)
    async with _scratch(stack) as name:
        settings = settings.model_copy(
            update={"database": settings.database.model_copy(update={"name": name})}
        )
        owner = stack.settings("quotient_owner", OwnerSettings).database.model_copy(update={"name": name})
        migrate(owner, MIGRATIONS)
        async with open_database(settings.database) as database:
            yield await _compose(stack, settings, owner, database)


async def _compose(
    stack: Stack, settings: QuotientSettings, owner: DatabaseSettings, database: Database
) -> OwnJournal:
    clock = FakeClock(SystemClock().now())
    files = KeyFiles(settings.keys.person_index_key_folder, settings.keys.wrapping_key_folder)
    keyring = Keyring(files, KeyStore(database), clock)
    await keyring.refresh()
    store, tree = RetentionStore(database), JournalTreeStore(database)
    retention = RetentionService(store)
    signer = Signer(settings.journal.origin, read_key(settings.journal.signing_key_file))
    return OwnJournal(
        stack=stack,
        settings=settings,
        owner=owner,
        clock=clock,
        database=database,
        disclosures=DisclosureService(DisclosureStore(database), keyring, clock),
        store=store,
        retention=retention,
        keeping=JournalKeeping(store, retention, clock),
        reports=ReportService(ReportStore(database)),
        sealer=Sealer(tree, signer, clock),
        proofs=JournalService(tree, signer.verifier_key, None),
        exporter=JournalExporter(tree, clock),
        signer=signer,
    )


@asynccontextmanager
async def _scratch(stack: Stack) -> AsyncIterator[str]:
    name = f"quotient_{secrets.token_hex(4)}"
    identifier = sql.Identifier(name)
    async with await postgres.connect(stack.layout, stack.ports.postgres_port, "postgres") as connection:
        await connection.execute(sql.SQL("CREATE DATABASE {} OWNER quotient_owner").format(identifier))
        try:
            yield name
        finally:
            await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


@asynccontextmanager
async def _connected(settings: DatabaseSettings) -> AsyncIterator[psycopg.AsyncConnection]:
    parameters = connection_parameters(settings)
    async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as connection:
        yield connection
