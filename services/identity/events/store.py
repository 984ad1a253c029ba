"""Security events in PostgreSQL: added with the act they tell of, never altered, removed once old."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from services.identity.events.domain import SecurityEvent, SecurityEventKind
from services.kit.clock import epoch_ms
from services.kit.database import Database, fetch_one

# Removed in one statement; short enough to be over long before the statement's time-out.
_PURGE_BATCH = 1000


class SecurityEventStore:
    """The security events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, connection: AsyncConnection, events: Sequence[SecurityEvent]) -> None:
        """Adds events within the transaction of the act itself: no act without its event, no event without its act.

        `connection` is what `Database.transaction` yields.
        """
        async with connection.cursor() as cursor:
            await cursor.executemany(_ADD, [asdict(event) for event in events])

    async def record(self, events: Sequence[SecurityEvent]) -> None:
        """Adds events of what changes nothing else, as a refused sign-in. Raises DependencyUnavailable (N8)."""
        async with self._database.transaction("record_security_events") as connection:
            await self.add(connection, events)

    async def list_before(
        self, account_id: UUID | None, before: UUID | None, limit: int
    ) -> Sequence[SecurityEvent]:
        """Events, of one account where it is given, newest first, older than the event `before`."""
        conditions = _OF_ACCOUNT * (account_id is not None) + _BEFORE * (before is not None)
        rows = await self._database.fetch_all(
            "list_security_events",
            _EventRow,
            _LIST + conditions + _NEWEST_FIRST,
            {"account_id": account_id, "before": before, "limit": limit},
        )
        return [_event(row) for row in rows]

    async def count_refused_since(
        self, connection: AsyncConnection, account_id: UUID, since: datetime
    ) -> int:
        """How many sign-ins to the account were refused after `since`; within the transaction of a sign-in."""
        counted = await fetch_one(
            connection,
            _Count,
            """
            SELECT count(*) AS events FROM security_events
            WHERE account_id = %(account_id)s AND event_id >= %(first_id)s
                AND kind = 'SIGN_IN_REFUSED' AND event_time > %(since)s
            """,
            {"account_id": account_id, "first_id": _lowest_id_at(since), "since": since},
        )
        return counted.events if counted else 0

    async def purge(self, before: datetime) -> int:
        """Removes what happened before `before`, a bounded batch at a time; how many there were.

        Raises ConstraintViolated where `before` lies less than six months back: what is younger is kept.
        """
        removed = 0
        while batch := await self._database.execute(
            "purge_security_events", _PURGE, {"before": before, "limit": _PURGE_BATCH}
        ):
            removed += batch
        return removed


@dataclass(frozen=True)
class _EventRow:
    event_id: UUID
    event_time: datetime
    kind: str
    account_id: UUID | None
    session_id: UUID | None
    network_prefix: str
    device_id: UUID | None
    trace_id: str
    scope: str


@dataclass(frozen=True)
class _Count:
    events: int


def _event(row: _EventRow) -> SecurityEvent:
    return SecurityEvent(
        event_id=row.event_id,
        event_time=row.event_time,
        kind=SecurityEventKind(row.kind),
        account_id=row.account_id,
        session_id=row.session_id,
        network_prefix=row.network_prefix,
        device_id=row.device_id,
        trace_id=row.trace_id,
        scope=row.scope,
    )


def _lowest_id_at(instant: datetime) -> UUID:
    # A UUIDv7 begins with its millisecond: the index by identifier finds events by their time.
    return UUID(int=epoch_ms(instant) << 80)


_ADD: LiteralString = """
INSERT INTO security_events (
    event_id, event_time, kind, account_id, session_id, network_prefix, device_id, trace_id, scope
) VALUES (
    %(event_id)s, %(event_time)s, %(kind)s, %(account_id)s, %(session_id)s, %(network_prefix)s, %(device_id)s,
    %(trace_id)s, %(scope)s
)
"""

_LIST: LiteralString = """
SELECT event_id, event_time, kind, account_id, session_id, network_prefix, device_id, trace_id, scope
FROM security_events
WHERE true
"""
_OF_ACCOUNT: LiteralString = " AND account_id = %(account_id)s"
_BEFORE: LiteralString = " AND event_id < %(before)s"
_NEWEST_FIRST: LiteralString = " ORDER BY event_id DESC LIMIT %(limit)s"

# By place, so that servers that purge at once lock the lines in one order.
_PURGE: LiteralString = """
DELETE FROM security_events
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM security_events WHERE event_time < %(before)s ORDER BY event_time LIMIT %(limit)s
))
"""
