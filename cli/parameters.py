"""Options that several commands share, and how a person or a user is read without becoming an argument (N5)."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import UsageFailed
from services.kit.clock import SystemClock, paris_date
from services.kit.nir import Nir

STANDARD_INPUT = Path("-")


def parse_day(text: str) -> date:
    """The day in `text`, "2026-11-23" or "today" (Europe/Paris). Raises typer.BadParameter."""
    if text == "today":
        return today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("give a day as YYYY-MM-DD, or today") from None


def today() -> date:
    """The present day in Europe/Paris."""
    return paris_date(SystemClock().now())


CaisseOption = Annotated[str, typer.Option("--caisse", metavar="CODE", help="Code of the caisse, e.g. 21.")]
PartnerOption = Annotated[str, typer.Option("--partner", metavar="UUID", help="The partner's identifier.")]
ConventionOption = Annotated[
    str, typer.Option("--convention", metavar="UUID", help="The convention's identifier.")
]
HabilitationOption = Annotated[
    str, typer.Option("--habilitation", metavar="UUID", help="The habilitation's identifier.")
]
OnePartnerOption = Annotated[
    str | None, typer.Option("--partner", metavar="UUID", help="Only this partner; else all of the caisse.")
]
ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="For the record; nobody's name belongs in it.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="At most so many lines.")]
NirFileOption = Annotated[
    Path | None,
    typer.Option(
        "--nir-file", metavar="FILE", help="Holds the NIR (- is standard input); without it qf asks for it."
    ),
]
UserFileOption = Annotated[
    Path | None,
    typer.Option(
        "--user-file",
        metavar="FILE",
        help='Holds {"nom": …, "prenom": …, "email": …} (- is standard input); else qf asks for each.',
    ),
]


def confirm(question: str, *, yes: bool) -> None:
    """Asks before what cannot be undone. Raises UsageFailed where there is nobody to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageFailed(f"{question} There is nobody to ask.", "Add --yes if that is meant.")
    typer.confirm(question, abort=True, err=True)


def read_nir(nir_file: Path | None) -> Nir:
    """The NIR in the file, from standard input, or as typed when asked. Raises InvalidField, UsageFailed."""
    if nir_file is not None and nir_file != STANDARD_INPUT:
        return Nir.parse(_read(nir_file).strip())
    if nir_file is None and sys.stdin.isatty():
        return Nir.parse(str(typer.prompt("NIR (13 characters and key)", err=True)))
    line = sys.stdin.readline().strip()
    if not line:
        raise UsageFailed(
            "There is no NIR on standard input.", "Type it when asked, or give a file with --nir-file."
        )
    return Nir.parse(line)


def read_user(user_file: Path | None) -> dict[str, str]:
    """`nom`, `prenom` and `email` of a user (annexe 2). Raises UsageFailed."""
    if user_file is None and sys.stdin.isatty():
        return {
            "nom": str(typer.prompt("Nom", err=True)),
            "prenom": str(typer.prompt("Prénom", err=True)),
            "email": str(typer.prompt("Adresse email", err=True)),
        }
    text = sys.stdin.read() if user_file is None or user_file == STANDARD_INPUT else _read(user_file)
    try:
        user = json.loads(text)
    except ValueError:
        user = None
    if not isinstance(user, dict) or user.keys() != {"nom", "prenom", "email"}:
        raise UsageFailed(
            "The user is not described as it must be.",
            'Give one JSON object with exactly "nom", "prenom" and "email", each a text.',
        )
    if not all(isinstance(value, str) for value in user.values()):
        raise UsageFailed("The user is not described as it must be.", "Each of the three is a text.")
    return user


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise UsageFailed(
            f"Cannot read {path}.", "Check that the file is there, readable and UTF-8."
        ) from None
