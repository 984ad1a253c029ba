"""Warns of dormant accounts and disables them."""

from collections.abc import Sequence
from datetime import date

import structlog

from services.identity.dormancy.domain import Disable, UnusedAccount, Warn, due, unused_since
from services.identity.dormancy.store import DormancyStore
from services.identity.events.domain import SecurityEventKind
from services.identity.events.service import SecurityEvents
from services.identity.outbox.domain import NewDormancyWarning
from services.identity.outbox.store import OutboxStore
from services.kit.clock import Clock, paris_date
from services.kit.identifiers import new_uuid7

_PAGE_SIZE = 200
_log = structlog.get_logger()


class DormancyService:
    """Looks after accounts that nobody uses. Any number of servers may, at any time: each does what is left to do."""

    def __init__(
        self, store: DormancyStore, outbox: OutboxStore, events: SecurityEvents, clock: Clock
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._events = events
        self._clock = clock

    async def look_for_dormant(self) -> None:
        """Writes every warning that is due and disables every account unused for 12 months.

        Raises DependencyUnavailable; what was done until then stays.
        """
        today = paris_date(self._clock.now())
        since, last = unused_since(today), None
        while page := await self._store.unused(since, last, _PAGE_SIZE):
            await self._attend_to(page, today)
            last = page[-1]

    async def _attend_to(self, accounts: Sequence[UnusedAccount], today: date) -> None:
        warnings: list[NewDormancyWarning] = []
        for account in accounts:
            match due(account.used_time, today):
                case Disable():
                    await self._disable(account)
                case Warn() as warning:
                    warnings.append(self._new_warning(account, warning))
                case None:
                    pass
        await self._outbox.add(warnings)

    async def _disable(self, account: UnusedAccount) -> None:
        event = self._events.new(SecurityEventKind.DORMANT_ACCOUNT_DISABLED, account_id=account.account_id)
        if await self._store.disable(account, event):
            _log.info("dormant_account_disabled", account_id=str(account.account_id))

    def _new_warning(self, account: UnusedAccount, warning: Warn) -> NewDormancyWarning:
        now = self._clock.now()
        return NewDormancyWarning(
            message_id=new_uuid7(now),
            account_id=account.account_id,
            used_time=account.used_time,
            disable_date=warning.disable_date,
            days_before=warning.days_before,
            create_time=now,
        )
