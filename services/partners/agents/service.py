"""Use cases on the agents of the caisses."""

from dataclasses import replace
from uuid import UUID

import structlog

from services.kit.identifiers import new_uuid7, page_size
from services.kit.pages import Page, identifier_after, page_of
from services.partners.acts import Act, Acts, unique
from services.partners.agents.domain import (
    AgentFunction,
    AgentHabilitated,
    AgentIdentity,
    AgentWithdrawn,
    CaisseAgent,
    Caller,
    DirectorInOffice,
)
from services.partners.agents.store import AgentStore
from services.partners.caisses import Caisses
from services.partners.fields import reason_text
from services.partners.history.domain import EventKind, SubjectKind
from services.partners.records import found

_log = structlog.get_logger()


class AgentService:
    """Who may act for a caisse: its director, and the agents whom he habilitates one by one (art. 4-1)."""

    def __init__(self, agents: AgentStore, acts: Acts, caisses: Caisses) -> None:
        self._agents = agents
        self._acts = acts
        self._caisses = caisses

    async def appoint_director(
        self, caller: Caller, caisse_code: str, identity: AgentIdentity, reason: str
    ) -> CaisseAgent:
        """Puts a director in office; the one before leaves it, and an agent of that name becomes director.

        An operator's act: nobody is there yet to habilitate the first one. Raises InvalidField.
        """
        self._caisses.require(caisse_code)
        why = reason_text("reason", reason)
        begin = self._acts.begin_without_agent("appoint_director", caisse_code, caller.client_name, why)
        with unique("caisse_agents_director_key"):
            async with begin as act:
                before = await self._agents.find_director(act.connection, caisse_code)
                if before is not None:
                    await self._end(act, before, EventKind.DIRECTOR_LEFT)
                same = await self._agents.find_present(act.connection, caisse_code, identity.agent_name)
                if same is not None:
                    await self._end(act, same, EventKind.AGENT_WITHDRAWN)
                director = await self._add(act, caisse_code, identity, AgentFunction.DIRECTOR)
        _log.info("director_appointed", agent_id=str(director.agent_id), caisse_code=caisse_code)
        return director

    async def habilitate(
        self, caller: Caller, caisse_code: str, identity: AgentIdentity, reason: str
    ) -> CaisseAgent:
        """Habilitates an agent of the caisse (art. 4-1): an act of its director.

        Raises InvalidField; AgentNotHabilitated or DirectorNeeded; AgentHabilitated where he is.
        """
        self._caisses.require(caisse_code)
        why = reason_text("reason", reason)
        with unique("caisse_agents_present_key", otherwise=AgentHabilitated):
            async with self._acts.begin_as_director("habilitate_agent", caller, caisse_code, why) as act:
                agent = await self._add(act, caisse_code, identity, AgentFunction.AGENT)
        _log.info("agent_habilitated", agent_id=str(agent.agent_id), caisse_code=caisse_code)
        return agent

    async def withdraw(self, caller: Caller, agent_id: UUID, reason: str) -> CaisseAgent:
        """Withdraws an agent's habilitation, from his next act on (art. 4-1): an act of the director.

        Raises InvalidField, RecordNotFound, AgentNotHabilitated, DirectorNeeded, AgentWithdrawn, DirectorInOffice.
        """
        why = reason_text("reason", reason)
        known = found(await self._agents.find(agent_id))
        async with self._acts.begin_as_director("withdraw_agent", caller, known.caisse_code, why) as act:
            agent = found(await self._agents.lock(act.connection, agent_id))
            if agent.withdraw_time is not None:
                raise AgentWithdrawn
            if agent.function is AgentFunction.DIRECTOR:
                raise DirectorInOffice
            withdrawn = await self._end(act, agent, EventKind.AGENT_WITHDRAWN)
        _log.info("agent_withdrawn", agent_id=str(agent_id))
        return withdrawn

    async def list_page(
        self, caller: Caller, caisse_code: str, asked: int, page_token: str
    ) -> Page[CaisseAgent]:
        """A page of the agents whom a caisse has and had. Raises InvalidField, AgentNotHabilitated."""
        size, after = page_size(asked), identifier_after(page_token)
        await self._acts.require_reader(caller, self._caisses.require(caisse_code))
        agents = await self._agents.list_after(caisse_code, after, size + 1)
        return page_of(agents, size, lambda agent: str(agent.agent_id))

    async def _add(
        self, act: Act, caisse_code: str, identity: AgentIdentity, function: AgentFunction
    ) -> CaisseAgent:
        agent = CaisseAgent(new_uuid7(act.now), caisse_code, identity, function, act.now)
        await self._agents.insert(act.connection, agent)
        kind = _ADDED[function]
        await act.note(kind, SubjectKind.CAISSE_AGENT, agent.agent_id, None, agent)
        return agent

    async def _end(self, act: Act, agent: CaisseAgent, kind: EventKind) -> CaisseAgent:
        await self._agents.set_withdrawn(act.connection, agent.agent_id, act.now)
        after = replace(agent, withdraw_time=act.now)
        await act.note(kind, SubjectKind.CAISSE_AGENT, agent.agent_id, agent, after)
        return after


_ADDED = {
    AgentFunction.DIRECTOR: EventKind.DIRECTOR_APPOINTED,
    AgentFunction.AGENT: EventKind.AGENT_HABILITATED,
}
