"""The outbox in PostgreSQL: written once, leased, acknowledged, removed when the matter is long over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from services.identity.outbox.domain import DormancyWarning, Message, NewDormancyWarning
from services.identity.use.domain import UnusualUse
from services.identity.use.store import UnusualUseRow
from services.kit.database import Database, fetch_all

# Removed in one statement; short enough to be over long before the statement's time-out.
_PURGE_BATCH = 1000


class OutboxStore:
    """The messages to users and to caisses."""

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

    async def add_unusual_use(
        self, connection: AsyncConnection, message_id: UUID, unusual: UnusualUse
    ) -> None:
        """Writes, in the transaction that records what was unusual, that the caisse is to be told."""
        await connection.execute(
            _ADD_UNUSUAL_USE,
            {
                "message_id": message_id,
                "account_id": unusual.account_id,
                "unusual_use_id": unusual.unusual_use_id,
                "create_time": unusual.event_time,
            },
        )

    async def lease(self, now: datetime, lease: timedelta, maximum: int) -> Sequence[Message]:
        """Takes messages that wait and that nobody holds at `now` until `now` + `lease`.

        Those of unusual use come first, whatever else waits; then the oldest. What no longer holds is never among them:
        a warning whose account was used or disabled since it was written, or that a more urgent one followed; a
        suspension that was lifted.
        """
        parameters = {"now": now, "lease_expire_time": now + lease, "maximum": maximum}
        async with self._database.transaction("lease_messages") as connection:
            rows = await fetch_all(connection, _LeasedRow, _LEASE, parameters)
            # None of them can be removed meanwhile: with it would go its message, which is locked.
            uses = await _unusual_uses(connection, [row.unusual_use_id for row in rows if row.unusual_use_id])
        leased = [row.message(uses) for row in rows]
        return sorted(leased, key=lambda each: (not isinstance(each.content, UnusualUse), each.message_id))

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


@dataclass(frozen=True)
class _LeasedRow:
    message_id: UUID
    account_id: UUID
    habilitation_id: UUID
    create_time: datetime
    unusual_use_id: UUID | None
    # Absent where there is an unusual use, as the table's constraint says.
    disable_date: date
    days_before: int

    def message(self, uses: Mapping[UUID, UnusualUse]) -> Message:
        content = (
            DormancyWarning(self.disable_date, self.days_before)
            if self.unusual_use_id is None
            else uses[self.unusual_use_id]
        )
        return Message(self.message_id, self.account_id, self.habilitation_id, self.create_time, content)


async def _unusual_uses(
    connection: AsyncConnection, unusual_use_ids: Sequence[UUID]
) -> Mapping[UUID, UnusualUse]:
    if not unusual_use_ids:
        return {}
    rows = await fetch_all(connection, UnusualUseRow, _UNUSUAL_USES, [unusual_use_ids])
    return {row.unusual_use_id: row.unusual_use() for row in rows}


_ADD: LiteralString = """
INSERT INTO outbox_messages (message_id, kind, account_id, used_time, disable_date, days_before, create_time)
SELECT message_id, 'DORMANCY_WARNING', account_id, used_time, disable_date, days_before, create_time
FROM unnest(
    %(message_ids)s::uuid[], %(account_ids)s::uuid[], %(used_times)s::timestamptz[], %(disable_dates)s::date[],
    %(days_before)s::integer[], %(create_times)s::timestamptz[]
) AS warning (message_id, account_id, used_time, disable_date, days_before, create_time)
ON CONFLICT ON CONSTRAINT outbox_messages_once DO NOTHING
"""

_ADD_UNUSUAL_USE: LiteralString = """
INSERT INTO outbox_messages (message_id, kind, account_id, unusual_use_id, create_time)
VALUES (%(message_id)s, 'UNUSUAL_USE', %(account_id)s, %(unusual_use_id)s, %(create_time)s)
"""

# Of two mailers that come at once, the second skips what the first locks, and judges anew what it released.
# The conditions are values rather than joins, so that no more messages are judged than are taken.
_LEASE: LiteralString = """
WITH waiting AS MATERIALIZED (
    SELECT message_id FROM outbox_messages AS message
    WHERE acknowledge_time IS NULL
        AND (lease_expire_time IS NULL OR lease_expire_time <= %(now)s)
        AND CASE kind
            WHEN 'UNUSUAL_USE' THEN EXISTS (
                SELECT FROM unusual_uses AS told
                WHERE told.unusual_use_id = message.unusual_use_id AND (
                    NOT told.suspended OR EXISTS (
                        SELECT FROM use_suspensions AS standing
                        WHERE standing.unusual_use_id = told.unusual_use_id AND standing.lift_time IS NULL
                    )
                )
            )
            ELSE used_time = (
                SELECT accounts.used_time FROM accounts
                WHERE accounts.account_id = message.account_id AND accounts.disable_time IS NULL
            )
            AND days_before = (
                SELECT min(urgent.days_before) FROM outbox_messages AS urgent
                WHERE urgent.account_id = message.account_id AND urgent.kind = message.kind
                    AND urgent.disable_date = message.disable_date
            )
        END
    ORDER BY kind <> 'UNUSUAL_USE', message_id
    LIMIT %(maximum)s
    FOR UPDATE SKIP LOCKED
)
UPDATE outbox_messages AS message SET lease_expire_time = %(lease_expire_time)s
FROM waiting, accounts
WHERE message.message_id = waiting.message_id AND accounts.account_id = message.account_id
RETURNING message.message_id, message.account_id, accounts.habilitation_id, message.create_time,
    message.unusual_use_id, message.disable_date, message.days_before
"""

_UNUSUAL_USES: LiteralString = """
SELECT unusual_use_id, event_time, account_id, partner_id, caisse_code, score, kinds, points, observed_counts,
    expected_counts, suspended, NULL AS lift_time, trace_id
FROM unusual_uses WHERE unusual_use_id = ANY (%s)
"""

_PURGE: LiteralString = """
DELETE FROM outbox_messages
WHERE message_id = ANY (ARRAY(
    SELECT message_id FROM outbox_messages WHERE disable_date < %(before)s
    ORDER BY disable_date LIMIT %(limit)s
))
"""
