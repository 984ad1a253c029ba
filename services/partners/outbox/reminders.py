"""Writes reminders of what falls due, and removes those that are long over."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial

import structlog

from services.kit.clock import Clock, paris_date
from services.kit.periodic import attempt
from services.partners.caisses import Caisses
from services.partners.deadlines.domain import OWED_KINDS, DeadlineKey, reminded_until
from services.partners.deadlines.reading import DeadlineReader
from services.partners.outbox.domain import KeptMessage, reminders_due
from services.partners.outbox.store import OutboxStore

_RETENTION = timedelta(days=365)
_PURGE_BATCH = 500
_log = structlog.get_logger()


class Reminders:
    """Keeps the outbox. Any number of servers may, at any time: each reminder is written once."""

    def __init__(self, store: OutboxStore, reader: DeadlineReader, caisses: Caisses, clock: Clock) -> None:
        self._store = store
        self._reader = reader
        self._caisses = caisses
        self._clock = clock

    async def run(self) -> None:
        """Writes what is due at every caisse, then purges. What fails at one does not keep the others waiting."""
        for caisse in self._caisses.all():
            await attempt(partial(self.write_reminders, caisse.code), "write_reminders")
        await attempt(self.purge, "purge_messages")

    async def write_reminders(self, caisse_code: str) -> None:
        """Writes every reminder that is due at a caisse today. Raises DependencyUnavailable; what was written stays."""
        now = self._clock.now()
        today, written = paris_date(now), 0
        async for page in self._reader.of_caisse(caisse_code, today, reminded_until(today)):
            if due := list(reminders_due(page, today)):
                written += await self._store.add(caisse_code, due, now)
        if written:
            _log.info("reminders_written", caisse_code=caisse_code, count=written)

    async def purge(self) -> None:
        """Removes the messages whose due date has been over for a year.

        Not one of something that is owed still (art. 6-1): it would be written again. Raises DependencyUnavailable.
        """
        now = self._clock.now()
        today, before = paris_date(now), paris_date(now - _RETENTION)
        last: KeptMessage | None = None
        removed = 0
        while batch := await self._store.list_due_before(before, last, _PURGE_BATCH):
            owed = await self._owed(batch, today)
            over = [message.message_id for message in batch if message.deadline_key not in owed]
            removed += await self._store.remove(over)
            last = batch[-1]
        if removed:
            _log.info("messages_purged", count=removed)

    async def _owed(self, messages: Sequence[KeptMessage], today: date) -> set[DeadlineKey]:
        """What is owed still of that which the messages reminded of."""
        partner_ids = {message.partner_id for message in messages if message.kind in OWED_KINDS}
        pages = self._reader.of_partners(list(partner_ids), today, horizon=today)
        return {one.deadline.key async for page in pages for one in page}
