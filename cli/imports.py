"""What every import of a file does: opens it, tells refused lines, says what is in when it is cut short."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

import typer

from cli.application import Qf
from cli.errors import CommandFailed, ExitStatus, UsageFailed
from cli.parameters import STANDARD_INPUT
from cli.refusals import RefusedLine

# So many refused lines are told on the screen; all of them go to the file of --refused.
_TOLD_LINES = 20

INTERRUPTED = CommandFailed(
    "The import was interrupted.", "Nothing is half done.", ExitStatus.INTERRUPTED, "INTERRUPTED"
)


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

    def summarise(self, title: str, counts: dict[str, int], lines: int, seconds: float) -> None:
        """Shows the counts and the rate. Raises typer.Exit, with its own status, where lines were refused."""
        untold = counts["refused"] - len(self.told)
        if untold:
            self._qf.output.note(f"… and {untold} more refused lines; --refused FILE writes them all.")
        summary: dict[str, int | float] = {
            **counts,
            "duration_seconds": round(seconds, 2),
            "lines_per_second": round(lines / seconds) if seconds else 0,
        }
        if self._qf.output.as_json:
            self._qf.output.document({**summary, "refusals": self.told, "refusals_not_listed": untold})
        else:
            self._qf.output.record(title, summary)
        if counts["refused"]:
            raise typer.Exit(ExitStatus.PARTLY)


def require_other_file(refused: Path | None, file: Path) -> None:
    """Raises UsageFailed where refused lines would be written over the file to import."""
    if refused and file.exists() and refused.exists() and refused.samefile(file):
        raise UsageFailed("--refused names the file to import.", "Name another one; it is written anew.")


@contextmanager
def opened(file: Path) -> Iterator[tuple[BinaryIO, int | None]]:
    """The file and its size in bytes, which is not known of standard input. Raises UsageFailed."""
    if file == STANDARD_INPUT:
        yield sys.stdin.buffer, None
        return
    try:
        stream = file.open("rb")
    except OSError:
        raise unreadable(file) from None
    with stream:
        yield stream, file.stat().st_size or None


@contextmanager
def refused_file(file: Path | None) -> Iterator[TextIO | None]:
    """Where refused lines are written, if anywhere. Raises UsageFailed."""
    if file is None:
        yield None
        return
    try:
        stream = file.open("w", encoding="utf-8")
    except OSError:
        raise UsageFailed(f"Cannot write {file}.", "Check its folder and your rights there.") from None
    with stream:
        yield stream


def unreadable(file: Path) -> UsageFailed:
    """What to say of a file that cannot be read."""
    return UsageFailed(f"Cannot read {file}.", "Check that it is a file, is there, and is yours to read.")


def cut_short(failed: CommandFailed, committed: int, last_line: int) -> CommandFailed:
    """`failed`, with how far the import came."""
    if not last_line:
        return failed
    return CommandFailed(
        f"{failed.message} {committed} lines are in, up to line {last_line} of the file.",
        f"{failed.remedy} Then run the same command again: what is in stays as it is.",
        failed.status,
        failed.reason,
        failed.violations,
    )
