"""Registering acts: one transaction, one habilitated agent (art. 4-1), one event for every change."""

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import date, datetime
from uuid import UUID

from psycopg import AsyncConnection

from services.kit import telemetry
from services.kit.clock import Clock, paris_date
from services.kit.database import ConstraintViolated, Database
from services.kit.errors import DomainError, RecordAlreadyExists, RecordNotFound
from services.kit.identifiers import new_uuid7
from services.partners.agents.domain import (
    AgentFunction,
    AgentNotHabilitated,
    CaisseAgent,
    Caller,
    DirectorNeeded,
    acting_name,
    shows_agent_certificate,
)
from services.partners.agents.store import AgentStore
from services.partners.fields import optional_text
from services.partners.history.domain import Event, EventKind, SubjectKind, snapshot
from services.partners.history.store import EventStore

_REASON_LENGTH = 500


class Act:
    """An act under way: its transaction, its instant, and who does it."""

    def __init__(
        self,
        connection: AsyncConnection,
        events: EventStore,
        now: datetime,
        caisse_code: str,
        agent: CaisseAgent | None,
        client_name: str,
        reason: str,
    ) -> None:
        self.connection = connection
        self.now = now
        self.agent = agent
        self._events = events
        self._caisse_code = caisse_code
        self._client_name = client_name
        self._reason = reason

    @property
    def today(self) -> date:
        """The day of the act in Europe/Paris."""
        return paris_date(self.now)

    async def note(
        self, kind: EventKind, subject_kind: SubjectKind, subject_id: UUID, before: object, after: object
    ) -> None:
        """Records a change with the act: how the record was (None for a new one), and how it is."""
        await self._events.add(
            self.connection,
            Event(
                event_id=new_uuid7(self.now),
                event_time=self.now,
                caisse_code=self._caisse_code,
                subject_kind=subject_kind,
                subject_id=subject_id,
                kind=kind,
                agent_id=self.agent.agent_id if self.agent else None,
                client_name=self._client_name,
                reason=self._reason,
                state_before=None if before is None else snapshot(before),
                state_after=None if after is None else snapshot(after),
                trace_id=telemetry.trace_id_of(telemetry.current_traceparent()),
            ),
        )


class Acts:
    """Opens acts, and says who may read."""

    def __init__(
        self,
        database: Database,
        agents: AgentStore,
        events: EventStore,
        clock: Clock,
        agent_certificates: Collection[str],
    ) -> None:
        self._database = database
        self._agents = agents
        self._events = events
        self._clock = clock
        self._agent_certificates = agent_certificates

    @asynccontextmanager
    async def begin(
        self, operation: str, caller: Caller, caisse_code: str, reason: str = ""
    ) -> AsyncIterator[Act]:
        """An act of a habilitated agent of the caisse (art. 4-1), committed when the block ends.

        Raises AgentNotHabilitated, and InvalidField for too long a reason; nothing is written then.
        """
        why = optional_text("reason", reason, _REASON_LENGTH)
        name = acting_name(caller, self._agent_certificates)
        async with self._database.transaction(operation) as connection:
            agent = await self._agents.find_present(connection, caisse_code, name)
            if agent is None:
                raise AgentNotHabilitated
            yield self._act(connection, caisse_code, agent, caller.client_name, why)

    @asynccontextmanager
    async def begin_as_director(
        self, operation: str, caller: Caller, caisse_code: str, reason: str
    ) -> AsyncIterator[Act]:
        """An act of the director in office (art. 4-1). Raises AgentNotHabilitated, DirectorNeeded."""
        async with self.begin(operation, caller, caisse_code, reason) as act:
            if act.agent is None or act.agent.function is not AgentFunction.DIRECTOR:
                raise DirectorNeeded
            yield act

    @asynccontextmanager
    async def begin_without_agent(
        self, operation: str, caisse_code: str, client_name: str = "", reason: str = ""
    ) -> AsyncIterator[Act]:
        """What an operator does, or the service by itself: no registering act of art. 4-1."""
        async with self._database.transaction(operation) as connection:
            yield self._act(connection, caisse_code, None, client_name, reason)

    async def require_reader(self, caller: Caller, caisse_code: str) -> None:
        """Internal systems read every caisse's records, an agent his own caisse's. Raises AgentNotHabilitated."""
        if not await self._may_read(caller, caisse_code):
            raise AgentNotHabilitated

    async def require_visible(self, caller: Caller, caisse_code: str) -> None:
        """The same for one record of this caisse: absent and forbidden read the same. Raises RecordNotFound."""
        if not await self._may_read(caller, caisse_code):
            raise RecordNotFound

    async def _may_read(self, caller: Caller, caisse_code: str) -> bool:
        if not shows_agent_certificate(caller, self._agent_certificates):
            return True
        return await self._agents.is_present(caisse_code, acting_name(caller, self._agent_certificates))

    def _act(
        self,
        connection: AsyncConnection,
        caisse_code: str,
        agent: CaisseAgent | None,
        client_name: str,
        reason: str,
    ) -> Act:
        now = self._clock.now()
        return Act(connection, self._events, now, caisse_code, agent, client_name, reason)


@contextmanager
def unique(constraint_name: str, otherwise: type[DomainError] = RecordAlreadyExists) -> Iterator[None]:
    """Raises `otherwise` where what is written inside breaks the named constraint."""
    try:
        yield
    except ConstraintViolated as violated:
        if violated.constraint_name != constraint_name:
            raise
        raise otherwise from None
