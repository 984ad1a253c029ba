"""The outbox in PostgreSQL: written once, leased, acknowledged, removed when the matter is long over."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import LiteralString
from uuid import UUID

from services.identity.outbox.domain import DormancyWarning, NewDormancyWarning
from services.kit.database import Database

# Removed in one statement; short enough to be over long before the statement's time-out.
_PURGE_BATCH = 1000


class OutboxStore:
    """The messages to users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, warnings: Sequence[NewDormancyWarning]) -> None:
        """Writes warnings. One that was written before, by whichever server, stays as it is."""
        await self._database.execute(
            "add_messages",
            _ADD,
            {
                "message_ids": [each.message_id for each in warnings],
                "account_ids": [each.account_id for each in warnings],
                "used_times": [each.used_time for each in warnings],
                "disable_dates": [each.disable_date for each in warnings],
                "days_before": [each.days_before for each in warnings],
                "create_times": [each.create_time for each in warnings],
            },
        )

    async def lease(self, now: datetime, lease: timedelta, maximum: int) -> Sequence[DormancyWarning]:
        """Takes messages that wait and that nobody holds at `now`, oldest first, until `now` + `lease`.

        A warning that no longer holds is never among them: one whose account was used or disabled since it was
        written, and one that a more urgent one followed.
        """
        leased = await self._database.fetch_all(
            "lease_messages",
            DormancyWarning,
            _LEASE,
            {"now": now, "lease_expire_time": now + lease, "maximum": maximum},
        )
        return sorted(leased, key=lambda message: message.message_id)

    async def acknowledge(self, message_ids: Sequence[UUID], now: datetime) -> None:
        """Ends the messages; those that have ended, or are no more, stay as they are."""
        await self._database.execute(
            "acknowledge_messages",
            """
            UPDATE outbox_messages SET acknowledge_time = %(now)s
            WHERE message_id = ANY (%(message_ids)s) AND acknowledge_time IS NULL
            """,
            {"message_ids": list(message_ids), "now": now},
        )

    async def purge(self, before: date) -> int:
        """Removes what warned of a day before `before`, a bounded batch at a time; how many there were.

        On that day the account was disabled, or the warning was void. To remove one earlier would be to write
        it again.
        """
        removed = 0
        while batch := await self._database.execute(
            "purge_messages", _PURGE, {"before": before, "limit": _PURGE_BATCH}
        ):
            removed += batch
        return removed


_ADD: LiteralString = """
INSERT INTO outbox_messages (message_id, kind, account_id, used_time, disable_date, days_before, create_time)
SELECT message_id, 'DORMANCY_WARNING', account_id, used_time, disable_date, days_before, create_time
FROM unnest(
    %(message_ids)s::uuid[], %(account_ids)s::uuid[], %(used_times)s::timestamptz[], %(disable_dates)s::date[],
    %(days_before)s::integer[], %(create_times)s::timestamptz[]
) AS warning (message_id, account_id, used_time, disable_date, days_before, create_time)
ON CONFLICT ON CONSTRAINT outbox_messages_once DO NOTHING
"""

# Of two mailers that come at once, the second skips what the first locks, and judges anew what it released.
# The conditions are values rather than joins, so that no more messages are judged than are taken.
_LEASE: LiteralString = """
WITH waiting AS MATERIALIZED (
    SELECT message_id FROM outbox_messages AS message
    WHERE acknowledge_time IS NULL
        AND (lease_expire_time IS NULL OR lease_expire_time <= %(now)s)
        AND used_time = (
            SELECT accounts.used_time FROM accounts
            WHERE accounts.account_id = message.account_id AND accounts.disable_time IS NULL
        )
        AND days_before = (
            SELECT min(urgent.days_before) FROM outbox_messages AS urgent
            WHERE urgent.account_id = message.account_id AND urgent.kind = message.kind
                AND urgent.disable_date = message.disable_date
        )
    ORDER BY message_id
    LIMIT %(maximum)s
    FOR UPDATE SKIP LOCKED
)
UPDATE outbox_messages AS message SET lease_expire_time = %(lease_expire_time)s
FROM waiting, accounts
WHERE message.message_id = waiting.message_id AND accounts.account_id = message.account_id
RETURNING message.message_id, message.account_id, accounts.habilitation_id, message.disable_date,
    message.days_before, message.create_time
"""

_PURGE: LiteralString = """
DELETE FROM outbox_messages
WHERE message_id = ANY (ARRAY(
    SELECT message_id FROM outbox_messages WHERE disable_date < %(before)s
    ORDER BY disable_date LIMIT %(limit)s
))
"""
