"""Lines of a file that are refused: what is told of them, and where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from cli.errors import UsageFailed


@dataclass(frozen=True)
class Refusal:
    """Why a line is not used; holds no value of it."""

    field: str
    rule: str
    reason: str


class LineRefused(Exception):
    """A line breaks a rule."""

    def __init__(self, field_name: str, rule: str, reason: str) -> None:
        super().__init__(rule)
        self.refusal = Refusal(field_name, rule, reason)


@dataclass(frozen=True)
class RefusedLine:
    """A line that did not go in, and why."""

    number: int
    refusal: Refusal


@contextmanager
def resumed_report(file: Path | None, after: int) -> Iterator[TextIO | None]:
    """Where refused lines are written, if anywhere: behind what the file tells of the lines up to `after`.

    What is written is there at once, whatever becomes of the process. Raises UsageFailed.
    """
    if file is None:
        yield None
        return
    draft = file.with_name(f"{file.name}.partial")
    try:
        with draft.open("w", encoding="utf-8") as kept:
            kept.writelines(_told_before(file, after))
        draft.replace(file)
        stream = file.open("a", encoding="utf-8", buffering=1)
    except OSError:
        raise UsageFailed(f"Cannot write {file}.", "Check its folder and your rights there.") from None
    with stream:
        yield stream


def _told_before(file: Path, after: int) -> Iterator[str]:
    if after == 0 or not file.exists():
        return
    with file.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            if line.endswith("\n") and _number(line) <= after:
                yield line


def _number(line: str) -> float:
    """Of the line that is told; greater than any where this is no report of ours."""
    try:
        return int(json.loads(line)["line"])
    except (ValueError, TypeError, KeyError):
        return float("inf")
