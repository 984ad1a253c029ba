"""Who acts (art. 4-1): the agent whose certificate it is, else the one whom an internal system names."""

import pytest

from services.kit.certificate_names import is_listed
from services.kit.errors import InvalidField
from services.partners.agents.domain import (
    AgentNotHabilitated,
    Caller,
    acting_name,
    agent_identity,
    shows_agent_certificate,
)

AGENTS = ("*.agents.msa.internal",)
SYSTEM = frozenset({"portail.msa.internal"})
OWN = frozenset({"odile.agents.msa.internal"})


def test_an_internal_system_names_the_agent() -> None:
    assert acting_name(Caller(SYSTEM, "odile"), AGENTS) == "odile"


def test_an_internal_system_that_names_nobody_does_nothing() -> None:
    with pytest.raises(AgentNotHabilitated):
        acting_name(Caller(SYSTEM), AGENTS)


@pytest.mark.parametrize("named", ["", "odile.agents.msa.internal"])
def test_an_agents_certificate_acts_for_that_agent(named: str) -> None:
    assert acting_name(Caller(OWN, named), AGENTS) == "odile.agents.msa.internal"


def test_an_agents_certificate_acts_for_nobody_else() -> None:
    with pytest.raises(AgentNotHabilitated):
        acting_name(Caller(OWN, "blanche.agents.msa.internal"), AGENTS)


def test_a_certificate_that_is_no_agents_is_an_internal_systems() -> None:
    assert not shows_agent_certificate(Caller(SYSTEM), AGENTS)
    assert shows_agent_certificate(Caller(OWN), AGENTS)


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("odile.agents.msa.internal", True),
        ("agents.msa.internal", False),
        ("a.b.agents.msa.internal", False),
        ("odile.agents.msa.internal.evil.example", False),
        ("odilexagents.msa.internal", False),
        ("*.agents.msa.internal", True),
        ("", False),
    ],
)
def test_a_star_stands_for_one_label(name: str, listed: bool) -> None:
    """RFC 9525: as in certificates."""
    assert is_listed((name,), AGENTS) is listed


@pytest.mark.parametrize("name", ["", "Odile", "o dile", "odile/21", "é", "-odile", "o" * 101])
def test_an_agents_name_is_one_that_a_certificate_can_bear(name: str) -> None:
    with pytest.raises(InvalidField) as refused:
        agent_identity(name, "Delacombe", "Odile")
    assert [(found.field, found.rule) for found in refused.value.violations] == [
        ("agent.agent_name", "AGENT_NAME")
    ]


def test_an_agent_never_prints_his_names() -> None:
    """N5."""
    assert "Delacombe" not in repr(agent_identity("odile", "Delacombe", "Odile Marie"))
