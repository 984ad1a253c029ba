"""What a command shows: tables for people, one JSON document for scripts, errors on standard error."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli import tables
from cli.errors import CommandFailed
from services.kit.clock import PARIS

Value = str | int | float | bool | date | datetime | Sequence[str] | None
Row = Mapping[str, Value]

# Wide enough that an identifier is never cut where nobody looks at the width.
_PIPE_WIDTH = 240
# What could drive the terminal if a record held it.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Output:
    """Standard output and standard error of one command."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._out = _console(stderr=False)
        self.err = _console(stderr=True)

    def record(self, title: str, row: Row) -> None:
        """Shows one record."""
        if self.as_json:
            self._json(row)
            return
        table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None)
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(overflow="fold")
        for key, value in row.items():
            table.add_row(_label(key), _cell(value))
        self._out.print(table)

    def records(
        self,
        title: str,
        rows: Sequence[Row],
        empty: str,
        columns: Sequence[str] = (),
        style: Callable[[Row], str] = lambda _: "",
    ) -> None:
        """Shows a list of records; `empty` where there is none. A table has `columns` only, JSON has everything.

        `style` is how a row of the table is to look.
        """
        if self.as_json:
            self._json(rows)
            return
        if not rows:
            self._out.print(Text(empty))
            return
        shown = columns or tuple(rows[0])
        cells = [
            tables.Column(_label(key), [_plain_words(row[key]) for row in rows], key.endswith("_id"))
            for key in shown
        ]
        styles = [style(row) for row in rows]
        if not self._out.is_terminal:
            self._out.print(tables.table(title, cells, styles))
            return
        for part in tables.fitted(title, cells, styles, self._out.width):
            self._out.print(part)

    def drawing(self, lines: Sequence[Text]) -> None:
        """Shows what is no table, line by line: for people only."""
        for line in lines:
            self._out.print(line)

    def document(self, document: Mapping[str, object] | Sequence[Mapping[str, object]]) -> None:
        """Shows what has no table: only where JSON is asked for."""
        self._json(document)

    def note(self, text: str) -> None:
        """Says something beside the result: for people only, on standard error."""
        if not self.as_json:
            self.err.print(Text(text), soft_wrap=True)

    def failure(self, failed: CommandFailed) -> None:
        """Says on standard error what is the matter and what to do."""
        if self.as_json:
            sys.stderr.write(_dumps({"error": _failure(failed)}) + "\n")
            return
        self.err.print(Text(f"qf: {failed.message} {failed.remedy}".rstrip(), style="red"), soft_wrap=True)
        if failed.violations:
            table = Table(box=None, pad_edge=False)
            for heading in ("field", "rule", "what the rule says"):
                table.add_column(heading, header_style="cyan", overflow="fold")
            for violation in failed.violations:
                table.add_row(*map(_cell, (violation.field, violation.rule, violation.description)))
            self.err.print(table)

    def _json(self, document: object) -> None:
        sys.stdout.write(_dumps(document) + "\n")


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def _failure(failed: CommandFailed) -> Mapping[str, object]:
    return {
        "reason": failed.reason,
        "message": failed.message,
        "remedy": failed.remedy,
        "exit_status": int(failed.status),
        "violations": [
            {"field": violation.field, "rule": violation.rule, "description": violation.description}
            for violation in failed.violations
        ],
    }


def _dumps(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in the output")


def _label(key: str) -> str:
    return key.replace("_", " ")


def harmless(text: str) -> str:
    """`text` without what could drive the terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _cell(value: Value) -> Text:
    return Text(_plain_words(value))


def _plain_words(value: Value) -> str:
    return harmless(words(value))


def words(value: Value) -> str:
    """`value` as a person reads it; instants in Europe/Paris."""
    match value:
        case None | "" | []:
            return "—"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value.astimezone(PARIS):%Y-%m-%d %H:%M:%S}"
        case str() | int() | float() | date():
            return str(value)
        case _:
            return " ".join(value)
