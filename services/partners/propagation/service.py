"""Tells identity what the register decided: with the act where it can, else again and again until it is done.

Nothing waits for it: `Authorize` refuses from the act's commit on (N3).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog
from psycopg import AsyncConnection

from services.kit.clock import Clock
from services.kit.identifiers import new_uuid7
from services.kit.logs import error_location
from services.partners.propagation.domain import Propagation, PropagationKind, delay_after
from services.partners.propagation.store import PropagationStore

# Longer than telling identity takes; a server that dies meanwhile leaves the rest to the others.
_CLAIM = timedelta(seconds=30)
_BATCH = 100
_log = structlog.get_logger()


class Identity(Protocol):
    """What is asked of identity. Each may be repeated."""

    async def end_partner_sessions(self, partner_id: UUID) -> None:
        """Ends the sessions of every user of a partner."""
        ...

    async def end_user_sessions(self, habilitation_id: UUID) -> None:
        """Ends the sessions of one user."""
        ...

    async def disable_account(self, habilitation_id: UUID) -> None:
        """Refuses every later sign-in of one user."""
        ...


class Propagator:
    """The tellings to identity."""

    def __init__(self, store: PropagationStore, identity: Identity, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._tell: Mapping[PropagationKind, Callable[[UUID], Awaitable[None]]] = {
            PropagationKind.END_PARTNER_SESSIONS: identity.end_partner_sessions,
            PropagationKind.END_USER_SESSIONS: identity.end_user_sessions,
            PropagationKind.DISABLE_ACCOUNT: identity.disable_account,
        }

    async def add(
        self, connection: AsyncConnection, kind: PropagationKind, subject_id: UUID, now: datetime
    ) -> UUID:
        """Adds a telling to the transaction of its act; `attempt` it once that has committed."""
        propagation_id = new_uuid7(now)
        await self._store.insert(connection, propagation_id, kind, subject_id, now)
        return propagation_id

    async def attempt(self, propagation_ids: Sequence[UUID]) -> bool:
        """Tells identity now; whether all of it is done. What is not is tried again later, and never raised."""
        if not propagation_ids:
            return True
        try:
            now = self._clock.now()
            claimed = await self._store.claim(propagation_ids, now, now + _CLAIM)
            done = [await self._attempt_one(propagation) for propagation in claimed]
        except Exception as error:  # noqa: BLE001  # the act has committed: whatever this is, it is no failure of it
            _log.warning(
                "propagation_failed", error_type=type(error).__name__, location=error_location(error)
            )
            return False
        return all(done) and len(done) == len(propagation_ids)

    async def run(self) -> None:
        """Tells whatever is due. Raises DependencyUnavailable where the register's own store is away."""
        while due := await self._store.due(self._clock.now(), _BATCH):
            if not await self.attempt(due):
                return

    async def _attempt_one(self, propagation: Propagation) -> bool:
        try:
            await self._tell[propagation.kind](propagation.subject_id)
        except Exception as error:  # noqa: BLE001  # whatever identity says, the telling waits
            retry_time = self._clock.now() + delay_after(propagation.attempt_count)
            await self._store.put_off(propagation.propagation_id, retry_time)
            _log.warning(
                "propagation_put_off",
                propagation_id=str(propagation.propagation_id),
                kind=propagation.kind.value,
                attempt_count=propagation.attempt_count,
                error_type=type(error).__name__,
            )
            return False
        await self._store.set_done(propagation.propagation_id, self._clock.now())
        _log.info("propagated", propagation_id=str(propagation.propagation_id), kind=propagation.kind.value)
        return True
