"""SQL for the agents of the caisses."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from services.kit.database import Database, fetch_one
from services.partners.agents.domain import AgentFunction, AgentIdentity, CaisseAgent

_AGENT = """
    SELECT agent_id, caisse_code, agent_name, nom, prenom, function, habilitate_time, withdraw_time
    FROM caisse_agents
"""


class AgentStore:
    """The agents of the caisses. A write belongs to the transaction of its connection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, connection: AsyncConnection, agent: CaisseAgent) -> None:
        """Adds an agent."""
        await connection.execute(
            """
            INSERT INTO caisse_agents (agent_id, caisse_code, agent_name, nom, prenom, function, habilitate_time)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            """,
            (
                agent.agent_id,
                agent.caisse_code,
                agent.identity.agent_name,
                agent.identity.nom,
                agent.identity.prenom,
                agent.function.value,
                agent.habilitate_time,
            ),
        )

    async def find_present(
        self, connection: AsyncConnection, caisse_code: str, agent_name: str
    ) -> CaisseAgent | None:
        """The habilitated agent of this name, who cannot be withdrawn while the transaction lasts."""
        return await self._one(
            connection,
            f"{_AGENT} WHERE caisse_code = %s AND agent_name = %s AND withdraw_time IS NULL FOR SHARE",
            (caisse_code, agent_name),
        )

    async def find_director(self, connection: AsyncConnection, caisse_code: str) -> CaisseAgent | None:
        """The director in office, if there is one."""
        return await self._one(
            connection,
            f"{_AGENT} WHERE caisse_code = %s AND function = 'DIRECTOR' AND withdraw_time IS NULL FOR UPDATE",
            (caisse_code,),
        )

    async def lock(self, connection: AsyncConnection, agent_id: UUID) -> CaisseAgent | None:
        """The agent with this id, locked."""
        return await self._one(connection, f"{_AGENT} WHERE agent_id = %s FOR UPDATE", (agent_id,))

    async def find(self, agent_id: UUID) -> CaisseAgent | None:
        """The agent with this id."""
        row = await self._database.fetch_one(
            "find_agent", _AgentRow, f"{_AGENT} WHERE agent_id = %s", (agent_id,)
        )
        return None if row is None else row.agent()

    async def is_present(self, caisse_code: str, agent_name: str) -> bool:
        """Whether an agent of this name is habilitated here."""
        row = await self._database.fetch_one(
            "find_present_agent",
            _AgentRow,
            f"{_AGENT} WHERE caisse_code = %s AND agent_name = %s AND withdraw_time IS NULL",
            (caisse_code, agent_name),
        )
        return row is not None

    async def set_withdrawn(
        self, connection: AsyncConnection, agent_id: UUID, withdraw_time: datetime
    ) -> None:
        """Ends a habilitation."""
        await connection.execute(
            "UPDATE caisse_agents SET withdraw_time = %s WHERE agent_id = %s", (withdraw_time, agent_id)
        )

    async def list_after(self, caisse_code: str, agent_id: UUID, limit: int) -> list[CaisseAgent]:
        """The first `limit` agents of a caisse behind `agent_id`, as habilitated."""
        rows = await self._database.fetch_all(
            "list_agents",
            _AgentRow,
            f"{_AGENT} WHERE caisse_code = %s AND agent_id > %s ORDER BY agent_id LIMIT %s",
            (caisse_code, agent_id, limit),
        )
        return [row.agent() for row in rows]

    @staticmethod
    async def _one(
        connection: AsyncConnection, statement: LiteralString, parameters: tuple[object, ...]
    ) -> CaisseAgent | None:
        row = await fetch_one(connection, _AgentRow, statement, parameters)
        return None if row is None else row.agent()


@dataclass(frozen=True)
class _AgentRow:
    agent_id: UUID
    caisse_code: str
    agent_name: str
    nom: str
    prenom: str
    function: str
    habilitate_time: datetime
    withdraw_time: datetime | None

    def agent(self) -> CaisseAgent:
        return CaisseAgent(
            agent_id=self.agent_id,
            caisse_code=self.caisse_code,
            identity=AgentIdentity(self.agent_name, self.nom, self.prenom),
            function=AgentFunction(self.function),
            habilitate_time=self.habilitate_time,
            withdraw_time=self.withdraw_time,
        )
