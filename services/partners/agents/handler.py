"""msa.partners.v1.CaisseAgentService ↔ the use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from msa.partners.v1 import caisse_agent_service_pb2 as pb
from msa.partners.v1 import caisse_agent_service_pb2_grpc as rpc
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_timestamp
from services.partners.agents.domain import CaisseAgent, agent_identity
from services.partners.agents.service import AgentService
from services.partners.messages import caller_of

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class CaisseAgentHandler(rpc.CaisseAgentServiceServicer):
    """CaisseAgentService."""

    def __init__(self, service: AgentService) -> None:
        self._service = service

    async def AppointDirector(
        self, request: pb.AppointDirectorRequest, context: Context
    ) -> pb.AppointDirectorResponse:
        """Puts a director in office."""
        agent = request.agent
        identity = agent_identity(agent.agent_name, agent.nom, agent.prenom)
        director = await self._service.appoint_director(
            caller_of(context), request.caisse_code, identity, request.reason
        )
        return pb.AppointDirectorResponse(agent=_agent(director))

    async def HabilitateAgent(
        self, request: pb.HabilitateAgentRequest, context: Context
    ) -> pb.HabilitateAgentResponse:
        """Habilitates an agent (art. 4-1)."""
        agent = request.agent
        identity = agent_identity(agent.agent_name, agent.nom, agent.prenom)
        habilitated = await self._service.habilitate(
            caller_of(context), request.caisse_code, identity, request.reason
        )
        return pb.HabilitateAgentResponse(agent=_agent(habilitated))

    async def WithdrawAgent(
        self, request: pb.WithdrawAgentRequest, context: Context
    ) -> pb.WithdrawAgentResponse:
        """Withdraws an agent's habilitation (art. 4-1)."""
        agent_id = parse_uuid("agent_id", request.agent_id)
        agent = await self._service.withdraw(caller_of(context), agent_id, request.reason)
        return pb.WithdrawAgentResponse(agent=_agent(agent))

    async def ListAgents(self, request: pb.ListAgentsRequest, context: Context) -> pb.ListAgentsResponse:
        """A page of a caisse's agents."""
        page = await self._service.list_page(
            caller_of(context), request.caisse_code, request.page_size, request.page_token
        )
        return pb.ListAgentsResponse(agents=map(_agent, page.records), next_page_token=page.next_page_token)


def _agent(agent: CaisseAgent) -> pb.CaisseAgent:
    return pb.CaisseAgent(
        agent_id=str(agent.agent_id),
        caisse_code=agent.caisse_code,
        agent_name=agent.identity.agent_name,
        nom=agent.identity.nom,
        prenom=agent.identity.prenom,
        function=pb.AgentFunction.Value(f"AGENT_FUNCTION_{agent.function}"),
        habilitate_time=to_timestamp(agent.habilitate_time),
        withdraw_time=to_timestamp(agent.withdraw_time),
    )
