"""Reads NDJSON: one dossier a line, a JSON object in UTF-8."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO

from cli.dossier_rules import Dossier, Entry, Object, parse_dossier, shown_key
from cli.refusals import LineRefused, Refusal
from cli.text_lines import Line, read_lines

_CUT = Refusal("", "CUT", "is cut: the file ends in the middle of it; get the whole file")


def read_ndjson(stream: BinaryIO, after: int = 0) -> Iterator[Entry]:
    """The lines of `stream`; those up to the line `after` are passed over."""
    for line in read_lines(stream):
        if line.number > after:
            yield Entry(line.number, line.size_bytes, None if line.is_blank else _content(line))


def parse_line(line: Line) -> Dossier:
    """The dossier on a line that is not blank. Raises LineRefused, and nothing else, on whatever it holds."""
    return parse_dossier(_decoded(line))


def _content(line: Line) -> Dossier | Refusal:
    try:
        return parse_line(line)
    except LineRefused as refused:
        is_half = line.is_cut and refused.refusal.rule in {"JSON", "UTF_8"}
        return _CUT if is_half else refused.refusal


def _decoded(line: Line) -> Object:
    try:
        document = _DECODER.decode(line.text())
    except (ValueError, RecursionError):
        raise LineRefused("", "JSON", "is not one JSON object on one line") from None
    if not isinstance(document, dict):
        raise LineRefused("", "JSON", "is not one JSON object on one line")
    return document


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise LineRefused(shown_key(twice), "DUPLICATE_FIELD", "stands twice in the same object")
    return members


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def _not_a_number(_: str) -> Decimal:
    return Decimal("NaN")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_without_duplicates, parse_float=_decimal, parse_constant=_not_a_number
)
