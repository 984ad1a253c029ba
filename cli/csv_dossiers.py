"""Reads CSV: a header, then one row a line, in UTF-8, with `;` or `,` between the cells (RFC 4180)."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, BinaryIO

from cli.columns import KNOWN, Columns, FileRefused, SameDossier, in_columns
from cli.dossier_rules import Dossier, Entry, parse_dossier
from cli.refusals import LineRefused, Refusal
from cli.text_lines import Line, read_lines

_CUT = Refusal(
    "",
    "CUT",
    "has no line end: the file may be cut in the middle of it; get the whole file, or end its last line",
)
_AMOUNT = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{0,20})?", re.ASCII)
_COMMA_AMOUNT = re.compile(r"[+-]?[0-9 \u00a0\u202f.]*[0-9],[0-9]*", re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]{1,9}", re.ASCII)
_BOOLEANS: Mapping[str, bool] = {
    "oui": True,
    "true": True,
    "1": True,
    "non": False,
    "false": False,
    "0": False,
}
_INTEGERS = ("annee", "mois", "annee_calcul", "mois_calcul")
_BOOLEAN_COLUMNS = ("allocataires_complets", "quotients_complets")


class CsvDossiers:
    """A CSV file of dossiers."""

    def __init__(self, stream: BinaryIO) -> None:
        """Reads the header. Raises FileRefused where it cannot be used."""
        self._lines = read_lines(stream)
        if (header := next(self._lines, None)) is None:
            raise FileRefused("EMPTY", "The file is empty.", "Get the whole file.")
        self._table = _Table(_header(header))

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """The lines behind the header; those up to the line `after` are passed over."""
        for line in self._lines:
            if line.number > after:
                content = None if line.is_blank else self._table.content(line)
                yield Entry(line.number, line.size_bytes, content)


class _Table:
    """Rows under one header."""

    def __init__(self, header: str) -> None:
        """Raises FileRefused for a header that cannot be used."""
        self._delimiter = _delimiter(header)
        names = _names(header, self._delimiter)
        self._columns = Columns(names)
        self._integers = [(name, names.index(name)) for name in _INTEGERS if name in names]
        self._booleans = [(name, names.index(name)) for name in _BOOLEAN_COLUMNS if name in names]
        self._amount = names.index("valeur") if "valeur" in names else None
        self._same_dossier = SameDossier()

    def content(self, line: Line) -> Dossier | Refusal | None:
        """What is on a line; nothing where all of its cells are empty."""
        if line.is_cut:
            return _CUT
        try:
            cells: list[Any] = [cell.strip() or None for cell in _cells(line.text(), self._delimiter)]
            if not any(cells):
                return None
            return self._same_dossier.checked(parse_dossier(self._columns.root(self._typed(cells))))
        except LineRefused as refused:
            return in_columns(refused.refusal)

    def _typed(self, cells: list[Any]) -> list[Any]:
        if len(cells) != self._columns.count:
            raise LineRefused(
                "",
                "CELL_COUNT",
                f"has {len(cells)} cells where the header has {self._columns.count}; "
                "a cell that holds the separator stands in quotes",
            )
        for name, place in self._integers:
            cells[place] = cells[place] and _integer(name, cells[place])
        for name, place in self._booleans:
            cells[place] = cells[place] and _boolean(name, cells[place])
        if self._amount is not None:
            cells[self._amount] = cells[self._amount] and amount(cells[self._amount])
        return cells


def amount(text: str) -> Decimal:
    """Euros as they are written. Raises LineRefused."""
    if _AMOUNT.fullmatch(text):
        return Decimal(text)
    if _COMMA_AMOUNT.fullmatch(text):
        raise LineRefused(
            "valeur",
            "VALEUR_COMMA",
            "has a decimal comma; export amounts with a decimal point and without separators of thousands",
        )
    raise LineRefused("valeur", "VALEUR_NUMBER", "must be a number of euros, with a decimal point, or empty")


def _integer(name: str, text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise LineRefused(name, "INTEGER", "must be a whole number, or empty")
    return int(text)


def _boolean(name: str, text: str) -> bool:
    if (value := _BOOLEANS.get(text.lower())) is None:
        raise LineRefused(name, "BOOLEAN", "must be oui or non, or empty")
    return value


def _header(line: Line) -> str:
    try:
        return line.text()
    except LineRefused as refused:
        raise _unusable_header(refused.refusal) from None


def _names(header: str, delimiter: str) -> list[str]:
    try:
        return [name.strip() for name in _cells(header, delimiter)]
    except LineRefused as refused:
        raise _unusable_header(refused.refusal) from None


def _unusable_header(refusal: Refusal) -> FileRefused:
    return FileRefused(refusal.rule, f"The first line {refusal.reason}.", "It names the columns.")


def _delimiter(header: str) -> str:
    """The one separator under which the header names known columns only."""
    for delimiter in (";", ","):
        if delimiter in header and all(name.strip().strip('"') in KNOWN for name in header.split(delimiter)):
            return delimiter
    if any(other in header for other in (";", ",")):
        # One of its columns is at fault: told by its name.
        return max((";", ","), key=header.count)
    raise FileRefused(
        "SEPARATOR",
        "The first line has neither ; nor , between names of columns.",
        "Export the file with a semicolon between the cells; its first line names the columns.",
    )


def _cells(text: str, delimiter: str) -> list[str]:
    text = text.rstrip("\r\n")
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise LineRefused(
            "",
            "QUOTES",
            'has a quote that is not closed on the line, or not written twice within quotes ("")',
        ) from None
