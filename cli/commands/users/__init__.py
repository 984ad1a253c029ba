"""`qf user`: habilitations of a partner's named users and their credentials (art. 4-1, 4-2, 4-4, 5, 7-2)."""

import typer

from cli.commands.users import credentials, habilitation

group = typer.Typer(
    no_args_is_help=True, help="A partner's named users: their habilitation and their credentials."
)
for part in (habilitation, credentials):
    group.add_typer(part.group)
