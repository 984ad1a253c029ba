"""The journal cannot be altered through the database (N7); a later chapter proves it offline as well."""

import psycopg
import pytest
from psycopg import errors

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
