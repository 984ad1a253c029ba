"""`qf agent`: the agents of a caisse, whom its director habilitates one by one (art. 4-1)."""

from pathlib import Path
from typing import Annotated

import typer

from cli import forms, paging, register, views
from cli.application import Qf, command
from cli.parameters import CaisseOption, LimitOption, ReasonOption, YesOption, confirm
from msa.partners.v1 import caisse_agent_service_pb2 as pb

group = typer.Typer(
    no_args_is_help=True, help="Agents of a caisse: who may register anything at all (art. 4-1)."
)
IdentityFileOption = Annotated[
    Path | None,
    typer.Option(
        "--identity-file",
        metavar="FILE",
        help='Holds {"agent_name": …, "nom": …, "prenom": …} (- is standard input); else qf asks for each.',
    ),
]


@command(
    group,
    "appoint-director",
    examples=[
        'qf agent appoint-director --caisse 21 --identity-file director.json --reason "nomination of 4 January"'
    ],
)
def appoint_director(
    qf: Qf,
    caisse: CaisseOption,
    reason: ReasonOption,
    identity_file: IdentityFileOption = None,
    yes: YesOption = False,
) -> None:
    """Puts a director in office; the one before leaves it. For operators: everything else begins with him.

    The agents that the one before habilitated remain.
    """
    confirm(f"Put a new director of caisse {caisse} in office? The one before leaves it.", yes=yes)
    request = pb.AppointDirectorRequest(caisse_code=caisse, agent=_identity(identity_file), reason=reason)
    reply = qf.services.partners.call(register.agents(qf).AppointDirector, request)
    qf.output.record("Director in office", views.agent(reply.agent))
    qf.output.note(f"Next, as this director: qf --agent {reply.agent.agent_name} agent habilitate …")


@command(
    group,
    "habilitate",
    examples=[
        "qf agent habilitate --caisse 21 --agent directrice.agents.qf.internal --identity-file agent.json "
        '--reason "joins the partners desk"'
    ],
)
def habilitate(
    qf: Qf, caisse: CaisseOption, reason: ReasonOption, identity_file: IdentityFileOption = None
) -> None:
    """Habilitates an agent: an act of the director in office, whom --agent names or whose certificate it is."""
    request = pb.HabilitateAgentRequest(caisse_code=caisse, agent=_identity(identity_file), reason=reason)
    reply = qf.services.partners.call(register.agents(qf).HabilitateAgent, request)
    qf.output.record("Agent habilitated", views.agent(reply.agent))


@command(
    group,
    "withdraw",
    examples=[
        'qf agent withdraw AGENT_ID --agent directrice.agents.qf.internal --reason "leaves the caisse"'
    ],
)
def withdraw(
    qf: Qf,
    agent_id: Annotated[str, typer.Argument(metavar="AGENT_ID", help="UUID; `list` tells it.")],
    reason: ReasonOption,
    yes: YesOption = False,
) -> None:
    """Withdraws an agent's habilitation, effective at once: an act of the director in office."""
    confirm(f"Withdraw agent {agent_id}? He registers nothing any more from now on.", yes=yes)
    request = pb.WithdrawAgentRequest(agent_id=agent_id, reason=reason)
    reply = qf.services.partners.call(register.agents(qf).WithdrawAgent, request)
    qf.output.record("Agent withdrawn", views.agent(reply.agent))


@command(group, "list", examples=["qf agent list --caisse 21"])
def list_agents(qf: Qf, caisse: CaisseOption, limit: LimitOption = 50) -> None:
    """Lists the agents a caisse has and had, with their director."""
    paging.show(
        qf,
        limit,
        lambda size, token: register.agents_page(qf, caisse, size, token),
        lambda page: page.agents,
        views.agent,
        title=f"Agents of caisse {caisse}",
        empty=f"Caisse {caisse} has no agent: an operator appoints its director first.",
        columns=("agent_id", "agent_name", "nom", "prenom", "function", "withdraw_time"),
    )


def _identity(file: Path | None) -> pb.AgentIdentity:
    return pb.AgentIdentity(**dict(forms.read_record(forms.Identity, file, "The agent")))
