"""SQL for events: added with the change they tell, never altered (triggers refuse it)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from services.kit.database import Database
from services.partners.history.domain import Event, EventKind, Snapshot, SubjectKind

_EVENT = """
    SELECT event_id, event_time, caisse_code, subject_kind, subject_id, kind, agent_id, client_name, reason,
           state_before, state_after, trace_id, position
    FROM events
"""


class EventStore:
    """The history of the register."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, connection: AsyncConnection, event: Event) -> None:
        """Adds an event to the transaction of the change that it tells."""
        await connection.execute(
            """
            INSERT INTO events (event_id, event_time, caisse_code, subject_kind, subject_id, kind, agent_id,
                                client_name, reason, state_before, state_after, trace_id)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            (
                event.event_id,
                event.event_time,
                event.caisse_code,
                event.subject_kind.value,
                event.subject_id,
                event.kind.value,
                event.agent_id,
                event.client_name,
                event.reason,
                _json(event.state_before),
                _json(event.state_after),
                event.trace_id,
            ),
        )

    async def list_before(self, caisse_code: str, position: int, limit: int) -> list[Event]:
        """The newest `limit` events of a caisse before `position`."""
        rows = await self._database.fetch_all(
            "list_events",
            _EventRow,
            f"{_EVENT} WHERE caisse_code = %s AND position < %s ORDER BY position DESC LIMIT %s",
            (caisse_code, position, limit),
        )
        return [row.event() for row in rows]

    async def list_of_subject(
        self, caisse_code: str, subject_id: UUID, position: int, limit: int
    ) -> list[Event]:
        """The newest `limit` events of one subject of a caisse before `position`."""
        rows = await self._database.fetch_all(
            "list_events_of_subject",
            _EventRow,
            f"""{_EVENT} WHERE subject_id = %s AND caisse_code = %s AND position < %s
            ORDER BY position DESC LIMIT %s""",
            (subject_id, caisse_code, position, limit),
        )
        return [row.event() for row in rows]


@dataclass(frozen=True)
class _EventRow:
    event_id: UUID
    event_time: datetime
    caisse_code: str
    subject_kind: str
    subject_id: UUID
    kind: str
    agent_id: UUID | None
    client_name: str
    reason: str
    state_before: Snapshot | None
    state_after: Snapshot | None
    trace_id: str
    position: int

    def event(self) -> Event:
        return Event(
            event_id=self.event_id,
            event_time=self.event_time,
            caisse_code=self.caisse_code,
            subject_kind=SubjectKind(self.subject_kind),
            subject_id=self.subject_id,
            kind=EventKind(self.kind),
            agent_id=self.agent_id,
            client_name=self.client_name,
            reason=self.reason,
            state_before=self.state_before,
            state_after=self.state_after,
            trace_id=self.trace_id,
            position=self.position,
        )


def _json(snapshot: Snapshot | None) -> Jsonb | None:
    return None if snapshot is None else Jsonb(snapshot)
