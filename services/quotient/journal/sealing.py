"""Seals what the journal gained: its lines become leaves of the tree, and a new checkpoint is signed (N7).

All of it is one transaction: whenever a server dies, a line waits or has its one place. Servers share the work by a
lock; whoever does not get it leaves it to the other.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog
from psycopg import AsyncConnection

from services.kit import telemetry
from services.kit.clock import Clock
from services.kit.transparency.merkle import NodeSource, leaf_hash, root_of
from services.kit.transparency.signed_note import (
    Checkpoint,
    NoteRefused,
    Signer,
    VerifierKey,
    open_checkpoint,
)
from services.kit.transparency.tiles import (
    TiledTree,
    TileNodes,
    Tiles,
    TilesDamaged,
    edge_keys,
    tiles_asked,
)
from services.quotient.journal.domain import Fork, JournalForked, SealedCheckpoint
from services.quotient.journal.store import JournalTreeStore, LineRow

# At most a second behind the journal, a turn of this length, what it seals and a tenth more included.
SEAL_SECONDS = 0.4

# So few at once that calls do not notice.
_BATCH = 1000
# A fork is told again and again, and still lets the rest of the log be read.
_COMPLAINT_INTERVAL = timedelta(minutes=1)
_log = structlog.get_logger()


class Sealer:
    """Keeps the tree up to the journal."""

    def __init__(
        self, store: JournalTreeStore, signer: Signer, clock: Clock, former_keys: Sequence[VerifierKey] = ()
    ) -> None:
        """`former_keys`: those that signed this journal before."""
        self._store = store
        self._signer = signer
        self._known_keys = (signer.verifier_key, *former_keys)
        self._clock = clock
        # What this process sealed or saw sealed: a database that was put back to an earlier state no longer has it.
        self._seen: SealedCheckpoint | None = None
        self._complained: datetime | None = None

    async def run(self) -> None:
        """Seals whatever waits. Only that is a trace: most turns find nothing.

        Raises DependencyUnavailable where the database is away.
        """
        while await self._store.has_unsealed():
            with telemetry.root_span("seal_journal"):
                if await self._attempt() < _BATCH:
                    return

    async def _attempt(self) -> int:
        try:
            return await self._seal()
        except JournalForked as forked:
            self._complain(forked.fork)
            return 0

    async def _seal(self) -> int:
        """Seals a batch and returns how many lines it took; 0 where another server is at it."""
        async with self._store.transaction("seal_journal") as connection:
            if not await self._store.try_lock(connection):
                return 0
            before, tree = await self._verified_tree(connection)
            waiting = await self._store.unsealed(connection, _BATCH)
            lines = await self._store.lines(connection, waiting)
            found = [lines[consultation_id] for consultation_id in waiting if consultation_id in lines]
            await self._forget_lost(connection, [each for each in waiting if each not in lines])
            sealed = await self._grow(connection, tree, found, before) if found else before
        self._seen = sealed
        return len(waiting)

    async def _verified_tree(self, connection: AsyncConnection) -> tuple[SealedCheckpoint | None, TiledTree]:
        """The tree as it was last sealed, and that checkpoint. Raises JournalForked."""
        newest = await self._store.newest_checkpoint(connection)
        size = newest.tree_size if newest else 0
        if await self._store.leaf_count(connection) != size:
            raise JournalForked(Fork.UNSEALED_PLACES)
        tree = _tree(size, await self._store.tiles(connection, edge_keys(size)))
        if newest is not None:
            self._require_own(newest, tree.root())
        await self._require_not_before_seen(connection, newest)
        return newest, tree

    def _require_own(self, newest: SealedCheckpoint, root: bytes) -> None:
        """Who can write to the database can store any tree; only this journal's keys sign one."""
        signed = self._opened(newest.note)
        if (signed.tree_size, signed.root_hash) != (newest.tree_size, newest.root_hash):
            raise JournalForked(Fork.ALTERED_CHECKPOINT)
        if root != signed.root_hash:
            raise JournalForked(Fork.ALTERED_TILES)

    def _opened(self, note: str) -> Checkpoint:
        for key in self._known_keys:
            with suppress(NoteRefused):
                return open_checkpoint(note, key)
        raise JournalForked(Fork.FOREIGN_NOTE)

    async def _require_not_before_seen(
        self, connection: AsyncConnection, newest: SealedCheckpoint | None
    ) -> None:
        seen = self._seen
        if seen is None:
            return
        if newest is None or newest.tree_size < seen.tree_size:
            raise JournalForked(Fork.PUT_BACK)
        root_then = partial(root_of, seen.tree_size)
        tiles = await self._store.tiles(connection, tiles_asked(root_then))
        if _root(root_then, tiles) != seen.root_hash:
            raise JournalForked(Fork.REWRITTEN)

    async def _forget_lost(self, connection: AsyncConnection, consultation_ids: Sequence[UUID]) -> None:
        """A line that went before it was sealed was taken by hand: the log alone still tells of it."""
        if not consultation_ids:
            return
        await self._store.forget_unsealed(connection, consultation_ids)
        _log.critical("journal_lines_lost", consultation_ids=list(map(str, consultation_ids)))

    async def _grow(
        self,
        connection: AsyncConnection,
        tree: TiledTree,
        lines: Sequence[LineRow],
        before: SealedCheckpoint | None,
    ) -> SealedCheckpoint:
        first = tree.size
        for hashed in await asyncio.to_thread(_leaf_hashes, lines):
            tree.append(hashed)
        sealed = self._sign(tree)
        await self._store.write_tiles(connection, tree.written())
        await self._store.place(connection, first, [line.consultation_id for line in lines])
        await self._store.add_checkpoint(connection, sealed, before)
        return sealed

    def _sign(self, tree: TiledTree) -> SealedCheckpoint:
        head = Checkpoint(self._signer.verifier_key.name, tree.size, tree.root())
        note = self._signer.sign(head.encode())
        return SealedCheckpoint(head.tree_size, head.root_hash, self._clock.now(), note, None)

    def _complain(self, fork: Fork) -> None:
        now = self._clock.now()
        if self._complained is None or now - self._complained >= _COMPLAINT_INTERVAL:
            self._complained = now
            _log.critical("journal_forked", fork=fork.value)


def _tree(size: int, edge: Tiles) -> TiledTree:
    try:
        return TiledTree(size, edge)
    except TilesDamaged:
        raise JournalForked(Fork.DAMAGED_TILES) from None


def _root(root_then: Callable[[NodeSource], bytes], tiles: Tiles) -> bytes:
    try:
        return root_then(TileNodes(tiles).hash_of)
    except TilesDamaged:
        raise JournalForked(Fork.DAMAGED_TILES) from None


def _leaf_hashes(lines: Iterable[LineRow]) -> Sequence[bytes]:
    return [leaf_hash(line.encode()) for line in lines]
