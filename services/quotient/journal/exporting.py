"""Exports the journal of a caisse: what an auditor verifies without this service (N7)."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.kit.clock import Clock
from services.kit.errors import RecordNotFound
from services.kit.transparency.tiles import TILE_WIDTH, TileNodes, Tiles, TilesDamaged, leaf_tile_keys
from services.quotient.journal.domain import (
    ExportedLeaf,
    LeafKind,
    SealedCheckpoint,
    may_be_purged,
    read_first_leaf_index,
)
from services.quotient.journal.store import JournalTreeStore, LineRow

# Leaves of whole tiles, so few that calls do not notice.
_LEAVES = 2 * TILE_WIDTH
_LINES = 2000
_BEFORE_ALL = UUID(int=0)


@dataclass(frozen=True)
class Export:
    """What an export is verified against, and its leaves in chunks."""

    checkpoint: SealedCheckpoint
    chunks: AsyncIterator[Sequence[ExportedLeaf]]


class JournalExporter:
    """Exports; the journal goes on meanwhile."""

    def __init__(self, store: JournalTreeStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def export(self, caisse_code: str, first_leaf_index: int) -> Export:
        """Every leaf of the newest tree from one on, then those lines of the caisse that no tree knows.

        Raises InvalidField, and RecordNotFound while nothing is sealed.
        """
        async with self._store.transaction("get_checkpoint") as connection:
            newest = await self._store.newest_checkpoint(connection)
        if newest is None:
            raise RecordNotFound
        first = read_first_leaf_index(first_leaf_index, newest.tree_size)
        return Export(newest, self._chunks(caisse_code, first, newest.tree_size))

    async def _chunks(
        self, caisse_code: str, first: int, tree_size: int
    ) -> AsyncIterator[Sequence[ExportedLeaf]]:
        for begin in range(first, tree_size, _LEAVES):
            yield await self._sealed_chunk(caisse_code, begin, min(begin + _LEAVES, tree_size))
        async for chunk in self._unknown_chunks(caisse_code):
            yield chunk

    async def _sealed_chunk(self, caisse_code: str, begin: int, end: int) -> Sequence[ExportedLeaf]:
        async with self._store.transaction("export_journal") as connection:
            placed = await self._store.placed(connection, begin, end)
            lines = await self._store.lines(connection, placed.values())
            tiles = await self._store.tiles(connection, leaf_tile_keys(begin, end))
        stored = StoredLeaves(placed, lines, tiles)
        return await asyncio.to_thread(stored.told, caisse_code, range(begin, end), self._clock.now())

    async def _unknown_chunks(self, caisse_code: str) -> AsyncIterator[Sequence[ExportedLeaf]]:
        """Lines that stand in the journal and were not written by the statement that discloses."""
        after = _BEFORE_ALL
        while True:
            async with self._store.transaction("find_unknown_lines") as connection:
                known = await self._store.known_lines(connection, caisse_code, after, _LINES)
                unknown = [line.consultation_id for line in known if not line.is_known]
                lines = await self._store.lines(connection, unknown)
            if lines:
                yield [ExportedLeaf(LeafKind.LINE, line.encode()) for line in lines.values()]
            if len(known) < _LINES:
                return
            after = known[-1].consultation_id


@dataclass(frozen=True)
class StoredLeaves:
    """What the database holds of some leaves: which line is placed where, what is left of it, the hashes."""

    placed: Mapping[int, UUID]
    lines: Mapping[UUID, LineRow]
    tiles: Tiles

    def told(self, caisse_code: str, places: range, now: datetime) -> Sequence[ExportedLeaf]:
        """What an export for the caisse tells of the leaves at these places."""
        return [self._leaf(caisse_code, place, now) for place in places]

    def _leaf(self, caisse_code: str, place: int, now: datetime) -> ExportedLeaf:
        consultation_id = self.placed.get(place)
        if consultation_id is None:
            return ExportedLeaf(LeafKind.MISSING)
        line = self.lines.get(consultation_id)
        if line is not None and line.caisse_code == caisse_code:
            return ExportedLeaf(LeafKind.LINE, line.encode())
        if line is not None:
            return self._hash(LeafKind.OTHER_CAISSE, place)
        if may_be_purged(consultation_id, now):
            return self._hash(LeafKind.PURGED, place)
        return ExportedLeaf(LeafKind.MISSING)

    def _hash(self, kind: LeafKind, place: int) -> ExportedLeaf:
        try:
            return ExportedLeaf(kind, TileNodes(self.tiles).hash_of(0, place))
        except TilesDamaged:
            return ExportedLeaf(LeafKind.MISSING)
