"""`qf journal`: who consulted whose QF (RGPD art. 15; art. 6-3), and the proof that it is all there (N7)."""

import typer

from cli.commands.journal import exported, sealed, shown, verified

group = typer.Typer(
    no_args_is_help=True, help="The journal of consultations, and the proof that it is all there."
)
for part in (shown, sealed, exported, verified):
    group.add_typer(part.group)
