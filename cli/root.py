"""The tree of commands."""

import os
from pathlib import Path

import typer

from cli.application import DEFAULT_CONFIG, ConfigOption, GlobalOptions, GuardedGroup, JsonOption
from cli.commands import (
    caisse,
    convention,
    demo,
    dossiers,
    events,
    journal,
    opposition,
    outbox,
    partner,
    session,
    status,
    user,
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
    "Environment: QF_CONFIG names the configuration; QF_CLI_SECTION__KEY overrides one key of it, e.g. "
    "QF_CLI_SERVICES__QUOTIENT__ADDRESS."
)
_START = (
    "Start: qf status; qf partner register; qf convention register; qf user register; qf dossiers import."
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
def root(ctx: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The internal client of the quotient familial suite, for caisse agents and operators.

    It talks gRPC to the services over mutual TLS with its own certificate.

    A NIR, a person's name or a password is never an argument: qf asks, or reads a file.
    """
    chosen = config or Path(os.environ.get("QF_CONFIG") or DEFAULT_CONFIG)
    ctx.obj = GlobalOptions(chosen, as_json)


for module, name, panel in (
    (caisse, "caisse", _REGISTER),
    (partner, "partner", _REGISTER),
    (convention, "convention", _REGISTER),
    (user, "user", _REGISTER),
    (session, "session", _SESSIONS),
    (outbox, "outbox", _SESSIONS),
    (dossiers, "dossiers", _FAMILIES),
    (opposition, "opposition", _FAMILIES),
    (journal, "journal", _FAMILIES),
    (demo, "demo", _TOOLS),
):
    app.add_typer(module.group, name=name, rich_help_panel=panel)
events.add_to(app, _SESSIONS)
status.add_to(app, _TOOLS)
