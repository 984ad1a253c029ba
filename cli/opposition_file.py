"""Reads a register of oppositions: CSV with a line of column names, or NDJSON, one JSON object a line.

A line that cannot be used is told by field and rule, never by its values (N5).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar

from cli.errors import UsageFailed
from cli.refusals import LineRefused
from cli.text_lines import Line, read_lines
from msa.quotient.v1 import opposition_service_pb2 as pb
from services.kit.errors import InvalidField
from services.kit.messages import to_date
from services.kit.nir import Nir

COLUMNS = ("nir", "caisse", "partner", "received_on", "channel", "requester", "declared_by", "reference")
REQUIRED = ("nir", "caisse", "received_on")
_OPTIONAL = tuple(name for name in COLUMNS if name not in REQUIRED)
# A spreadsheet in French separates by semicolons.
_SEPARATORS = (";", ",")
_LINE_END = "\r\n"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

Fields = Mapping[str, str]
C = TypeVar("C", bound=StrEnum)


class Format(StrEnum):
    """How a register is written down."""

    CSV = "csv"
    NDJSON = "ndjson"


class Channel(StrEnum):
    """How an opposition was expressed."""

    LETTER = "letter"
    COUNTER = "counter"
    TELEPHONE = "telephone"
    ONLINE = "online"

    def to_message(self) -> pb.OppositionChannel.ValueType:
        """As the service names it."""
        return pb.OppositionChannel.Value(f"OPPOSITION_CHANNEL_{self.name}")


class Requester(StrEnum):
    """Who asked."""

    PERSON = "person"
    REPRESENTATIVE = "representative"

    def to_message(self) -> pb.OppositionRequester.ValueType:
        """As the service names it."""
        return pb.OppositionRequester.Value(f"OPPOSITION_REQUESTER_{self.name}")


class Declarant(StrEnum):
    """To whom the person objected: to the caisse (art. 6-3) or to the partner (annexe 1)."""

    CAISSE = "caisse"
    PARTNER = "partner"

    def to_message(self) -> pb.OppositionDeclarant.ValueType:
        """As the service names it."""
        return pb.OppositionDeclarant.Value(f"OPPOSITION_DECLARANT_{self.name}")


class Register:
    """The lines of a register; the column names of a CSV are read at once."""

    def __init__(self, stream: BinaryIO, written: Format) -> None:
        """Raises UsageFailed where the first line of a CSV does not name its columns."""
        self._lines = read_lines(stream)
        self._written = written
        if written is Format.CSV:
            self._separator, self._columns = _read_header(self._lines)

    def __iter__(self) -> Iterator[Line]:
        """The lines after the column names."""
        return self._lines

    def parse(self, line: Line) -> pb.RecordOppositionRequest:
        """The opposition on a line that is not blank. Raises LineRefused, and nothing else, on whatever it holds."""
        text = line.text().rstrip(_LINE_END)
        if self._written is Format.NDJSON:
            return _record(_json_fields(text))
        return _record(_csv_fields(text, self._separator, self._columns))


def format_of(file: Path, given: Format | None) -> Format:
    """How `file` is written: as was given, or as its name ends. Raises UsageFailed where neither tells."""
    endings = {".csv": Format.CSV, ".ndjson": Format.NDJSON, ".jsonl": Format.NDJSON}
    written = given or endings.get(file.suffix.lower())
    if written is None:
        raise UsageFailed(
            "The name of the file does not tell how it is written.", "Add --format csv or ndjson."
        )
    return written


def _read_header(lines: Iterable[Line]) -> tuple[str, Sequence[str]]:
    header = next((line for line in lines if not line.is_blank), None)
    try:
        text = "" if header is None else header.text().rstrip(_LINE_END)
        separator = next((each for each in _SEPARATORS if each in text), ",")
        columns = [name.strip() for name in _cells(text, separator)]
    except LineRefused:
        columns = []
    # Not repeated: where it is missing, the first line holds a person's data.
    if len(set(columns)) < len(columns) or not set(REQUIRED) <= set(columns) <= set(COLUMNS):
        raise UsageFailed(
            "The first line of the file does not name its columns as it must.",
            f"Name {', '.join(REQUIRED)}, and of {', '.join(_OPTIONAL)} those that there are, "
            "each once, separated by ; or , in UTF-8.",
        )
    return separator, columns


def _cells(text: str, separator: str) -> Sequence[str]:
    try:
        (row,) = csv.reader([text], delimiter=separator, strict=True)
    except (csv.Error, ValueError):
        raise LineRefused("", "CSV", "is not one line of CSV; a text in quotes ends on its line") from None
    return row


def _csv_fields(text: str, separator: str, columns: Sequence[str]) -> Fields:
    cells = _cells(text, separator)
    if len(cells) != len(columns):
        raise LineRefused("", "COLUMN_COUNT", "has another number of columns than the first line")
    return {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}


def _json_fields(text: str) -> Fields:
    try:
        document = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        _refuse_json()
    if not isinstance(document, dict):
        _refuse_json()
    if not document.keys() <= set(COLUMNS):
        raise LineRefused("", "UNKNOWN_FIELD", f"has another field than {', '.join(COLUMNS)}")
    for name, value in document.items():
        if not isinstance(value, str | None):
            raise LineRefused(name, "TEXT", "must be a text in quotes, or null")
    return {name: (value or "").strip() for name, value in document.items()}


def _refuse_json() -> NoReturn:
    raise LineRefused("", "JSON", "is not one JSON object on one line")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise LineRefused("", "DUPLICATE_FIELD", "has a field that stands twice")
    return members


def _record(fields: Fields) -> pb.RecordOppositionRequest:
    for name in REQUIRED:
        if not fields.get(name):
            raise LineRefused(name, "REQUIRED", "must be given")
    channel = _choice(fields, "channel", Channel)
    requester = _choice(fields, "requester", Requester)
    declarant = _choice(fields, "declared_by", Declarant)
    return pb.RecordOppositionRequest(
        nir=_nir(fields["nir"]).reveal(),
        scope=pb.OppositionScope(caisse_code=fields["caisse"], partner_id=fields.get("partner", "")),
        received_on=to_date(_day(fields["received_on"])),
        channel=channel_message(channel),
        requester=(requester or Requester.PERSON).to_message(),
        declarant=(declarant or Declarant.CAISSE).to_message(),
        reference=fields.get("reference", ""),
    )


def channel_message(channel: Channel | None) -> pb.OppositionChannel.ValueType:
    """A channel as the service names it; a family need not say."""
    return channel.to_message() if channel else pb.OPPOSITION_CHANNEL_UNSPECIFIED


def _nir(text: str) -> Nir:
    try:
        return Nir.parse(text)
    except InvalidField as error:
        violation = error.violations[0]
        raise LineRefused("nir", violation.rule, violation.description) from None


def _day(text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise LineRefused("received_on", "DATE", "must be a day of the calendar, YYYY-MM-DD")


def _choice(fields: Fields, name: str, choices: type[C]) -> C | None:
    text = fields.get(name, "").lower()
    if not text:
        return None
    try:
        return choices(text)
    except ValueError:
        raise LineRefused(name, "CHOICE", f"is {', '.join(choices)} or empty") from None
