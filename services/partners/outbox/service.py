"""Reminders: leased to a mailer until it acknowledges, at least once each, as long as there is something to tell."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import structlog

from services.kit.clock import Clock, paris_date
from services.kit.leases import MAXIMUM_BATCH_SIZE, read_lease, read_maximum, require_batch_size
from services.partners.deadlines.domain import reminded_until
from services.partners.deadlines.reading import DeadlineReader
from services.partners.outbox.domain import (
    KeptMessage,
    Message,
    MessageList,
    still_to_tell,
)
from services.partners.outbox.store import OutboxStore

# How many times more messages are taken where of those before there was nothing to tell.
_GROWTH = 4
_log = structlog.get_logger()


class OutboxService:
    """The outbox, as a mailer uses it."""

    def __init__(self, store: OutboxStore, reader: DeadlineReader, clock: Clock) -> None:
        self._store = store
        self._reader = reader
        self._clock = clock

    async def lease(self, asked_maximum: int, asked_lease_seconds: float | None) -> MessageList:
        """Takes messages that nobody holds, oldest first; none only where none waits. Raises InvalidField.

        Those that have nothing to tell any more end here, and are never handed out.
        """
        maximum, lease = read_maximum(asked_maximum), read_lease(asked_lease_seconds)
        now = self._clock.now()
        today, expire_time, size = paris_date(now), now + lease, maximum
        while taken := await self._store.lease(now, expire_time, size):
            telling = await self._telling(taken, today)
            await self._end_others(taken, telling)
            if telling:
                await self._give_back(telling[maximum:], expire_time)
                return MessageList(today, telling[:maximum])
            size = min(size * _GROWTH, MAXIMUM_BATCH_SIZE)
        return MessageList(today, ())

    async def acknowledge(self, message_ids: Sequence[UUID]) -> None:
        """Says that messages were delivered, once or again. Raises InvalidField."""
        require_batch_size(len(message_ids))
        await self._store.acknowledge(message_ids, self._clock.now())

    async def _telling(self, taken: Sequence[KeptMessage], today: date) -> Sequence[Message]:
        """Those that still say something. What was recorded before they were taken is seen (art. 9-2, 7-2)."""
        partner_ids = list({message.partner_id for message in taken})
        pages = self._reader.of_partners(partner_ids, today, reminded_until(today))
        holding = {one.deadline.key: one async for page in pages for one in page}
        return list(still_to_tell(taken, holding))

    async def _end_others(self, taken: Sequence[KeptMessage], telling: Sequence[Message]) -> None:
        void = {message.message_id for message in taken} - {message.message_id for message in telling}
        if void:
            await self._store.set_void(list(void), self._clock.now())
            _log.info("messages_void", count=len(void))

    async def _give_back(self, messages: Sequence[Message], expire_time: datetime) -> None:
        if messages:
            await self._store.release([message.message_id for message in messages], expire_time)
