"""How long lines are kept: what a caisse decides, and what is done about it by itself."""

import structlog

from services.kit.clock import Clock
from services.kit.periodic import attempt_each
from services.quotient.retention.domain import DEFAULT_MONTHS, SHORTEST_MONTHS, kept_from, months_to_prepare
from services.quotient.retention.store import RetentionStore

# Deleted within a tenth of the time that a statement has.
_BATCH_LINES = 1000
_log = structlog.get_logger()


class RetentionService:
    """What a caisse decides."""

    def __init__(self, store: RetentionStore) -> None:
        self._store = store

    async def months(self, caisse_code: str) -> int:
        """How long the caisse keeps its lines, in months."""
        return await self._store.months(caisse_code) or DEFAULT_MONTHS

    async def set_months(self, caisse_code: str, months: int) -> int:
        """Sets how long the caisse keeps its lines; the next round purges what is older."""
        await self._store.set_months(caisse_code, months)
        _log.info("retention_set", caisse_code=caisse_code, months=months)
        return months


class JournalKeeping:
    """What the journal needs from time to time: room for the months that come, and an end for what is past its time."""

    def __init__(self, store: RetentionStore, retention: RetentionService, clock: Clock) -> None:
        self._store = store
        self._retention = retention
        self._clock = clock

    async def run(self) -> None:
        """Does both; neither keeps the other from being done."""
        await attempt_each({"prepare_journal_months": self.prepare_months, "purge_journal": self.purge})

    async def prepare_months(self) -> None:
        """Makes the partitions of this month and the next ones: without one, no line could be written (N2)."""
        await self._store.ensure_months(months_to_prepare(self._clock.now()))

    async def purge(self) -> None:
        """Deletes what is past its retention, a batch at a time, and then the partitions that are empty.

        What was cut short goes on there the next time; several replicas share the work.
        """
        for caisse_code in await self._store.caisses_with_lines(
            kept_from(self._clock.now(), SHORTEST_MONTHS)
        ):
            await self._purge(caisse_code)
        while await self._store.drop_purged_month():
            _log.info("journal_month_dropped")

    async def _purge(self, caisse_code: str) -> None:
        before = kept_from(self._clock.now(), await self._retention.months(caisse_code))
        total = 0
        while count := await self._store.purge(caisse_code, before, _BATCH_LINES):
            total += count
        if total:
            _log.info("journal_purged", caisse_code=caisse_code, line_count=total)
