"""Agents of the caisses (art. 4-1): who may act, and as whom."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.kit.certificate_names import is_listed
from services.kit.errors import DomainError, Reason, RecordAlreadyExists
from services.partners.fields import invalid, required_text

_AGENT_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")
_NAME_LENGTH = 100


class AgentFunction(StrEnum):
    """What an agent is to the caisse."""

    DIRECTOR = "DIRECTOR"
    AGENT = "AGENT"


@dataclass(frozen=True)
class AgentIdentity:
    """A person as certificates and internal systems name him, and his names. Names are never in the repr (N5)."""

    agent_name: str
    nom: str = field(repr=False)
    prenom: str = field(repr=False)


@dataclass(frozen=True)
class CaisseAgent:
    """An agent of one caisse; `withdraw_time` is absent while he is habilitated."""

    agent_id: UUID
    caisse_code: str
    identity: AgentIdentity
    function: AgentFunction
    habilitate_time: datetime
    withdraw_time: datetime | None = None


@dataclass(frozen=True)
class Caller:
    """Who calls: the names in the certificate, and the agent whom the call names (empty where it names none)."""

    certificate_names: frozenset[str]
    named_agent: str = ""

    @property
    def client_name(self) -> str:
        """One name for the record."""
        return min(self.certificate_names, default="")


class AgentNotHabilitated(DomainError):
    """No agent of this caisse, habilitated by its director, does this (art. 4-1)."""

    reason = Reason.AGENT_NOT_HABILITATED
    message = (
        "A registering act needs an agent of this caisse whom its director has habilitated (art. 4-1): "
        "act with his certificate, or name him in the metadata caisse-agent."
    )


class AgentHabilitated(RecordAlreadyExists):
    """An agent of this name is habilitated at this caisse (art. 4-1)."""

    message = "An agent of this name is habilitated at this caisse already (art. 4-1)."


class DirectorNeeded(DomainError):
    """Only the director in office does this (art. 4-1)."""

    reason = Reason.AGENT_NOT_HABILITATED
    message = "Only the director in office habilitates and withdraws the agents of his caisse (art. 4-1)."


class AgentWithdrawn(DomainError):
    """The agent's habilitation has been withdrawn already (art. 4-1)."""

    reason = Reason.RECORD_STATE
    message = "The agent's habilitation has been withdrawn already (art. 4-1)."


class DirectorInOffice(DomainError):
    """The director leaves when another is appointed (art. 4-1)."""

    reason = Reason.RECORD_STATE
    message = "The director leaves office when another one is appointed, not by withdrawal (art. 4-1)."


def acting_name(caller: Caller, agent_certificates: Collection[str]) -> str:
    """The name of the agent who acts (art. 4-1): his own certificate's, else the one that the system names.

    An agent's certificate acts for that agent only. Raises AgentNotHabilitated.
    """
    own = sorted(name for name in caller.certificate_names if is_listed((name,), agent_certificates))
    if not own:
        if not caller.named_agent:
            raise AgentNotHabilitated
        return caller.named_agent
    if caller.named_agent not in {"", own[0]}:
        raise AgentNotHabilitated
    return own[0]


def shows_agent_certificate(caller: Caller, agent_certificates: Collection[str]) -> bool:
    """Whether the caller is an agent himself rather than an internal system."""
    return is_listed(caller.certificate_names, agent_certificates)


def agent_identity(agent_name: str, nom: str, prenom: str) -> AgentIdentity:
    """An agent's identity. Raises InvalidField; what was sent is not repeated (N5)."""
    if _AGENT_NAME.fullmatch(agent_name) is None:
        raise invalid(
            "agent.agent_name",
            "AGENT_NAME",
            "must be 1 to 100 lower-case letters, digits, dots and dashes, as in the agent's certificate",
        )
    return AgentIdentity(
        agent_name,
        required_text("agent.nom", nom, _NAME_LENGTH),
        required_text("agent.prenom", prenom, _NAME_LENGTH),
    )
