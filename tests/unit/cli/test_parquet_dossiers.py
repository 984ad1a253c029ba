"""Dossiers in Parquet: the same as in CSV and NDJSON, read a batch at a time, and why a row or a file is refused."""

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from cli.columns import FileRefused
from cli.dossier_rules import Dossier
from cli.parquet_dossiers import ParquetDossiers
from cli.refusals import Refusal
from tests.unit.cli.lines import NIR, line, parsed
from tests.unit.cli.rows import ROW, row, rule_of

TYPED = row(valeur=Decimal("612.34"), annee=2026, mois=11, annee_calcul=2026, mois_calcul=10)


def parquet_file(rows: Sequence[Mapping[str, Any]], row_group_size: int | None = None) -> bytes:
    stream = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(list(rows)), stream, row_group_size=row_group_size)
    return stream.getvalue()


def opened(file: bytes) -> ParquetDossiers:
    return ParquetDossiers(io.BytesIO(file))


def content(**changes: Any) -> Dossier | Refusal | None:
    (entry,) = opened(parquet_file([{**TYPED, **changes}])).entries()
    return entry.content


def refusal(**changes: Any) -> Refusal:
    refused = content(**changes)
    assert isinstance(refused, Refusal)
    return refused


def test_a_row_is_the_dossier_that_a_line_of_ndjson_is() -> None:
    assert content() == parsed(line())


@pytest.mark.parametrize("valeur", [Decimal("612.340"), 612.34, "612.34", " 612.34 "])
def test_an_amount_is_read_to_the_cent_whatever_its_type(valeur: Any) -> None:
    assert content(valeur=valeur) == parsed(line())


@pytest.mark.parametrize(
    "first", [date(2026, 9, 1), datetime.fromisoformat("2026-09-01T00:00"), "2026-09-01"]
)
def test_a_day_is_read_whatever_its_type(first: Any) -> None:
    found = content(annee=None, mois=None, valid_from=first)
    assert isinstance(found, Dossier)
    assert found.quotient is not None
    assert found.quotient.valid_from == date(2026, 9, 1)


def test_a_row_says_what_is_complete() -> None:
    found = content(allocataires_complets=True, quotients_complets=None, radie_le=date(2027, 2, 1))
    assert isinstance(found, Dossier)
    assert (found.holders_complete, found.quotients_complete) == (True, False)
    assert found.closed_from == date(2027, 2, 1)


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"valeur": "612,34"}, "valeur", "VALEUR_COMMA"),
        ({"valeur": 0.001}, "valeur", "VALEUR_DECIMALS"),
        ({"valeur": float("nan")}, "valeur", "VALEUR_NUMBER"),
        ({"valeur": -1}, "valeur", "VALEUR_RANGE"),
        ({"mois": 13}, "mois", "MONTH"),
        ({"nir": int(NIR)}, "nir", "TEXT"),
        ({"nir": NIR[:-1]}, "nir", "NIR_LENGTH"),
        ({"valid_from": datetime.fromisoformat("2026-09-01T12:00")}, "valid_from", "DATE"),
        ({"allocataires_complets": "oui"}, "allocataires_complets", "BOOLEAN"),
        ({"lieu_dit": "x" * 300_000}, "", "LINE_TOO_LONG"),
        (
            {"annee": None, "mois": None, "valid_from": date(2026, 2, 1), "valid_to": date(2026, 1, 1)},
            "valid_to",
            "PERIOD_ORDER",
        ),
    ],
)
def test_a_broken_rule_is_told_by_column_and_rule(changes: dict[str, Any], field: str, rule: str) -> None:
    why = refusal(**changes)
    assert (why.field, why.rule) == (field, rule)


def test_rows_of_one_dossier_have_no_days_in_common() -> None:
    year = {"annee": None, "mois": None, "valid_from": date(2026, 1, 1), "valid_to": date(2026, 12, 31)}
    rows = [{**TYPED, **year}, {**TYPED, **year, "valid_from": date(2026, 6, 1)}]
    contents = [entry.content for entry in opened(parquet_file(rows)).entries()]
    assert [isinstance(each, Refusal) and each.rule for each in contents] == [False, "PERIODS_OVERLAP"]


def test_a_row_of_nulls_holds_nothing() -> None:
    file = parquet_file([TYPED, dict.fromkeys(TYPED)])
    assert [entry.content is None for entry in opened(file).entries()] == [False, True]


@pytest.mark.parametrize("after", [0, 1, 9, 10, 11, 24, 25])
def test_rows_are_numbered_and_those_that_are_in_are_passed_over(after: int) -> None:
    rows = opened(parquet_file([TYPED] * 25, row_group_size=10))
    assert rows.row_count == 25
    assert [entry.number for entry in rows.entries(after)] == [*range(after + 1, 26)]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_file_that_is_cut_is_told(share: float) -> None:
    whole = parquet_file([TYPED] * 100)
    with pytest.raises(FileRefused) as refused:
        opened(whole[: int(share * len(whole))])
    assert rule_of(refused.value) == "PARQUET"


def test_a_file_that_is_damaged_within_is_told_where_the_damage_is_met() -> None:
    whole = bytearray(parquet_file([TYPED] * 50, row_group_size=10))
    middle = whole.index(b"PAR1") + len(whole) // 3
    whole[middle : middle + 400] = b"\xff" * 400
    with pytest.raises(FileRefused) as refused:
        list(opened(bytes(whole)).entries())
    assert rule_of(refused.value) == "PARQUET"


def test_unknown_and_missing_columns_are_told() -> None:
    with pytest.raises(FileRefused) as unknown:
        opened(parquet_file([{**ROW, "matricule": "x"}]))
    with pytest.raises(FileRefused) as missing:
        opened(parquet_file([{"caisse": "21"}]))
    assert (rule_of(unknown.value), rule_of(missing.value)) == ("UNKNOWN_COLUMN", "MISSING_COLUMN")
