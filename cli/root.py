"""The tree of commands."""

import os
from pathlib import Path

import typer

from cli.application import (
    DEFAULT_CONFIG,
    AgentOption,
    ConfigOption,
    GlobalOptions,
    GuardedGroup,
    JsonOption,
    parse_agent_name,
)
from cli.commands import (
    agent,
    bouquet,
    caisse,
    conventions,
    deadlines,
    demo,
    dossiers,
    events,
    history,
    journal,
    keys,
    letter,
    maintenance,
    opposition,
    outbox,
    partner,
    person,
    report,
    request,
    retention,
    session,
    status,
    use,
    users,
)

_REGISTER = "Register: who may consult"
_SESSIONS = "Sessions, and what happened to accounts"
_FAMILIES = "Families: dossiers, oppositions, the journal"
_TOOLS = "Tools"
_EXIT_STATUS = (
    "Exit status: 0 done; 1 refused or failed; 2 usage or configuration; 3 lines of an import were refused; "
    "4 a service is away or too slow; 130 interrupted."
)
_ENVIRONMENT = (
    "Environment: QF_CONFIG names the configuration, QF_AGENT the agent who acts; QF_CLI_SECTION__KEY overrides one "
    "key of the configuration, e.g. QF_CLI_SERVICES__QUOTIENT__ADDRESS."
)
_START = (
    "Start: qf status; qf agent appoint-director; qf agent habilitate; qf partner register; qf convention register; "
    "qf user register; qf dossiers import. "
    "What falls due: qf deadlines."
)

app = typer.Typer(
    name="qf",
    cls=GuardedGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"{_START}\n\n{_EXIT_STATUS}\n\n{_ENVIRONMENT}",
)


@app.callback()
def root(
    ctx: typer.Context, config: ConfigOption = None, as_json: JsonOption = False, agent: AgentOption = None
) -> None:
    """The internal client of the quotient familial suite, for caisse agents and operators.

    It talks gRPC to the services over mutual TLS, and changes the register in the name of a caisse's agent (art. 4-1).

    A NIR, a person's name or a password is never an argument: qf asks, or reads a file.
    """
    chosen = config or Path(os.environ.get("QF_CONFIG") or DEFAULT_CONFIG)
    named = os.environ.get("QF_AGENT")
    ctx.obj = GlobalOptions(chosen, as_json, agent or (parse_agent_name(named) if named else None))


for module, name, panel in (
    (caisse, "caisse", _REGISTER),
    (agent, "agent", _REGISTER),
    (partner, "partner", _REGISTER),
    (conventions, "convention", _REGISTER),
    (request, "request", _REGISTER),
    (users, "user", _REGISTER),
    (letter, "letter", _REGISTER),
    (bouquet, "bouquet", _REGISTER),
    (maintenance, "maintenance", _REGISTER),
    (session, "session", _SESSIONS),
    (use, "use", _SESSIONS),
    (outbox, "outbox", _SESSIONS),
    (dossiers, "dossiers", _FAMILIES),
    (opposition, "opposition", _FAMILIES),
    (journal, "journal", _FAMILIES),
    (person, "person", _FAMILIES),
    (keys, "keys", _TOOLS),
    (demo, "demo", _TOOLS),
):
    app.add_typer(module.group, name=name, rich_help_panel=panel)
deadlines.add_to(app, _REGISTER)
history.add_to(app, _REGISTER)
events.add_to(app, _SESSIONS)
report.add_to(app, _FAMILIES)
retention.add_to(app, _FAMILIES)
status.add_to(app, _TOOLS)
