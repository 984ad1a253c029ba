"""`qf dossiers`: the caisses' files of dossiers and quotients (art. 3)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, TextIO

import grpc
import typer

from cli.application import Qf, command
from cli.errors import CommandFailed, ExitStatus, UsageFailed
from cli.ndjson import read_lines
from cli.parameters import STANDARD_INPUT
from cli.progress import LateProgress
from cli.publication import Publication, RefusedLine, Tally
from msa.quotient.v1 import dossier_service_pb2_grpc as rpc

group = typer.Typer(no_args_is_help=True, help="Dossiers of families with their quotients.")
# So many refused lines are told on the screen; all of them go to the file of --refused.
_TOLD_LINES = 20


@command(
    group,
    "import",
    examples=[
        "qf dossiers import dossiers.ndjson",
        "qf dossiers import dossiers.ndjson --refused refused.ndjson",
        "qf demo data --dossiers 1000 | qf dossiers import -",
    ],
)
def import_dossiers(
    qf: Qf,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="NDJSON, UTF-8; - is standard input.")],
    refused: Annotated[
        Path | None,
        typer.Option(
            "--refused", metavar="FILE", help="Write refused lines here: number, field, rule, reason."
        ),
    ] = None,
) -> None:
    """Imports dossiers, one JSON object a line. Good lines go in, bad ones are told by number, field and rule.

    The same file again changes nothing, so a run that was cut short is simply started again. Exit status 3 when lines
    were refused, 4 when the service went away.
    """
    if refused and file.exists() and refused.exists() and refused.samefile(file):
        raise UsageFailed("--refused names the file to import.", "Name another one; it is written anew.")
    with ExitStack() as resources:
        source, size_bytes = resources.enter_context(_opened(file))
        report = RefusalReport(qf, resources.enter_context(_refused_file(refused)) if refused else None)
        progress = resources.enter_context(LateProgress(qf.output.err, "Importing", size_bytes))

        def settled(tally: Tally, lines: Sequence[RefusedLine]) -> None:
            report.add(lines)
            progress.advance_to(tally.size_bytes, f"{tally.lines:,} lines")

        service = qf.services.quotient
        stub = rpc.DossierServiceStub(service.channel)
        publication = Publication(
            lambda requests: service.stream(stub.PublishDossiers, requests),
            settled,
        )
        try:
            tally = publication.publish(read_lines(source))
        except grpc.RpcError as error:
            raise _cut_short(service.explained(error), publication.tally) from None
        except OSError:
            raise _cut_short(_unreadable(file), publication.tally) from None
        except KeyboardInterrupt:
            raise _cut_short(_INTERRUPTED, publication.tally) from None
        seconds = progress.elapsed_seconds
    _summarise(qf, tally, report, seconds)


class RefusalReport:
    """Tells refused lines: the first ones on the screen, all of them in a file if there is one."""

    def __init__(self, qf: Qf, file: TextIO | None) -> None:
        self._qf = qf
        self._file = file
        self.told: list[dict[str, str | int]] = []

    def add(self, lines: Sequence[RefusedLine]) -> None:
        """Tells `lines`."""
        for line in lines:
            refusal = line.refusal
            row: dict[str, str | int] = {
                "line": line.number,
                "field": refusal.field,
                "rule": refusal.rule,
                "reason": refusal.reason,
            }
            if self._file is not None:
                self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
            if len(self.told) < _TOLD_LINES:
                self.told.append(row)
                what = refusal.field or "the line"
                self._qf.output.note(f"line {line.number}: {what} {refusal.reason} ({refusal.rule})")


def _summarise(qf: Qf, tally: Tally, report: RefusalReport, seconds: float) -> None:
    untold = tally.refused - len(report.told)
    if untold:
        qf.output.note(f"… and {untold} more refused lines; --refused FILE writes them all.")
    summary: dict[str, int | float] = {
        "created": tally.created,
        "updated": tally.updated,
        "unchanged": tally.unchanged,
        "refused": tally.refused,
        "blank_lines": tally.blank,
        "duration_seconds": round(seconds, 2),
        "lines_per_second": round(tally.lines / seconds) if seconds else 0,
    }
    if qf.output.as_json:
        qf.output.document({**summary, "refusals": report.told, "refusals_not_listed": untold})
    else:
        qf.output.record("Import", summary)
    if tally.refused:
        raise typer.Exit(ExitStatus.PARTLY)


def _cut_short(failed: CommandFailed, tally: Tally) -> CommandFailed:
    if not tally.last_line:
        return failed
    return CommandFailed(
        f"{failed.message} {tally.committed} lines are in, up to line {tally.last_line} of the file.",
        f"{failed.remedy} Then run the same command again: what is in stays as it is.",
        failed.status,
        failed.reason,
        failed.violations,
    )


_INTERRUPTED = CommandFailed(
    "The import was interrupted.", "Nothing is half done.", ExitStatus.INTERRUPTED, "INTERRUPTED"
)


@contextmanager
def _opened(file: Path) -> Iterator[tuple[BinaryIO, int | None]]:
    """The file and its size in bytes, which is not known of standard input."""
    if file == STANDARD_INPUT:
        yield sys.stdin.buffer, None
        return
    try:
        stream = file.open("rb")
    except OSError:
        raise _unreadable(file) from None
    with stream:
        yield stream, file.stat().st_size or None


def _unreadable(file: Path) -> UsageFailed:
    return UsageFailed(f"Cannot read {file}.", "Check that it is a file, is there, and is yours to read.")


@contextmanager
def _refused_file(file: Path) -> Iterator[TextIO]:
    try:
        stream = file.open("w", encoding="utf-8")
    except OSError:
        raise UsageFailed(f"Cannot write {file}.", "Check its folder and your rights there.") from None
    with stream:
        yield stream
