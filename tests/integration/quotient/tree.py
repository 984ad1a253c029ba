"""The stored tree, laid hands on as only who holds the database could, and put right again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from deploy.local.postgres import connect
from services.kit.clock import Clock
from services.kit.config import read_key
from services.kit.database import open_database
from services.kit.transparency.signed_note import Signer
from services.quotient.config import QuotientSettings
from services.quotient.journal.sealing import Sealer
from services.quotient.journal.service import JournalService
from services.quotient.journal.store import JournalTreeStore
from services.quotient.journal.timestamping import TimestampAuthority
from tests.stack import Stack

TABLES = ("journal_leaves", "journal_tiles", "journal_checkpoints")


@asynccontextmanager
async def unsealing(stack: Stack) -> AsyncIterator[psycopg.AsyncConnection]:
    """A superuser's connection that has the lock of the sealers: the stack's own seals nothing until the block ends."""
    async with await connect(stack.layout, stack.ports.postgres_port, "quotient") as connection:
        await connection.execute("SELECT pg_advisory_lock(hashtextextended('seal_journal', 0))")
        yield connection


@asynccontextmanager
async def tampered(connection: psycopg.AsyncConnection, statement: str) -> AsyncIterator[None]:
    """Alters the tree; at the end it is again as it was."""
    await save_tree(connection)
    try:
        await connection.execute(statement.encode())
        yield
    finally:
        await restore_tree(connection)


async def save_tree(connection: psycopg.AsyncConnection) -> None:
    """Keeps the tree as it is now, for `restore_tree`."""
    async with connection.transaction():
        for table in TABLES:
            await connection.execute(f"CREATE TABLE kept_{table} AS TABLE {table}".encode())


async def restore_tree(connection: psycopg.AsyncConnection) -> None:
    """Puts the tree back to where it was kept; a line that was sealed since waits again."""
    async with connection.transaction():
        await connection.execute(_WAIT_AGAIN)
        for table in TABLES:
            await connection.execute(f"TRUNCATE {table}".encode())
            await connection.execute(f"INSERT INTO {table} TABLE kept_{table}".encode())
            await connection.execute(f"DROP TABLE kept_{table}".encode())


_WAIT_AGAIN = b"""
INSERT INTO journal_unsealed (consultation_id)
SELECT consultation_id FROM journal_leaves
WHERE consultation_id NOT IN (SELECT consultation_id FROM kept_journal_leaves)
"""


class _LockedStore(JournalTreeStore):
    """For a test that has the lock of the sealers itself."""

    async def try_lock(self, connection: psycopg.AsyncConnection) -> bool:
        return True


@asynccontextmanager
async def own_sealer(
    stack: Stack,
    clock: Clock,
    store_class: type[JournalTreeStore] = _LockedStore,
    successor: Signer | None = None,
) -> AsyncIterator[Sealer]:
    """Another server's sealer, beside that of the stack; with the key after the stack's where `successor` has it."""
    settings = stack.settings("quotient", QuotientSettings)
    signer = Signer(settings.journal.origin, read_key(settings.journal.signing_key_file))
    async with open_database(settings.database) as database:
        yield Sealer(store_class(database), successor or signer, clock, [signer.verifier_key])


@asynccontextmanager
async def own_service(stack: Stack, timestamp_url: str) -> AsyncIterator[JournalService]:
    """What another server, with a time-stamping authority, answers."""
    settings = stack.settings("quotient", QuotientSettings)
    signer = Signer(settings.journal.origin, read_key(settings.journal.signing_key_file))
    async with open_database(settings.database) as database:
        yield JournalService(
            JournalTreeStore(database), signer.verifier_key, TimestampAuthority(timestamp_url)
        )
