"""Oppositions: recorded, withdrawn, listed, and checked for the gateway."""

from collections.abc import Sequence

import structlog

from services.kit.clock import Clock
from services.kit.identifiers import new_uuid7
from services.kit.nir import Nir
from services.quotient.fields import require_batch_size
from services.quotient.oppositions.domain import (
    Channel,
    NoOppositionStands,
    Opposition,
    OppositionScope,
)
from services.quotient.oppositions.store import OppositionStore
from services.quotient.secrecy import PersonIndexer

_log = structlog.get_logger()


class OppositionService:
    """The right to object (art. 6-3, annexe 1). It does not ask whether the person has a dossier."""

    def __init__(self, store: OppositionStore, indexer: PersonIndexer, clock: Clock) -> None:
        self._store = store
        self._indexer = indexer
        self._clock = clock

    async def record(self, nir: Nir, scope: OppositionScope, channel: Channel) -> Opposition:
        """Records an opposition, and returns once it is committed: from here on it withholds (N1).

        Where one of the same scope stands, that one is returned and nothing changes.
        """
        now = self._clock.now()
        opposition = Opposition(new_uuid7(now), scope, channel, now, withdraw_time=None)
        standing = await self._store.add(self._indexer.index(nir), opposition)
        _log.info("opposition_recorded", opposition_id=str(standing.opposition_id))
        return standing

    async def withdraw(self, nir: Nir, scope: OppositionScope) -> Opposition:
        """Withdraws a standing opposition; it stays in the history. Raises NoOppositionStands."""
        withdrawn = await self._store.withdraw(self._indexer.index(nir), scope, self._clock.now())
        if withdrawn is None:
            raise NoOppositionStands
        _log.info("opposition_withdrawn", opposition_id=str(withdrawn.opposition_id))
        return withdrawn

    async def history(self, nir: Nir, caisse_code: str) -> Sequence[Opposition]:
        """Every opposition of the person with the caisse, newest first."""
        return await self._store.history(self._indexer.index(nir), caisse_code)

    async def check(self, nirs: Sequence[Nir]) -> Sequence[Sequence[OppositionScope]]:
        """The scopes of each person's standing oppositions, in the order of `nirs`, from one statement.

        Raises InvalidField for a batch that is too long.
        """
        require_batch_size("items", len(nirs))
        if not nirs:
            return []
        return await self._store.standing([self._indexer.index(nir) for nir in nirs])
