"""The outbox in PostgreSQL: written once, leased, acknowledged or void, removed when the matter is long over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString
from uuid import UUID

from services.kit.database import Database
from services.kit.identifiers import new_uuid7
from services.partners.deadlines.domain import Audience, DeadlineKind
from services.partners.outbox.domain import KeptMessage, Reminder

_KINDS = [kind.value for kind in DeadlineKind]
# What a purge begins behind.
_NEVER, _NIL = date.min, UUID(int=0)


class OutboxStore:
    """The messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, caisse_code: str, reminders: Sequence[Reminder], now: datetime) -> int:
        """Writes reminders; how many are new.

        One that was written before, by whichever server, stays as it is; but it waits again where it was void and was
        not delivered: its deadline holds after all.
        """
        return await self._database.execute(
            "add_messages",
            _ADD,
            {
                "caisse_code": caisse_code,
                "now": now,
                "message_ids": [new_uuid7(now) for _ in reminders],
                "audiences": [each.audience.value for each in reminders],
                "kinds": [each.kind.value for each in reminders],
                "subject_ids": [each.subject_id for each in reminders],
                "partner_ids": [each.partner_id for each in reminders],
                "due_dates": [each.due_date for each in reminders],
                "days_before": [each.days_before for each in reminders],
            },
        )

    async def lease(self, now: datetime, expire_time: datetime, maximum: int) -> Sequence[KeptMessage]:
        """Takes messages that wait and that nobody holds at `now`, oldest first, until `expire_time`.

        Of a kind that this release does not know, none: a newer one beside it does.
        """
        rows = await self._database.fetch_all(
            "lease_messages",
            _MessageRow,
            f"{_LEASE} {_COLUMNS}",
            {"now": now, "lease_expire_time": expire_time, "maximum": maximum, "kinds": _KINDS},
        )
        return sorted((row.message() for row in rows), key=lambda message: message.message_id)

    async def release(self, message_ids: Sequence[UUID], expire_time: datetime) -> None:
        """Gives back messages that were taken until `expire_time` and are not needed."""
        await self._database.execute(
            "release_messages",
            """
            UPDATE outbox_messages SET lease_expire_time = NULL
            WHERE message_id = ANY(%s::uuid[]) AND lease_expire_time = %s
            """,
            (list(message_ids), expire_time),
        )

    async def set_void(self, message_ids: Sequence[UUID], now: datetime) -> None:
        """Ends messages that were taken and have nothing to tell; nobody holds them then."""
        await self._database.execute(
            "void_messages",
            """
            UPDATE outbox_messages SET void_time = %s, lease_expire_time = NULL
            WHERE message_id = ANY(%s::uuid[]) AND acknowledge_time IS NULL AND void_time IS NULL
            """,
            (now, list(message_ids)),
        )

    async def acknowledge(self, message_ids: Sequence[UUID], now: datetime) -> None:
        """Ends messages that were delivered; those that have ended so, or are no more, stay as they are."""
        await self._database.execute(
            "acknowledge_messages",
            """
            UPDATE outbox_messages SET acknowledge_time = %s
            WHERE message_id = ANY(%s::uuid[]) AND acknowledge_time IS NULL
            """,
            (now, list(message_ids)),
        )

    async def list_due_before(
        self, before: date, after: KeptMessage | None, limit: int
    ) -> Sequence[KeptMessage]:
        """The first `limit` messages behind `after` whose deadline lies before `before`, the longest over first."""
        rows = await self._database.fetch_all(
            "list_old_messages",
            _MessageRow,
            f"SELECT {_COLUMNS} {_DUE_BEFORE}",
            {
                "before": before,
                "after_date": after.due_date if after else _NEVER,
                "after_id": after.message_id if after else _NIL,
                "limit": limit,
                "kinds": _KINDS,
            },
        )
        return [row.message() for row in rows]

    async def remove(self, message_ids: Sequence[UUID]) -> int:
        """Removes messages; how many there were."""
        return await self._database.execute(
            "purge_messages",
            "DELETE FROM outbox_messages WHERE message_id = ANY(%s::uuid[])",
            (list(message_ids),),
        )


_ADD: LiteralString = """
WITH reminder AS MATERIALIZED (
    SELECT message_id, audience, kind, subject_id, partner_id, due_date, days_before
    FROM unnest(
        %(message_ids)s::uuid[], %(audiences)s::text[], %(kinds)s::text[], %(subject_ids)s::uuid[],
        %(partner_ids)s::uuid[], %(due_dates)s::date[], %(days_before)s::integer[]
    ) AS reminder (message_id, audience, kind, subject_id, partner_id, due_date, days_before)
), revived AS (
    UPDATE outbox_messages AS message SET void_time = NULL
    FROM reminder
    WHERE message.kind = reminder.kind AND message.subject_id = reminder.subject_id
        AND message.due_date = reminder.due_date AND message.days_before = reminder.days_before
        AND message.audience = reminder.audience
        AND message.void_time IS NOT NULL AND message.acknowledge_time IS NULL
)
INSERT INTO outbox_messages (message_id, caisse_code, audience, kind, subject_id, partner_id, due_date, days_before,
                             create_time)
SELECT message_id, %(caisse_code)s, audience, kind, subject_id, partner_id, due_date, days_before, %(now)s
FROM reminder
ON CONFLICT ON CONSTRAINT outbox_messages_once DO NOTHING
"""

# With the most urgent reminder of the same deadline to the same audience.
_COLUMNS: LiteralString = """
    message.message_id, message.caisse_code, message.audience, message.kind, message.subject_id, message.partner_id,
    message.due_date, message.days_before, message.create_time, (
        SELECT min(urgent.days_before) FROM outbox_messages AS urgent
        WHERE urgent.kind = message.kind AND urgent.subject_id = message.subject_id
            AND urgent.due_date = message.due_date AND urgent.audience = message.audience
    ) AS most_urgent
"""

# Of two mailers that come at once, the second skips what the first locks, and judges anew what it released.
_LEASE: LiteralString = """
WITH waiting AS MATERIALIZED (
    SELECT message_id FROM outbox_messages
    WHERE acknowledge_time IS NULL AND void_time IS NULL AND kind = ANY(%(kinds)s::text[])
        AND (lease_expire_time IS NULL OR lease_expire_time <= %(now)s)
    ORDER BY message_id
    LIMIT %(maximum)s
    FOR UPDATE SKIP LOCKED
)
UPDATE outbox_messages AS message SET lease_expire_time = %(lease_expire_time)s
FROM waiting
WHERE message.message_id = waiting.message_id
RETURNING
"""

_DUE_BEFORE: LiteralString = """
FROM outbox_messages AS message
WHERE due_date < %(before)s AND due_date >= %(after_date)s
    AND (due_date, message_id) > (%(after_date)s, %(after_id)s) AND kind = ANY(%(kinds)s::text[])
ORDER BY due_date, message_id
LIMIT %(limit)s
"""


@dataclass(frozen=True)
class _MessageRow:
    message_id: UUID
    caisse_code: str
    audience: str
    kind: str
    subject_id: UUID
    partner_id: UUID
    due_date: date
    days_before: int
    create_time: datetime
    most_urgent: int

    def message(self) -> KeptMessage:
        return KeptMessage(
            message_id=self.message_id,
            caisse_code=self.caisse_code,
            audience=Audience(self.audience),
            kind=DeadlineKind(self.kind),
            subject_id=self.subject_id,
            partner_id=self.partner_id,
            due_date=self.due_date,
            days_before=self.days_before,
            most_urgent=self.most_urgent,
            create_time=self.create_time,
        )
