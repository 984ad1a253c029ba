"""Security events: made, shown, removed when old."""

from datetime import timedelta
from uuid import UUID

from psycopg import AsyncConnection

from services.identity.events.domain import SecurityEvent, SecurityEventKind
from services.identity.events.store import SecurityEventStore
from services.kit.clock import Clock
from services.kit.identifiers import (
    decode_page_token,
    new_uuid7,
    page_size,
    parse_uuid,
)
from services.kit.pages import Page, page_of
from services.kit.telemetry import current_traceparent, trace_id_of


class SecurityEvents:
    """The security events. Whoever does what they tell of adds them through the store, in its own transaction."""

    def __init__(self, store: SecurityEventStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def new(
        self,
        kind: SecurityEventKind,
        *,
        account_id: UUID | None = None,
        session_id: UUID | None = None,
        network_prefix: str = "",
        device_id: UUID | None = None,
        scope: str = "",
        trace_id: str = "",
    ) -> SecurityEvent:
        """An event of this instant and of the trace of this call, or of the one given, still to be stored."""
        now = self._clock.now()
        return SecurityEvent(
            event_id=new_uuid7(now),
            event_time=now,
            kind=kind,
            account_id=account_id,
            session_id=session_id,
            network_prefix=network_prefix,
            device_id=device_id,
            trace_id=trace_id or trace_id_of(current_traceparent()),
            scope=scope,
        )

    async def note(
        self,
        connection: AsyncConnection,
        kind: SecurityEventKind,
        *,
        account_id: UUID | None = None,
        session_id: UUID | None = None,
        network_prefix: str = "",
        device_id: UUID | None = None,
        scope: str = "",
        trace_id: str = "",
    ) -> None:
        """Adds an event of this instant within the transaction of the act that it tells of."""
        event = self.new(
            kind,
            account_id=account_id,
            session_id=session_id,
            network_prefix=network_prefix,
            device_id=device_id,
            scope=scope,
            trace_id=trace_id,
        )
        await self._store.add(connection, [event])

    async def page(self, account_id: UUID | None, asked_size: int, page_token: str) -> Page[SecurityEvent]:
        """A page of events, of one account where it is given. Raises InvalidField."""
        size = page_size(asked_size)
        before = decode_page_token(page_token)
        events = await self._store.list_before(
            account_id, parse_uuid("page_token", before) if before else None, size + 1
        )
        return page_of(events, size, lambda event: str(event.event_id))

    async def purge(self, retention: timedelta) -> None:
        """Removes the events that are older than `retention`, which is six months at least."""
        await self._store.purge(self._clock.now() - retention)
