"""The journal cannot be altered through the database, nor any of its months, and there is always room for the next one.

What gets past the database, as its superuser would, is told by the tree (N7).
"""

from collections.abc import Sequence

import psycopg
import pytest
from psycopg import errors

from services.kit.clock import SystemClock
from tests.integration.quotient.caller import Caller, item
from tests.integration.quotient.database import connected_as_owner, connected_as_service
from tests.people import new_nir
from tests.stack import Stack

CHANGES = (
    "UPDATE disclosures SET outcome = 'NOT_FOUND'",
    "UPDATE disclosures SET outcome = 'NOT_FOUND' WHERE false",
    "DELETE FROM disclosures",
    "TRUNCATE disclosures",
    "SET session_replication_role = replica",
)

CHANGES_OF_A_MONTH = (
    "UPDATE {month} SET outcome = 'NOT_FOUND'",
    "DELETE FROM {month}",
    "DELETE FROM ONLY {month}",
    "TRUNCATE {month}",
)
REACHES_FOR_A_MONTH = (
    "SELECT consultation_id FROM {month}",
    "INSERT INTO {month} TABLE {month}",
    "ALTER TABLE {month} DISABLE TRIGGER ALL",
    "ALTER TABLE disclosures DETACH PARTITION {month}",
    "DROP TABLE {month}",
    "SELECT guard_journal('disclosures')",
    "SET ROLE quotient_owner",
)


@pytest.mark.parametrize("statement", CHANGES)
async def test_the_service_s_role_has_no_right_to_alter_a_line(
    caller: Caller, stack: Stack, statement: str
) -> None:
    nir = new_nir()
    await caller.consult(item(nir))
    before = await caller.journal(nir)
    async with connected_as_service(stack) as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            await connection.execute(statement.encode())
    assert await caller.journal(nir) == before


@pytest.mark.parametrize("statement", CHANGES[:-1])
async def test_the_owner_is_refused_to_alter_a_line(caller: Caller, stack: Stack, statement: str) -> None:
    nir = new_nir()
    await caller.consult(item(nir))
    before = await caller.journal(nir)
    async with connected_as_owner(stack) as connection:
        with pytest.raises(errors.RestrictViolation):
            await connection.execute(statement.encode())
    assert await caller.journal(nir) == before


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM oppositions",
        "UPDATE oppositions SET record_time = now()",
        "DELETE FROM dossiers",
        "DELETE FROM quotient_periods",
        "UPDATE dossiers SET numero_dossier = ''",
        "CREATE TABLE mine ()",
        "ALTER TABLE disclosures DISABLE TRIGGER ALL",
    ],
)
async def test_the_service_s_role_has_no_right_it_does_not_need(stack: Stack, statement: str) -> None:
    async with connected_as_service(stack) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(statement.encode())


@pytest.mark.parametrize("statement", [*CHANGES_OF_A_MONTH, *REACHES_FOR_A_MONTH])
async def test_the_service_s_role_reaches_no_month_but_through_the_journal(
    caller: Caller, stack: Stack, statement: str
) -> None:
    await caller.consult(item(new_nir()))
    async with connected_as_service(stack) as connection:
        for month in await months(connection):
            with pytest.raises(errors.InsufficientPrivilege):
                await connection.execute(statement.format(month=month).encode())


@pytest.mark.parametrize("statement", CHANGES_OF_A_MONTH)
async def test_the_owner_is_refused_to_alter_a_line_by_its_month(
    caller: Caller, stack: Stack, statement: str
) -> None:
    nir = new_nir()
    await caller.consult(item(nir))
    before = await caller.journal(nir)
    async with connected_as_owner(stack) as connection:
        with pytest.raises(errors.RestrictViolation):
            await connection.execute(statement.format(month=present_month()).encode())
    assert await caller.journal(nir) == before


async def test_no_month_has_fewer_guards_than_the_journal(stack: Stack) -> None:
    query = (
        b"SELECT tgrelid::regclass::text, count(*) FILTER (WHERE tgenabled = 'A') FROM pg_trigger"
        b" WHERE tgname IN ('disclosures_append_only', 'disclosures_kept') GROUP BY tgrelid"
    )
    async with connected_as_owner(stack) as connection:
        guards = dict(await (await connection.execute(query)).fetchall())
        assert guards == dict.fromkeys(("disclosures", *await months(connection)), 2)


async def test_a_start_makes_the_months_that_are_missing_before_it_serves(
    caller: Caller, stack: Stack
) -> None:
    async with connected_as_owner(stack) as connection:
        there = await months(connection)
        missing = [month for month in there if month > present_month()]
        assert len(missing) >= 3
        for month in missing:
            await connection.execute(f"DROP TABLE {month}".encode())
        stack.kill("quotient")
        await stack.wait_until_ready("quotient")
        assert await months(connection) == there
    await caller.consult(item(new_nir()))


def present_month() -> str:
    return f"disclosures_{SystemClock().now():%Y%m}"


async def months(connection: psycopg.AsyncConnection) -> Sequence[str]:
    """The journal's partitions."""
    found = await connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'disclosures'::regclass ORDER BY 1"
    )
    return [name for (name,) in await found.fetchall()]
