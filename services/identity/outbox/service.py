"""What users and caisses are to be told: leased to a mailer until it acknowledges, at least once each."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from services.identity.outbox.domain import Message
from services.identity.outbox.store import OutboxStore
from services.kit.clock import Clock, paris_date
from services.kit.leases import read_lease, read_maximum, require_batch_size


class OutboxService:
    """The outbox, as a mailer uses it."""

    def __init__(self, store: OutboxStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def lease(self, asked_maximum: int, asked_lease_seconds: float | None) -> Sequence[Message]:
        """Takes messages that nobody holds: of unusual use first, then oldest first. Raises InvalidField."""
        maximum, lease = read_maximum(asked_maximum), read_lease(asked_lease_seconds)
        return await self._store.lease(self._clock.now(), lease, maximum)

    async def acknowledge(self, message_ids: Sequence[UUID]) -> None:
        """Says that messages were delivered, once or again. Raises InvalidField."""
        require_batch_size(len(message_ids))
        await self._store.acknowledge(message_ids, self._clock.now())

    async def purge(self, retention: timedelta) -> None:
        """Removes the warnings whose day has been over for longer than `retention`.

        What tells of unusual use goes with what it tells of.
        """
        await self._store.purge(paris_date(self._clock.now() - retention))
