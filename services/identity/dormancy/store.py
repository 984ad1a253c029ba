"""Accounts that nobody uses, in PostgreSQL: found and disabled."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import LiteralString

from services.identity.dormancy.domain import UnusedAccount
from services.identity.events.domain import SecurityEvent
from services.identity.events.store import SecurityEventStore
from services.kit.database import Database


class DormancyStore:
    """The accounts that still open something and are not used."""

    def __init__(self, database: Database, events: SecurityEventStore) -> None:
        self._database = database
        self._events = events

    async def unused(
        self, since: datetime, after: UnusedAccount | None, limit: int
    ) -> Sequence[UnusedAccount]:
        """Accounts that are not disabled and were not used since then, longest unused first, from `after` on."""
        return await self._database.fetch_all(
            "find_unused_accounts",
            UnusedAccount,
            _UNUSED + _AFTER * (after is not None) + _LONGEST_FIRST,
            {"since": since, "limit": limit, **(asdict(after) if after else {})},
        )

    async def disable(self, account: UnusedAccount, event: SecurityEvent) -> bool:
        """Disables the account and ends its sessions (N3), at the instant of the event that tells of it.

        False where it was used or disabled meanwhile: that is decided under the lock on its row.
        """
        async with self._database.transaction("disable_dormant_account") as connection:
            disabled = await connection.execute(
                _DISABLE, {**asdict(account), "disable_time": event.event_time}
            )
            if disabled.rowcount == 0:
                return False
            await self._events.add(connection, [event])
            return True


_UNUSED: LiteralString = """
SELECT account_id, used_time FROM accounts
WHERE disable_time IS NULL AND used_time < %(since)s
"""
_AFTER: LiteralString = " AND (used_time, account_id) > (%(used_time)s, %(account_id)s)"
_LONGEST_FIRST: LiteralString = " ORDER BY used_time, account_id LIMIT %(limit)s"

_DISABLE: LiteralString = """
UPDATE accounts SET session_generation = session_generation + 1, disable_time = %(disable_time)s
WHERE account_id = %(account_id)s AND used_time = %(used_time)s AND disable_time IS NULL
"""
