"""Hands laid on the journal as only who holds the database can, behind grants and triggers; put right at the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from deploy.local.postgres import connect
from services.kit.clock import SystemClock
from services.kit.identifiers import new_uuid7
from tests.stack import Stack


@asynccontextmanager
async def altered_line(stack: Stack, consultation_id: str, statement: str) -> AsyncIterator[None]:
    """Edits or deletes one line behind the triggers; at the end it is again as it was."""
    async with await connect(stack.layout, stack.ports.postgres_port, "quotient") as connection:
        parameters = (consultation_id,)
        await _copy_line(connection, consultation_id)
        await _untriggered(connection, f"{statement} WHERE consultation_id = %s", parameters)
        try:
            yield
        finally:
            await _untriggered(connection, "DELETE FROM disclosures WHERE consultation_id = %s", parameters)
            await connection.execute("INSERT INTO disclosures TABLE copied")


@asynccontextmanager
async def inserted_line(stack: Stack, like: str) -> AsyncIterator[None]:
    """Inserts a line by hand, a copy of another one under a name of its own; at the end it is gone."""
    forged = new_uuid7(SystemClock().now())
    async with await connect(stack.layout, stack.ports.postgres_port, "quotient") as connection:
        await _copy_line(connection, like)
        await connection.execute("UPDATE copied SET consultation_id = %s", (forged,))
        await connection.execute("INSERT INTO disclosures TABLE copied")
        try:
            yield
        finally:
            await _untriggered(
                connection, "DELETE FROM disclosures WHERE consultation_id = %s", (str(forged),)
            )


async def _copy_line(connection: psycopg.AsyncConnection, consultation_id: str) -> None:
    """Makes `copied`, a table of this connection's own, with one line in it."""
    await connection.execute("CREATE TEMP TABLE copied AS TABLE disclosures")
    await connection.execute("DELETE FROM copied WHERE consultation_id <> %s", (consultation_id,))


async def _untriggered(
    connection: psycopg.AsyncConnection, statement: str, parameters: tuple[str, ...]
) -> None:
    async with connection.transaction():
        await connection.execute("ALTER TABLE disclosures DISABLE TRIGGER ALL")
        await connection.execute(statement.encode(), parameters)
        for trigger in ("disclosures_append_only", "disclosures_kept"):
            await connection.execute(f"ALTER TABLE disclosures ENABLE ALWAYS TRIGGER {trigger}".encode())
