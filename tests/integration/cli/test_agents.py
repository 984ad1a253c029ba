"""Agents of the caisses against fakes: who is habilitated, and in whose name qf acts (art. 4-1)."""

import os
from typing import Any

import pytest

from msa.identity.v1 import security_event_service_pb2 as event_pb
from msa.partners.v1 import caisse_agent_service_pb2 as pb
from tests.integration.cli.fakes import Fakes
from tests.integration.cli.records import as_json

IDENTITY = {"agent_name": "odile.agents.qf.internal", "nom": "FALBRUSSE", "prenom": "Odile"}
AGENT = pb.CaisseAgent(
    agent_id="age-1",
    caisse_code="21",
    function=pb.AGENT_FUNCTION_AGENT,
    agent_name=IDENTITY["agent_name"],
    nom=IDENTITY["nom"],
    prenom=IDENTITY["prenom"],
)
CONFIGURED = '[agent]\nname = "odile.agents.qf.internal"\n'
LIST = ("agent", "list", "--caisse", "21")


@pytest.fixture
def known(fakes: Fakes) -> Fakes:
    """Fakes with one agent."""
    fakes.script.replies |= {
        "ListAgents": lambda _: pb.ListAgentsResponse(agents=[AGENT]),
        "AppointDirector": lambda _: pb.AppointDirectorResponse(agent=AGENT),
        "HabilitateAgent": lambda _: pb.HabilitateAgentResponse(agent=AGENT),
        "WithdrawAgent": lambda _: pb.WithdrawAgentResponse(agent=AGENT),
        "ListSecurityEvents": lambda _: event_pb.ListSecurityEventsResponse(),
    }
    return fakes


def acting(known: Fakes, *arguments: str) -> str | bytes | None:
    """Whom the last call named."""
    result = known.qf(*arguments)
    assert result.exit_code == 0, result.output
    return known.script.metadata[-1].get("caisse-agent")


def test_the_register_is_told_who_acts_and_identity_is_not(known: Fakes) -> None:
    known.write_config(more=CONFIGURED)
    assert acting(known, *LIST) == "odile.agents.qf.internal"
    assert acting(known, "events") is None


def test_without_an_agent_none_is_named(known: Fakes) -> None:
    assert acting(known, *LIST) is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("--agent", "directrice.agents.qf.internal", *LIST),
        (*LIST, "--agent", "directrice.agents.qf.internal"),
        ("--agent", "somebody.else", *LIST, "--agent", "directrice.agents.qf.internal"),
    ],
)
def test_the_agent_of_the_command_goes_before_the_configuration_s(
    known: Fakes, arguments: tuple[str, ...]
) -> None:
    known.write_config(more=CONFIGURED)
    assert acting(known, *arguments) == "directrice.agents.qf.internal"


def test_the_agent_of_the_environment_goes_between_the_two(
    known: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.write_config(more=CONFIGURED)
    monkeypatch.setitem(os.environ, "QF_AGENT", "gaspard.agents.qf.internal")
    assert acting(known, *LIST) == "gaspard.agents.qf.internal"
    assert acting(known, *LIST, "--agent", "odile.agents.qf.internal") == "odile.agents.qf.internal"


@pytest.mark.parametrize("name", ["Odile", "odile agents", "odilé", "a" * 101])
def test_a_name_that_no_agent_can_have_is_refused(known: Fakes, name: str) -> None:
    result = known.qf(*LIST, "--agent", name)
    assert result.exit_code == 2
    assert "1 to 100 lower-case letters" in " ".join(result.stderr.replace("│", " ").split())
    known.write_config(more=f'[agent]\nname = "{name}"\n')
    assert known.qf(*LIST).exit_code == 2
    assert known.script.requests == []


REGISTERING: list[tuple[tuple[str, ...], Any]] = [
    (
        ("appoint-director", "--caisse", "21", "--reason", "named", "--yes"),
        pb.AppointDirectorRequest(caisse_code="21", agent=pb.AgentIdentity(**IDENTITY), reason="named"),
    ),
    (
        ("habilitate", "--caisse", "21", "--reason", "joins"),
        pb.HabilitateAgentRequest(caisse_code="21", agent=pb.AgentIdentity(**IDENTITY), reason="joins"),
    ),
]


@pytest.mark.parametrize(("arguments", "request_"), REGISTERING)
def test_an_agent_is_read_not_typed(known: Fakes, arguments: tuple[str, ...], request_: Any) -> None:
    shown = known.json("agent", *arguments, stdin=as_json(IDENTITY))
    assert (shown["agent_name"], shown["function"]) == ("odile.agents.qf.internal", "AGENT")
    assert known.script.requests == [request_]


def test_an_agent_is_withdrawn_by_his_identifier(known: Fakes) -> None:
    assert known.qf("agent", "withdraw", "age-1", "--reason", "leaves", "--yes").exit_code == 0
    assert known.script.requests == [pb.WithdrawAgentRequest(agent_id="age-1", reason="leaves")]


def test_the_agents_of_a_caisse_are_listed(known: Fakes) -> None:
    told = known.qf(*LIST).stdout
    assert all(words in told for words in ("age-1", "odile.agents.qf.internal", "FALBRUSSE", "AGENT"))
