"""`qf demo`: invented data for trying and measuring."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, TextIO

import typer

from cli import people
from cli.application import Qf, command
from cli.errors import UsageFailed
from cli.parameters import STANDARD_INPUT, today
from cli.progress import LateProgress

group = typer.Typer(no_args_is_help=True, help="Invented people, for trying and measuring.")
# How often the progress is told.
_STRIDE = 1000


def parse_month(text: str) -> date:
    """The first day of the month in `text`, "2026-11". Raises typer.BadParameter."""
    try:
        if len(text) == len("2026-11"):
            return date.fromisoformat(f"{text}-01")
    except ValueError:
        pass
    raise typer.BadParameter("give a month as YYYY-MM")


@command(
    group,
    "data",
    examples=[
        "qf demo data --dossiers 1000 --out demo.ndjson",
        "qf demo data --dossiers 1000000 --months 1 --until 2026-11 | qf dossiers import -",
    ],
)
def data(
    qf: Qf,
    dossiers: Annotated[int, typer.Option("--dossiers", min=1, max=50_000_000, help="How many dossiers.")],
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same people.")] = 1,
    caisse: Annotated[
        str, typer.Option("--caisse", metavar="CODE", help="The caisse that holds them.")
    ] = "21",
    months: Annotated[
        int, typer.Option("--months", min=1, max=60, help="Up to so many months of history in each dossier.")
    ] = 3,
    until: Annotated[
        date | None,
        typer.Option(
            "--until", parser=parse_month, metavar="MONTH", help="Newest month; else the present one."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Where to; - is standard output.")
    ] = STANDARD_INPUT,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
) -> None:
    """Makes dossiers of invented people, as NDJSON for `qf dossiers import`.

    A dossier whose QF changed has several lines. The same --seed and --until make the same lines. No NIR can be
    a real person's.
    """
    made = people.dossiers(dossiers, seed, caisse, until or today().replace(day=1), months)
    lines = 0
    with _opened(out, force=force) as file, LateProgress(qf.output.err, "Inventing", dossiers) as progress:
        for line in made:
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
            lines += 1
            if lines % _STRIDE == 0:
                progress.advance_to(int(line["numero_dossier"][1:]), f"{lines:,} lines")
    if out != STANDARD_INPUT:
        qf.output.record(
            "Invented",
            {"file": str(out), "dossiers": dossiers, "lines": lines, "seed": seed, "caisse_code": caisse},
        )


@contextmanager
def _opened(out: Path, *, force: bool) -> Iterator[TextIO]:
    """Where the lines go. A file appears whole or not at all."""
    if out == STANDARD_INPUT:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # whatever the shell's locale says
        yield sys.stdout
        return
    if out.exists() and not force:
        raise UsageFailed(f"{out} is there already.", "Name another file, or overwrite it with --force.")
    draft = out.with_name(f"{out.name}.partial")
    try:
        with draft.open("w", encoding="utf-8") as stream:
            yield stream
        draft.replace(out)
    except OSError:
        raise UsageFailed(
            f"Cannot write {out}.", "Check the folder, your rights and the free space."
        ) from None
    finally:
        draft.unlink(missing_ok=True)
