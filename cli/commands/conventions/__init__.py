"""`qf convention`: contracts of a partner with a caisse, from the draft to the end of secrecy (art. 2, 6-1, 9, 10)."""

import typer

from cli.commands.conventions import contract, endings, force_majeure, papers, provider, shown

group = typer.Typer(
    no_args_is_help=True,
    help="Conventions: signature, CNIL declaration, letters, end, and what each day brings (art. 2, 6-1, 9, 10).",
)
for part in (contract, endings, papers, shown):
    group.add_typer(part.group)
group.add_typer(force_majeure.group, name="force-majeure", rich_help_panel="How it ends")
group.add_typer(provider.group, name="provider", rich_help_panel="On the way")
