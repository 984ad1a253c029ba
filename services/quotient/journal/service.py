"""What is proved of the journal, and time-stamped (N7)."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar
from uuid import UUID

from psycopg import AsyncConnection

from services.kit.errors import RecordNotFound
from services.kit.transparency.merkle import NodeSource, consistency_proof, inclusion_proof
from services.kit.transparency.signed_note import VerifierKey
from services.kit.transparency.tiles import TileNodes, tiles_asked
from services.quotient.journal.domain import (
    ConsistencyProof,
    InclusionProof,
    NoTimestampAuthority,
    SealedCheckpoint,
    read_tree_size,
)
from services.quotient.journal.store import JournalTreeStore
from services.quotient.journal.timestamping import TimestampAuthority

Proof = TypeVar("Proof")


class JournalService:
    """The journal as evidence."""

    def __init__(
        self,
        store: JournalTreeStore,
        verifier_key: VerifierKey,
        authority: TimestampAuthority | None,
    ) -> None:
        self._store = store
        self._authority = authority
        self.verifier_key = verifier_key

    async def newest_checkpoint(self) -> SealedCheckpoint:
        """The newest checkpoint. Raises RecordNotFound while nothing is sealed."""
        async with self._store.transaction("get_checkpoint") as connection:
            return await self._newest(connection)

    async def prove_inclusion(self, consultation_id: UUID) -> InclusionProof:
        """That a line is in the newest tree. Raises RecordNotFound for one that is not there or not sealed yet."""
        async with self._store.transaction("prove_inclusion") as connection:
            place = await self._store.place_of(connection, consultation_id)
            lines = await self._store.lines(connection, [consultation_id])
            if place is None or not lines:
                raise RecordNotFound
            # Read after the line's place, so it covers it.
            newest = await self._newest(connection)
            hashes = await self._proved(connection, partial(inclusion_proof, place, newest.tree_size))
        return InclusionProof(place, lines[consultation_id].encode(), hashes, newest)

    async def prove_consistency(self, first: int, second: int) -> ConsistencyProof:
        """That the tree of `second` lines (0: the newest) begins with that of `first`. Raises InvalidField."""
        async with self._store.transaction("prove_consistency") as connection:
            newest = await self._newest(connection)
            later = read_tree_size("second_tree_size", second or newest.tree_size, newest.tree_size)
            earlier = read_tree_size("first_tree_size", first, later)
            hashes = await self._proved(connection, partial(consistency_proof, earlier, later))
        return ConsistencyProof(hashes, later, newest)

    async def timestamp(self) -> SealedCheckpoint:
        """The newest checkpoint with a time-stamp; one that has it is not stamped again.

        Raises NoTimestampAuthority; RecordNotFound while nothing is sealed; DependencyUnavailable.
        """
        if self._authority is None:
            raise NoTimestampAuthority
        newest = await self.newest_checkpoint()
        if newest.timestamp_token is not None:
            return newest
        stamped = replace(newest, timestamp_token=await self._authority.token(newest.note))
        async with self._store.transaction("keep_timestamp") as connection:
            await self._store.keep_timestamp(connection, stamped)
        return stamped

    async def _newest(self, connection: AsyncConnection) -> SealedCheckpoint:
        newest = await self._store.newest_checkpoint(connection)
        if newest is None:
            raise RecordNotFound
        return newest

    async def _proved(self, connection: AsyncConnection, prove: Callable[[NodeSource], Proof]) -> Proof:
        return prove(TileNodes(await self._store.tiles(connection, tiles_asked(prove))).hash_of)
