"""`qf events`: what happened to accounts and sessions, of everybody."""

import typer

from cli import security_events
from cli.application import Qf, command
from cli.parameters import LimitOption


def add_to(root: typer.Typer, panel: str) -> None:
    """Adds the command, which has no group of its own."""
    command(root, "events", examples=["qf events", "qf events --limit 500 --json"], panel=panel)(events)


def events(qf: Qf, limit: LimitOption = 50) -> None:
    """Shows what happened to accounts and sessions, newest first, of everybody; `qf user events` shows one user's.

    An event without an account is a sign-in with a login that nobody has, or concerns many accounts: see scope. Whose
    an account is: qf user show --account UUID. The table shows what fits a screen; --json shows every field.
    """
    security_events.show(
        qf,
        "Security events, newest first",
        "Nothing is on record.",
        ("event_time", "event", "account_id", "scope", "network_prefix", "trace_id"),
        limit,
    )
