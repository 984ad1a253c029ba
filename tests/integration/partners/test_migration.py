"""A register of the release before this one goes on as it was, with its history as facts."""

import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from deploy.local import postgres
from deploy.local.layout import PROJECT
from services.kit.config import DatabaseSettings
from services.kit.database import Database, connection_parameters, open_database
from services.kit.migrate import OwnerSettings, migrate
from services.partners.agents.domain import Caller
from services.partners.config import PartnersSettings
from services.partners.conventions.domain import Convention, ConventionState
from services.partners.conventions.store import ConventionStore
from services.partners.habilitations.domain import Decision
from tests.clock import FakeClock
from tests.integration.partners.register import SYSTEM, Register
from tests.stack import Stack

MIGRATIONS = PROJECT / "services" / "partners" / "migrations"
PARTNER, IN_FORCE, PENDING, ENDED = (UUID(int=number) for number in range(1, 5))
USER, SUSPENDED_USER, SUSPENDED_PARTNER, SUSPENDED = (UUID(int=number) for number in range(11, 15))
BEFORE = """
INSERT INTO partners (partner_id, caisse_code, numero_tiers, denomination, create_time)
VALUES (%(partner)s, '21', 'T1', 'Mairie d''Échannay', now()), (%(suspended_partner)s, '21', 'T2', 'CCAS', now());
INSERT INTO conventions (
    convention_id, partner_id, caisse_code, signature_date, cnil_declaration_date, end_date, create_time
) VALUES
    (%(ended)s, %(partner)s, '21', '2020-02-29', '2020-03-05', '2023-05-01', now()),
    (%(pending)s, %(suspended_partner)s, '21', '2024-01-01', NULL, '2026-12-31', now()),
    (%(in_force)s, %(partner)s, '21', '2025-03-10', '2025-03-10', NULL, now()),
    (%(suspended)s, %(suspended_partner)s, '21', '2025-03-10', '2025-03-10', NULL, now());
INSERT INTO convention_ends (convention_end_id, convention_id, end_date, end_reason, record_time) VALUES
    (gen_random_uuid(), %(ended)s, '2023-06-01', 'préavis', '2023-01-01 09:00+00'),
    (gen_random_uuid(), %(ended)s, '2023-05-01', 'avancé', '2023-02-01 09:00+00'),
    (gen_random_uuid(), %(pending)s, '2026-12-31', 'préavis', '2026-01-01 09:00+00');
INSERT INTO habilitations (habilitation_id, convention_id, nom, prenom, email, bouquet, create_time) VALUES
    (%(user)s, %(in_force)s, 'P', 'Z', 'z@b.example', 'QUOTIENT_FAMILIAL', '2025-04-01 09:00+00'),
    (%(suspended_user)s, %(suspended)s, 'P', 'Z', 'z@b.example', 'QUOTIENT_FAMILIAL', '2025-04-01 09:00+00');
INSERT INTO suspensions (suspension_id, partner_id, suspension_reason, suspend_time)
VALUES (gen_random_uuid(), %(suspended_partner)s, 'soupçon', '2026-01-01 09:00+00');
"""
NAMES = {
    "partner": PARTNER,
    "in_force": IN_FORCE,
    "pending": PENDING,
    "ended": ENDED,
    "user": USER,
    "suspended_user": SUSPENDED_USER,
    "suspended_partner": SUSPENDED_PARTNER,
    "suspended": SUSPENDED,
}


@pytest.fixture
async def migrated(stack: Stack, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with records of the first release, brought to the present schema."""
    async with _scratch(stack) as name:
        owner = stack.settings("partners_owner", OwnerSettings).database.model_copy(update={"name": name})
        shutil.copy(MIGRATIONS / "0001_partners.sql", tmp_path)
        migrate(owner, tmp_path)
        await _insert(owner)
        migrate(owner, MIGRATIONS)
        service = stack.settings("partners", PartnersSettings).database.model_copy(update={"name": name})
        async with open_database(service) as database:
            yield database


async def test_what_was_known_of_conventions_is_facts_that_make_the_same_conventions(
    migrated: Database,
) -> None:
    """Art. 9-1, 9-2."""
    for convention_id in (IN_FORCE, PENDING, ENDED, SUSPENDED):
        record = await ConventionStore(migrated).find(convention_id)
        assert record is not None
        assert record.with_facts().convention == record.convention
    ended = await ConventionStore(migrated).find(ENDED)
    assert ended is not None
    assert [one.fact.kind for one in ended.facts] == [
        "SIGNATURE",
        "SIGNATURE",
        "CNIL_DECLARATION",
        "AGREED_END",
        "AGREED_END",
    ]
    assert ended.convention == Convention(
        ENDED, PARTNER, "21", date(2020, 2, 29), date(2020, 3, 5), date(2023, 5, 1)
    )
    assert ended.convention.state_on(date(2026, 11, 23)) is ConventionState.ENDED


async def test_users_have_the_time_of_a_renewal_to_be_confirmed(migrated: Database, clock: FakeClock) -> None:
    """Art. 4-4, 9-1: nobody is shut out by the migration itself."""
    register = Register(migrated, clock)
    assert await register.decisions([USER, SUSPENDED_USER]) == [Decision.GRANTED, Decision.PARTNER_SUSPENDED]
    clock.advance(datetime(2028, 6, 1, tzinfo=UTC) - clock.now())
    assert await register.decisions([USER]) == [Decision.HABILITATION_NOT_VALID]


async def test_partners_of_before_are_found_without_accents(migrated: Database, clock: FakeClock) -> None:
    partners = Register(migrated, clock).partners
    page = await partners.list_page(Caller(SYSTEM), "21", "echannay t1", 10, "")
    assert [partner.numero_tiers for partner in page.records] == ["T1"]


async def _insert(owner: DatabaseSettings) -> None:
    async with await psycopg.AsyncConnection.connect(**connection_parameters(owner)) as connection:
        for statement in BEFORE.split(";\n"):
            if statement.strip():
                await connection.execute(statement.encode(), NAMES)


@asynccontextmanager
async def _scratch(stack: Stack) -> AsyncIterator[str]:
    """A database of its own, removed at the end."""
    name = f"partners_{secrets.token_hex(4)}"
    identifier = sql.Identifier(name)
    async with await postgres.connect(stack.layout, stack.ports.postgres_port, "postgres") as connection:
        await connection.execute(sql.SQL("CREATE DATABASE {} OWNER partners_owner").format(identifier))
        try:
            yield name
        finally:
            await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))
