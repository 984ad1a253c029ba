"""Brings every row to the newest key, a few at a time, beside all that goes on; cut, it goes on where it was.

Each batch is a transaction that also writes how far it came. Rows that somebody else has locked are left for the end:
so it never waits while it holds rows, and nobody waits for it longer than a batch.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, LiteralString
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidTag
from psycopg import AsyncConnection

from services.kit.clock import Clock
from services.kit.database import Database, fetch_all, fetch_one
from services.quotient.keys.domain import CoordonneesUnreadable, Progress, RotationStep
from services.quotient.secrecy import PersonIndexer, Vault

_BEFORE_ALL = UUID(int=0)
_PAUSE_SECONDS = 0.2
_log = structlog.get_logger()


@dataclass(frozen=True)
class Sweep:
    """How far the rows of a table are brought to a key; without `last_id` none was looked at."""

    last_id: UUID | None
    done_count: int
    total_count: int
    complete_time: datetime | None


class Rows(ABC):
    """The rows of a table and the key that they are brought to."""

    subject: ClassVar[str]
    step: ClassVar[RotationStep]
    # So few that the server answers everybody else meanwhile.
    batch_size: ClassVar[int]
    counted: ClassVar[LiteralString]
    page: ClassVar[LiteralString]
    left: ClassVar[LiteralString]
    # Run in the transaction that found none left.
    concluded: ClassVar[LiteralString]
    target: int

    @abstractmethod
    async def rewrite(self, connection: AsyncConnection, ids: Sequence[UUID]) -> None:
        """Brings those of `ids` to the key that stand under a former one and that nobody has locked."""


class PersonRows(Rows):
    """People, indexed anew without their NIR (docs/adr/0012)."""

    subject = "persons"
    step = RotationStep.PERSON_INDEX
    batch_size = 500
    counted: ClassVar[LiteralString] = "SELECT count(*) AS count FROM persons"
    page: ClassVar[LiteralString] = """
        SELECT person_id AS row_id FROM persons WHERE person_id > %(last)s ORDER BY person_id LIMIT %(limit)s
    """
    left: ClassVar[LiteralString] = """
        SELECT person_id AS row_id FROM persons WHERE index_generation < %(target)s LIMIT %(limit)s
    """

    # From this commit on nobody is looked for under the key before.
    concluded: ClassVar[LiteralString] = """
        WITH rotation AS (
            UPDATE key_rotations SET complete_time = %(now)s WHERE subject = 'persons' AND target = %(target)s
        )
        UPDATE person_index_keys SET complete_time = %(now)s
        WHERE generation = %(target)s AND complete_time IS NULL
    """

    def __init__(self, indexer: PersonIndexer) -> None:
        self._indexer = indexer
        self.target = indexer.generation

    async def rewrite(self, connection: AsyncConnection, ids: Sequence[UUID]) -> None:
        """Each person's index, from the one before."""
        former = await fetch_all(connection, _PersonRow, _FORMER_PERSONS, (list(ids), self.target))
        if former:
            indexes = [self._indexer.reindexed(row.person_index, row.index_generation) for row in former]
            await connection.execute(_INDEX_ANEW, (self.target, [row.person_id for row in former], indexes))


class DossierRows(Rows):
    """Coordonnées, enciphered anew."""

    subject = "dossiers"
    step = RotationStep.COORDONNEES
    batch_size = 200
    counted: ClassVar[LiteralString] = "SELECT count(*) AS count FROM dossiers"
    page: ClassVar[LiteralString] = """
        SELECT dossier_id AS row_id FROM dossiers WHERE dossier_id > %(last)s ORDER BY dossier_id LIMIT %(limit)s
    """
    left: ClassVar[LiteralString] = """
        SELECT dossier_id AS row_id FROM dossiers WHERE data_key_id < %(target)s LIMIT %(limit)s
    """

    concluded: ClassVar[LiteralString] = """
        UPDATE key_rotations SET complete_time = %(now)s WHERE subject = 'dossiers' AND target = %(target)s
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self.target = vault.data_key_id

    async def rewrite(self, connection: AsyncConnection, ids: Sequence[UUID]) -> None:
        """Each dossier's coordonnées and their digest. A publication that is writing one has its row locked, and wins.

        Raises CoordonneesUnreadable.
        """
        former = await fetch_all(connection, _DossierRow, _FORMER_DOSSIERS, (list(ids), self.target))
        if former:
            clear = [self._opened(row) for row in former]
            await connection.execute(
                _ENCIPHER_ANEW,
                (
                    self.target,
                    [row.dossier_id for row in former],
                    [self._vault.seal(row.dossier_id, text) for row, text in zip(former, clear, strict=True)],
                    [
                        self._vault.digest(self.target, row.dossier_id, text)
                        for row, text in zip(former, clear, strict=True)
                    ],
                ),
            )

    def _opened(self, row: "_DossierRow") -> bytes:
        try:
            return self._vault.open(row.data_key_id, row.dossier_id, row.coordonnees)
        except InvalidTag:
            _log.error("coordonnees_unreadable", dossier_id=str(row.dossier_id), data_key_id=row.data_key_id)
            raise CoordonneesUnreadable from None


class Rewriter:
    """Rewrites rows in PostgreSQL."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self, rows: Rows) -> AsyncIterator[Progress]:
        """Brings every row to the key, from where an earlier run came to; tells how far it is after each batch.

        Raises CoordonneesUnreadable; DependencyUnavailable.
        """
        sweep = await self._begin(rows)
        yield _progress(rows, sweep)
        while (further := await self._advance(rows, sweep)) is not None:
            sweep = further
            yield _progress(rows, sweep)
        while not await self._complete(rows):
            yield _progress(rows, sweep)
            await asyncio.sleep(_PAUSE_SECONDS)
        _log.info("key_rotation_complete", subject=rows.subject, target=rows.target, count=sweep.done_count)

    async def _begin(self, rows: Rows) -> Sweep:
        async with self._database.transaction("begin_key_rotation") as connection:
            if known := await fetch_one(connection, Sweep, _FIND, (rows.subject, rows.target)):
                return known
            await connection.execute(_PATIENCE)
            (row,) = await fetch_all(connection, _Count, rows.counted)
            begun = Sweep(None, 0, row.count, None)
            await connection.execute(_BEGIN, (rows.subject, rows.target, row.count, self._clock.now()))
        return begun

    async def _advance(self, rows: Rows, sweep: Sweep) -> Sweep | None:
        async with self._database.transaction(f"rewrite_{rows.subject}") as connection:
            page = await fetch_all(
                connection,
                _RowId,
                rows.page,
                {"last": sweep.last_id or _BEFORE_ALL, "limit": rows.batch_size},
            )
            if not page:
                return None
            ids = [row.row_id for row in page]
            await rows.rewrite(connection, ids)
            done_count = sweep.done_count + len(ids)
            await connection.execute(_ADVANCE, (ids[-1], done_count, rows.subject, rows.target))
        return Sweep(ids[-1], done_count, sweep.total_count, None)

    async def _complete(self, rows: Rows) -> bool:
        async with self._database.transaction(f"complete_{rows.subject}") as connection:
            await connection.execute(_PATIENCE)
            left = await fetch_all(
                connection, _RowId, rows.left, {"target": rows.target, "limit": rows.batch_size}
            )
            if left:
                await rows.rewrite(connection, [row.row_id for row in left])
                return False
            await connection.execute(rows.concluded, {"now": self._clock.now(), "target": rows.target})
        return True


def _progress(rows: Rows, sweep: Sweep) -> Progress:
    return Progress(rows.step, sweep.done_count, sweep.total_count)


@dataclass(frozen=True)
class _Count:
    count: int


@dataclass(frozen=True)
class _RowId:
    row_id: UUID


@dataclass(frozen=True)
class _PersonRow:
    person_id: UUID
    person_index: bytes
    index_generation: int


@dataclass(frozen=True)
class _DossierRow:
    dossier_id: UUID
    data_key_id: int
    coordonnees: bytes


# What reads a table whole takes as long as it takes, and reads it in the order in which it lies.
_PATIENCE: LiteralString = "SET LOCAL statement_timeout = '10min'; SET LOCAL enable_seqscan = on"

_FIND: LiteralString = """
SELECT last_id, done_count, total_count, complete_time FROM key_rotations WHERE subject = %s AND target = %s
"""

_BEGIN: LiteralString = """
INSERT INTO key_rotations (subject, target, total_count, begin_time) VALUES (%s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""

_ADVANCE: LiteralString = """
UPDATE key_rotations SET last_id = %s, done_count = %s WHERE subject = %s AND target = %s
"""

# The index is unique, so rewriting it takes this lock in any case.
_FORMER_PERSONS: LiteralString = """
SELECT person_id, person_index, index_generation
FROM persons
WHERE person_id = ANY (%s::uuid[]) AND index_generation < %s
ORDER BY person_id
FOR UPDATE SKIP LOCKED
"""

_INDEX_ANEW: LiteralString = """
UPDATE persons
SET person_index = anew.person_index, index_generation = %s
FROM unnest(%s::uuid[], %s::bytea[]) AS anew (person_id, person_index)
WHERE persons.person_id = anew.person_id
"""

_FORMER_DOSSIERS: LiteralString = """
SELECT dossier_id, data_key_id, coordonnees
FROM dossiers
WHERE dossier_id = ANY (%s::uuid[]) AND data_key_id < %s
ORDER BY dossier_id
FOR NO KEY UPDATE SKIP LOCKED
"""

_ENCIPHER_ANEW: LiteralString = """
UPDATE dossiers
SET data_key_id = %s, coordonnees = anew.coordonnees, coordonnees_digest = anew.coordonnees_digest
FROM unnest(%s::uuid[], %s::bytea[], %s::bytea[]) AS anew (dossier_id, coordonnees, coordonnees_digest)
WHERE dossiers.dossier_id = anew.dossier_id
"""
