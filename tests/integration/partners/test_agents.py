"""Agents of the caisses (art. 4-1): who may act, before the running server and at chosen instants."""

import secrets
from collections.abc import AsyncIterator

import grpc
import pytest

from deploy.local.channels import acting_as
from deploy.local.people import AGENT_NAME, DIRECTOR_NAME
from msa.partners.v1 import caisse_agent_service_pb2 as pb
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from services.partners.agents.domain import AgentIdentity, AgentNotHabilitated, Caller
from services.partners.conventions.facts import Denunciation, Party
from tests.integration.partners.agent import SIGNED, Agent, refused
from tests.integration.partners.register import AGENT, DIRECTOR, SYSTEM, Register, new_numero_tiers
from tests.integration.partners.register import SIGNED as REGISTERED
from tests.stack import Stack

ELSEWHERE = "63"


def identity(name: str = "") -> pb.AgentIdentity:
    return pb.AgentIdentity(
        agent_name=name or f"a{secrets.token_hex(5)}.agents.qf.internal", nom="Brindille", prenom="Ulysse"
    )


@pytest.fixture
async def own_certificate(stack: Stack) -> AsyncIterator[Agent]:
    """An agent before the running server, with a certificate of his own."""
    async with stack.channel("partners", "agent") as channel:
        yield Agent(channel, channel)


async def test_the_director_habilitates_an_agent_who_can_then_act(agent: Agent) -> None:
    await agent.ensure_agent("21")
    who = identity()
    habilitated = await agent.agents.HabilitateAgent(
        pb.HabilitateAgentRequest(caisse_code="21", agent=who, reason="arrivée"),
        metadata=acting_as(DIRECTOR_NAME),
    )
    assert (habilitated.agent.function, habilitated.agent.nom) == (pb.AGENT_FUNCTION_AGENT, "Brindille")
    registered = await agent.partners.RegisterPartner(_partner("21"), metadata=acting_as(who.agent_name))
    assert registered.partner.caisse_code == "21"


async def test_a_withdrawn_agent_does_nothing_from_the_next_call_on(agent: Agent) -> None:
    await agent.ensure_agent("21")
    who = identity()
    director = acting_as(DIRECTOR_NAME)
    request = pb.HabilitateAgentRequest(caisse_code="21", agent=who, reason="arrivée")
    habilitated = await agent.agents.HabilitateAgent(request, metadata=director)
    withdrawal = pb.WithdrawAgentRequest(agent_id=habilitated.agent.agent_id, reason="départ")
    withdrawn = await agent.agents.WithdrawAgent(withdrawal, metadata=director)
    assert withdrawn.agent.HasField("withdraw_time")
    numero = new_numero_tiers()
    async with refused() as refusal:
        await agent.partners.RegisterPartner(_partner("21", numero), metadata=acting_as(who.agent_name))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "AGENT_NOT_HABILITATED")
    assert "art. 4-1" in refusal.text
    listed = await agent.partners.ListPartners(partner_pb.ListPartnersRequest(caisse_code="21", query=numero))
    assert not listed.partners
    async with refused() as again:
        await agent.agents.WithdrawAgent(withdrawal, metadata=director)
    assert again.reason == "RECORD_STATE"


async def test_only_the_director_habilitates_and_withdraws(agent: Agent) -> None:
    await agent.ensure_agent("21")
    for name in (AGENT_NAME, "inconnu.agents.qf.internal", ""):
        async with refused() as refusal:
            await agent.agents.HabilitateAgent(
                pb.HabilitateAgentRequest(caisse_code="21", agent=identity(), reason="arrivée"),
                metadata=acting_as(name),
            )
        assert refusal.reason == "AGENT_NOT_HABILITATED"


async def test_an_act_without_an_agent_is_refused(agent: Agent) -> None:
    await agent.ensure_agent("21")
    async with refused() as refusal:
        await agent.partners.RegisterPartner(_partner("21"), metadata=acting_as(""))
    assert (refusal.reason, "art. 4-1" in refusal.text) == ("AGENT_NOT_HABILITATED", True)


async def test_an_agent_of_one_caisse_acts_for_no_other(agent: Agent, register: Register) -> None:
    """Art. 4-1, 4-7: the same name may be habilitated here and not there."""
    await agent.ensure_agent("21")
    stranger = AgentIdentity(f"s{secrets.token_hex(5)}", "Brindille", "Ulysse")
    await register.agents.habilitate(DIRECTOR, "21", stranger, "arrivée")
    convention = await agent.convention(await agent.partner(ELSEWHERE))
    denunciation = convention_pb.ConventionFact(
        denunciation=convention_pb.Denunciation(party=convention_pb.PARTY_CAISSE, receipt_date=SIGNED)
    )
    request = convention_pb.RecordFactRequest(convention_id=convention.convention_id, fact=denunciation)
    async with refused() as refusal:
        await agent.conventions.RecordFact(request, metadata=acting_as(stranger.agent_name))
    assert refusal.reason == "AGENT_NOT_HABILITATED"
    shown = await agent.conventions.GetConvention(
        convention_pb.GetConventionRequest(convention_id=convention.convention_id)
    )
    assert shown.convention == convention


class TestOwnCertificate:
    async def test_an_agent_acts_with_his_own_certificate(self, agent: Agent, own_certificate: Agent) -> None:
        await agent.ensure_agent("21")
        registered = await own_certificate.partners.RegisterPartner(_partner("21"))
        assert registered.partner.HasField("create_time")

    async def test_it_acts_for_nobody_else(self, agent: Agent, own_certificate: Agent) -> None:
        await agent.ensure_agent("21")
        async with refused() as refusal:
            await own_certificate.partners.RegisterPartner(_partner("21"), metadata=acting_as(DIRECTOR_NAME))
        assert refusal.reason == "AGENT_NOT_HABILITATED"

    async def test_it_reads_the_records_of_his_own_caisses_only(
        self, agent: Agent, own_certificate: Agent
    ) -> None:
        """Absent and forbidden read the same."""
        here = await agent.partner("21")
        request = partner_pb.GetPartnerRequest(partner_id=here.partner_id)
        assert (await own_certificate.partners.GetPartner(request)).partner == here
        await agent.ensure_agent("87")
        partner = await agent.partner("87")
        await _leave(agent, "87")
        async with refused() as hidden:
            await own_certificate.partners.GetPartner(
                partner_pb.GetPartnerRequest(partner_id=partner.partner_id)
            )
        assert hidden.reason == "RECORD_NOT_FOUND"
        async with refused() as listed:
            await own_certificate.partners.ListPartners(partner_pb.ListPartnersRequest(caisse_code="87"))
        assert listed.reason == "AGENT_NOT_HABILITATED"

    async def test_it_puts_no_director_in_office(self, own_certificate: Agent) -> None:
        async with refused() as refusal:
            await own_certificate.agents.AppointDirector(pb.AppointDirectorRequest(caisse_code="21"))
        assert refusal.reason == "CLIENT_NOT_ALLOWED"


class TestDirector:
    async def test_there_is_one_director_at_a_time(self, agent: Agent) -> None:
        names = [f"d{secrets.token_hex(5)}" for _ in range(2)]
        for name in names:
            appointed = await agent.agents.AppointDirector(
                pb.AppointDirectorRequest(caisse_code="85", agent=identity(name), reason="prise de fonctions")
            )
            assert appointed.agent.function == pb.AGENT_FUNCTION_DIRECTOR
        listed = (await agent.agents.ListAgents(pb.ListAgentsRequest(caisse_code="85", page_size=500))).agents
        present = [one.agent_name for one in listed if not one.HasField("withdraw_time")]
        assert present == [names[1]]
        async with refused() as refusal:
            await agent.agents.HabilitateAgent(
                pb.HabilitateAgentRequest(caisse_code="85", agent=identity(), reason="arrivée"),
                metadata=acting_as(names[0]),
            )
        assert refusal.reason == "AGENT_NOT_HABILITATED"

    async def test_the_director_does_not_leave_by_withdrawal(self, agent: Agent) -> None:
        appointed = await agent.agents.AppointDirector(
            pb.AppointDirectorRequest(caisse_code="84", agent=identity(), reason="prise de fonctions")
        )
        async with refused() as refusal:
            await agent.agents.WithdrawAgent(
                pb.WithdrawAgentRequest(agent_id=appointed.agent.agent_id, reason="départ"),
                metadata=acting_as(appointed.agent.agent_name),
            )
        assert refusal.reason == "RECORD_STATE"

    @pytest.mark.parametrize(
        ("caisse_code", "who", "reason", "violation"),
        [
            (
                "00",
                pb.AgentIdentity(agent_name="a", nom="B", prenom="C"),
                "r",
                ("caisse_code", "CAISSE_CODE"),
            ),
            (
                "21",
                pb.AgentIdentity(agent_name="A b", nom="B", prenom="C"),
                "r",
                ("agent.agent_name", "AGENT_NAME"),
            ),
            ("21", pb.AgentIdentity(agent_name="a", prenom="C"), "r", ("agent.nom", "LENGTH")),
            ("21", pb.AgentIdentity(agent_name="a", nom="B", prenom="C"), "", ("reason", "LENGTH")),
        ],
    )
    async def test_what_is_wrong_is_told_by_rule(
        self, agent: Agent, caisse_code: str, who: pb.AgentIdentity, reason: str, violation: tuple[str, str]
    ) -> None:
        request = pb.AppointDirectorRequest(caisse_code=caisse_code, agent=who, reason=reason)
        async with refused() as refusal:
            await agent.agents.AppointDirector(request)
        assert refusal.rules == [violation]


async def test_a_refused_act_leaves_no_event(register: Register) -> None:
    convention = await register.convention()
    subject = convention.convention_id
    before = await register.history.list_page(AGENT, "21", subject, 500, "")
    for caller in (Caller(SYSTEM), Caller(SYSTEM, "personne"), Caller(frozenset({"x.agents.qf.internal"}))):
        with pytest.raises(AgentNotHabilitated):
            await register.conventions.record_fact(caller, subject, Denunciation(Party.CAISSE, REGISTERED))
    after = await register.history.list_page(AGENT, "21", subject, 500, "")
    assert after.records == before.records


async def _leave(agent: Agent, caisse_code: str) -> None:
    """The agent who acts is habilitated at this caisse no more."""
    listed = await agent.agents.ListAgents(pb.ListAgentsRequest(caisse_code=caisse_code, page_size=500))
    for one in listed.agents:
        if one.agent_name == AGENT_NAME and not one.HasField("withdraw_time"):
            await agent.agents.WithdrawAgent(
                pb.WithdrawAgentRequest(agent_id=one.agent_id, reason="départ"),
                metadata=acting_as(DIRECTOR_NAME),
            )


def _partner(caisse_code: str, numero_tiers: str = "") -> partner_pb.RegisterPartnerRequest:
    return partner_pb.RegisterPartnerRequest(
        caisse_code=caisse_code,
        numero_tiers=numero_tiers or new_numero_tiers(),
        denomination="Mairie de Vallombreuse",
    )
