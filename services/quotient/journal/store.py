"""The tree in PostgreSQL: what waits to be sealed, tiles of hashes, places of lines, checkpoints."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from services.kit.database import Database, fetch_all, fetch_one
from services.kit.transparency.leaf import JournalLeaf, hidden_texts
from services.kit.transparency.tiles import TileKey, Tiles
from services.quotient.journal.domain import SealedCheckpoint


@dataclass(frozen=True, repr=False)
class LineRow:
    """A line of the journal, with all that its leaf is made of."""

    consultation_id: UUID
    disclose_time: datetime
    account_id: UUID
    habilitation_id: UUID
    partner_id: UUID
    convention_id: UUID
    caisse_code: str
    person_index: bytes
    index_generation: int
    month: date
    purpose: str
    purpose_text: str
    case_reference: str
    outcome: str
    trace_id: str
    period_ids: list[UUID]
    period_starts: list[date]
    period_ends: list[date | None]
    salt: bytes

    def encode(self) -> bytes:
        """The leaf."""
        return JournalLeaf(
            consultation_id=self.consultation_id,
            disclose_time=self.disclose_time,
            account_id=self.account_id,
            habilitation_id=self.habilitation_id,
            partner_id=self.partner_id,
            convention_id=self.convention_id,
            caisse_code=self.caisse_code,
            person_index=self.person_index,
            person_index_generation=self.index_generation,
            month=self.month,
            purpose=self.purpose,
            outcome=self.outcome,
            trace_id=self.trace_id,
            period_ids=self.period_ids,
            period_starts=self.period_starts,
            period_ends=self.period_ends,
            texts=hidden_texts(self.salt, self.case_reference, self.purpose_text),
        ).encode()


@dataclass(frozen=True)
class PlacedLine:
    """Where a line stands in the tree."""

    leaf_index: int
    consultation_id: UUID


@dataclass(frozen=True)
class KnownLine:
    """A line of a caisse, and whether the tree or the queue before it knows it."""

    consultation_id: UUID
    is_known: bool


class JournalTreeStore:
    """The tree and what it stands on; what takes a connection is part of its transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self, operation: str) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction named `operation`."""
        return self._database.transaction(operation)

    async def has_unsealed(self) -> bool:
        """Whether any line waits to be sealed."""
        return await self._database.fetch_one("find_unsealed_lines", _Id, _UNSEALED, (1,)) is not None

    async def try_lock(self, connection: AsyncConnection) -> bool:
        """Whether this transaction alone seals, until it ends; False where another one does."""
        (row,) = await fetch_all(connection, _Locked, _TRY_LOCK)
        return row.is_locked

    async def unsealed(self, connection: AsyncConnection, limit: int) -> Sequence[UUID]:
        """The oldest lines that wait to be sealed."""
        return [row.consultation_id for row in await fetch_all(connection, _Id, _UNSEALED, (limit,))]

    async def lines(
        self, connection: AsyncConnection, consultation_ids: Collection[UUID]
    ) -> Mapping[UUID, LineRow]:
        """Those of these lines that are there."""
        rows = await fetch_all(connection, LineRow, _LINES, (list(consultation_ids),))
        return {row.consultation_id: row for row in rows}

    async def tiles(self, connection: AsyncConnection, keys: Collection[TileKey]) -> Tiles:
        """Those of these tiles that are there."""
        asked = ([key.level for key in keys], [key.index for key in keys])
        rows = await fetch_all(connection, _TileRow, _TILES, asked)
        return {TileKey(row.level, row.tile_index): row.hashes for row in rows}

    async def write_tiles(self, connection: AsyncConnection, tiles: Tiles) -> None:
        """Adds tiles, or hashes to them."""
        keys = list(tiles)
        columns = ([key.level for key in keys], [key.index for key in keys], [tiles[key] for key in keys])
        await connection.execute(_WRITE_TILES, columns)

    async def leaf_count(self, connection: AsyncConnection) -> int:
        """How many lines have a place in the tree."""
        (row,) = await fetch_all(connection, _Count, _LEAF_COUNT)
        return row.count

    async def place(
        self, connection: AsyncConnection, first_leaf_index: int, consultation_ids: Sequence[UUID]
    ) -> None:
        """Gives lines their places, from `first_leaf_index` on; they wait no more."""
        places = list(range(first_leaf_index, first_leaf_index + len(consultation_ids)))
        await connection.execute(_PLACE, (places, list(consultation_ids)))
        await self.forget_unsealed(connection, consultation_ids)

    async def forget_unsealed(self, connection: AsyncConnection, consultation_ids: Sequence[UUID]) -> None:
        """These lines wait no more."""
        await connection.execute(_FORGET, (list(consultation_ids),))

    async def placed(self, connection: AsyncConnection, begin: int, end: int) -> Mapping[int, UUID]:
        """The lines at the places from `begin` up to, without, `end`."""
        rows = await fetch_all(connection, PlacedLine, _PLACED, (begin, end))
        return {row.leaf_index: row.consultation_id for row in rows}

    async def place_of(self, connection: AsyncConnection, consultation_id: UUID) -> int | None:
        """The place of a line; None where it is not sealed."""
        row = await fetch_one(connection, PlacedLine, _PLACE_OF, (consultation_id,))
        return row.leaf_index if row else None

    async def known_lines(
        self, connection: AsyncConnection, caisse_code: str, after: UUID, limit: int
    ) -> Sequence[KnownLine]:
        """The next lines of a caisse after the line `after`."""
        return await fetch_all(connection, KnownLine, _KNOWN_LINES, (caisse_code, after, limit))

    async def newest_checkpoint(self, connection: AsyncConnection) -> SealedCheckpoint | None:
        """The newest checkpoint; None while nothing is sealed."""
        return await fetch_one(connection, SealedCheckpoint, _NEWEST_CHECKPOINT)

    async def add_checkpoint(
        self, connection: AsyncConnection, checkpoint: SealedCheckpoint, before: SealedCheckpoint | None
    ) -> None:
        """Adds the newest checkpoint. The one before goes, unless it was the last of its minute or has a time-stamp."""
        await connection.execute(_ADD_CHECKPOINT, _columns(checkpoint))
        if before is not None:
            await connection.execute(_THIN, (before.tree_size, checkpoint.seal_time))

    async def keep_timestamp(self, connection: AsyncConnection, checkpoint: SealedCheckpoint) -> None:
        """Keeps a checkpoint with its time-stamp, also where it had gone meanwhile."""
        await connection.execute(_ADD_CHECKPOINT + _WITH_TIMESTAMP, _columns(checkpoint))


@dataclass(frozen=True)
class _Id:
    consultation_id: UUID


@dataclass(frozen=True)
class _Locked:
    is_locked: bool


@dataclass(frozen=True)
class _Count:
    count: int


@dataclass(frozen=True)
class _TileRow:
    level: int
    tile_index: int
    hashes: bytes


def _columns(checkpoint: SealedCheckpoint) -> tuple[object, ...]:
    return (
        checkpoint.tree_size,
        checkpoint.root_hash,
        checkpoint.seal_time,
        checkpoint.note,
        checkpoint.timestamp_token,
    )


_TRY_LOCK: LiteralString = (
    "SELECT pg_try_advisory_xact_lock(hashtextextended('seal_journal', 0)) AS is_locked"
)
_UNSEALED: LiteralString = "SELECT consultation_id FROM journal_unsealed ORDER BY consultation_id LIMIT %s"
_LINES: LiteralString = """
SELECT
    consultation_id, disclose_time, account_id, habilitation_id, partner_id, convention_id, caisse_code,
    person_index, index_generation, month, purpose, purpose_text, case_reference, outcome, trace_id, period_ids,
    period_starts, period_ends, salt
FROM disclosures
WHERE consultation_id = ANY (%s::uuid[])
"""
_TILES: LiteralString = """
SELECT level, tile_index, hashes
FROM unnest(%s::smallint[], %s::bigint[]) AS asked (level, tile_index)
JOIN journal_tiles USING (level, tile_index)
"""
_WRITE_TILES: LiteralString = """
INSERT INTO journal_tiles (level, tile_index, hashes)
SELECT level, tile_index, hashes
FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[]) AS written (level, tile_index, hashes)
ON CONFLICT (level, tile_index) DO UPDATE SET hashes = EXCLUDED.hashes
"""
_LEAF_COUNT: LiteralString = "SELECT coalesce(max(leaf_index) + 1, 0) AS count FROM journal_leaves"
_PLACE: LiteralString = """
INSERT INTO journal_leaves (leaf_index, consultation_id)
SELECT leaf_index, consultation_id FROM unnest(%s::bigint[], %s::uuid[]) AS placed (leaf_index, consultation_id)
"""
_FORGET: LiteralString = "DELETE FROM journal_unsealed WHERE consultation_id = ANY (%s::uuid[])"
_PLACED: LiteralString = """
SELECT leaf_index, consultation_id FROM journal_leaves WHERE leaf_index >= %s AND leaf_index < %s
"""
_PLACE_OF: LiteralString = """
SELECT leaf_index, consultation_id FROM journal_leaves WHERE consultation_id = %s
"""
# One statement, so one snapshot: a line that is sealed meanwhile is in the queue or in the tree, never in neither.
_KNOWN_LINES: LiteralString = """
SELECT
    consultation_id,
    EXISTS (SELECT FROM journal_leaves AS leaf WHERE leaf.consultation_id = line.consultation_id)
    OR EXISTS (SELECT FROM journal_unsealed AS waiting WHERE waiting.consultation_id = line.consultation_id)
    AS is_known
FROM disclosures AS line
WHERE caisse_code = %s AND consultation_id > %s
ORDER BY consultation_id
LIMIT %s
"""
_NEWEST_CHECKPOINT: LiteralString = """
SELECT tree_size, root_hash, seal_time, note, timestamp_token
FROM journal_checkpoints
ORDER BY tree_size DESC
LIMIT 1
"""
_ADD_CHECKPOINT: LiteralString = """
INSERT INTO journal_checkpoints (tree_size, root_hash, seal_time, note, timestamp_token)
VALUES (%s, %s, %s, %s, %s)
"""
_WITH_TIMESTAMP: LiteralString = """
ON CONFLICT (tree_size) DO UPDATE SET timestamp_token = EXCLUDED.timestamp_token
"""
_THIN: LiteralString = """
DELETE FROM journal_checkpoints
WHERE tree_size = %s AND timestamp_token IS NULL
    AND date_trunc('minute', seal_time) = date_trunc('minute', %s::timestamptz)
"""
