"""Dossiers in CSV: the same as in NDJSON, and why a row or a file is refused."""

import io
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.columns import KNOWN, FileRefused
from cli.csv_dossiers import CsvDossiers
from cli.dossier_rules import Dossier
from cli.refusals import Refusal
from tests.unit.cli.lines import NIR, line, parsed
from tests.unit.cli.rows import ROW, csv_file, row, rule_of

OTHER_NIR = "269054958815780"
SENTINEL = "ZQXJ7K"


def contents(file: bytes, after: int = 0) -> list[Dossier | Refusal | None]:
    return [entry.content for entry in CsvDossiers(io.BytesIO(file)).entries(after)]


def dossier(**changes: Any) -> Dossier:
    (content,) = contents(csv_file(row(**changes)))
    assert isinstance(content, Dossier), content
    return content


def refusal(**changes: Any) -> Refusal:
    (content,) = contents(csv_file(row(**changes)))
    assert isinstance(content, Refusal)
    return content


def file_refusal(file: bytes) -> str:
    with pytest.raises(FileRefused) as refused:
        contents(file)
    return rule_of(refused.value)


@pytest.mark.parametrize("separator", [";", ","])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("beginning", [b"", b"\xef\xbb\xbf"])
def test_a_row_is_the_dossier_that_a_line_of_ndjson_is(separator: str, end: str, beginning: bytes) -> None:
    file = beginning + csv_file(ROW, separator=separator, end=end)
    assert contents(file) == [parsed(line())]


def test_columns_stand_in_any_order_and_may_be_missing() -> None:
    cells = {"nir": NIR, "numero_dossier": "D1", "caisse": "21"}
    (content,) = contents(csv_file(cells))
    assert isinstance(content, Dossier)
    assert (content.caisse, content.quotient, content.allocataires) == ("21", None, ())


def test_a_row_has_several_allocataires_a_day_of_closing_and_says_what_is_complete() -> None:
    found = dossier(
        nir_2=OTHER_NIR,
        nom_naissance_2="DORMEVILLE",
        nom_naissance_3="ESCARNOT",
        allocataires_complets="oui",
        quotients_complets="non",
        radie_le="2027-02-01",
    )
    assert [nir.reveal() for nir in found.other_nirs] == [OTHER_NIR]
    assert [person.nom_naissance for person in found.allocataires] == [
        "VAUCLAIRON",
        "DORMEVILLE",
        "ESCARNOT",
    ]
    assert (found.holders_complete, found.quotients_complete) == (True, False)
    assert found.closed_from == date(2027, 2, 1)


def test_a_cell_in_quotes_may_hold_separator_and_quotes() -> None:
    assert dossier(lieu_dit='"LE ""MOULIN""; EN BAS"').adresse.lieu_dit == 'LE "MOULIN"; EN BAS'


@pytest.mark.parametrize("text", ["612,34", "1 612,34", "1.612,34", "612,", "-0,5"])
def test_a_decimal_comma_is_refused_by_name_with_the_remedy(text: str) -> None:
    why = refusal(valeur=text)
    assert (why.field, why.rule) == ("valeur", "VALEUR_COMMA")
    assert "decimal point" in why.reason


def test_a_decimal_comma_between_commas_is_a_cell_too_many() -> None:
    (content,) = contents(csv_file(row(valeur="612,34"), separator=","))
    assert isinstance(content, Refusal)
    assert content.rule == "CELL_COUNT"


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"mois": "13"}, "mois", "MONTH"),
        ({"mois": "novembre"}, "mois", "INTEGER"),
        ({"annee": "26"}, "annee", "YEAR"),
        ({"annee": ""}, "annee", "PERIOD_INCOMPLETE"),
        ({"valeur": "douze"}, "valeur", "VALEUR_NUMBER"),
        ({"valeur": "1e3"}, "valeur", "VALEUR_NUMBER"),
        ({"valeur": "612.345"}, "valeur", "VALEUR_DECIMALS"),
        ({"valeur": "-1"}, "valeur", "VALEUR_RANGE"),
        ({"valeur": "99999999999"}, "valeur", "VALEUR_RANGE"),
        ({"annee": "", "mois": ""}, "annee", "PERIOD_MISSING"),
        ({"fournisseur": "CNAF"}, "fournisseur", "FOURNISSEUR"),
        ({"nir": NIR[:-2] + "00"}, "nir", "NIR_KEY_MISMATCH"),
        ({"nir": ""}, "nir", "REQUIRED"),
        ({"nir_2": NIR[:-1]}, "nir_2", "NIR_LENGTH"),
        ({"nir_2": OTHER_NIR, "nir_3": OTHER_NIR}, "nir_3", "NIR_TWICE"),
        ({"radie_le": "01/02/2027"}, "radie_le", "DATE"),
        ({"allocataires_complets": "peut-être"}, "allocataires_complets", "BOOLEAN"),
        ({"lieu_dit": "A\x07B"}, "lieu_dit", "TEXT_CHARACTERS"),
        ({"prenoms": "A\x07B"}, "prenoms", "TEXT_CHARACTERS"),
        (
            {"annee": "", "mois": "", "valid_from": "2026-11-02", "valid_to": "2026-11-01"},
            "valid_to",
            "PERIOD_ORDER",
        ),
        ({"valid_from": "2026-11-02"}, "valid_from", "PERIOD_AMBIGUOUS"),
        ({"lieu_dit": '"LE MOULIN'}, "", "QUOTES"),
        ({"lieu_dit": '"LE" MOULIN'}, "", "QUOTES"),
        ({"lieu_dit": "LE; MOULIN"}, "", "CELL_COUNT"),
        ({"lieu_dit": "A\x00B"}, "", "NUL"),
        ({"lieu_dit": "x" * 300_000}, "", "LINE_TOO_LONG"),
    ],
)
def test_a_broken_rule_is_told_by_column_and_rule(changes: dict[str, str], field: str, rule: str) -> None:
    why = refusal(**changes)
    assert (why.field, why.rule) == (field, rule)


def by_days(first: str, last: str, valeur: str = "600", numero: str = "D1") -> dict[str, Any]:
    return row(annee="", mois="", valid_from=first, valid_to=last, valeur=valeur, numero_dossier=numero)


@pytest.mark.parametrize(
    ("rows", "overlapping"),
    [
        ([by_days("2026-01-01", "2026-06-30"), by_days("2026-07-01", "2026-12-31")], []),
        ([by_days("2026-07-01", "2026-12-31"), by_days("2026-01-01", "2026-06-30")], []),
        ([by_days("2026-01-01", ""), by_days("2026-07-01", "")], []),
        # The same first day corrects.
        ([by_days("2026-01-01", "2026-06-30"), by_days("2026-01-01", "2026-06-30", "700")], []),
        ([by_days("2026-01-01", "2026-06-30"), by_days("2026-06-30", "2026-12-31")], [1]),
        ([by_days("2026-06-01", ""), by_days("2026-01-01", "2026-06-30")], [1]),
        (
            [
                by_days("2026-01-01", "2026-12-31"),
                by_days("2026-02-01", "2026-02-28"),
                by_days("2027-01-01", ""),
            ],
            [1],
        ),
        ([by_days("2026-01-01", "2026-06-30"), by_days("2026-06-30", "", numero="D2")], []),
    ],
)
def test_rows_of_one_dossier_have_no_days_in_common(
    rows: list[dict[str, Any]], overlapping: list[int]
) -> None:
    refused = {
        place: content.rule
        for place, content in enumerate(contents(csv_file(*rows)))
        if isinstance(content, Refusal)
    }
    assert refused == dict.fromkeys(overlapping, "PERIODS_OVERLAP")


def test_a_file_that_is_cut_is_told_by_its_last_line() -> None:
    whole = csv_file(ROW, ROW)
    first, cut = contents(whole[:-1])
    assert isinstance(first, Dossier)
    assert isinstance(cut, Refusal)
    assert cut.rule == "CUT"


def test_blank_lines_and_rows_of_empty_cells_hold_nothing() -> None:
    assert contents(csv_file() + b"\n" + b";" * (len(ROW) - 1) + b"\r\n") == [None, None]


def test_lines_are_numbered_as_in_the_file_and_those_that_are_in_are_passed_over() -> None:
    file = csv_file(*[ROW] * 5)
    numbers = [entry.number for entry in CsvDossiers(io.BytesIO(file)).entries()]
    assert numbers == [2, 3, 4, 5, 6]
    assert [entry.number for entry in CsvDossiers(io.BytesIO(file)).entries(4)] == [5, 6]


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        (b"", "EMPTY"),
        (b"caisse\n", "SEPARATOR"),
        (b"caisse\tnumero_dossier\tnir\n", "SEPARATOR"),
        (b"caisse;numero_dossier;nir;matricule\n", "UNKNOWN_COLUMN"),
        (b"caisse;numero_dossier,nir\n", "UNKNOWN_COLUMN"),
        (b"caisse;nir\n", "MISSING_COLUMN"),
        (b"caisse;nir;nir;numero_dossier\n", "DUPLICATE_COLUMN"),
        (b'caisse;nir;numero_dossier;"pays\n', "QUOTES"),
        (b"caisse;\xe9\n", "UTF_8"),
    ],
)
def test_a_header_that_cannot_be_used_is_told(header: bytes, rule: str) -> None:
    assert file_refusal(header) == rule


def test_a_file_without_a_header_does_not_have_its_first_person_told() -> None:
    with pytest.raises(FileRefused) as refused:
        CsvDossiers(io.BytesIO(f"{NIR};D1;21\n".encode()))
    assert NIR not in f"{refused.value.message} {refused.value.remedy}"


@given(st.sampled_from(sorted(KNOWN)), st.text(max_size=20) | st.just(SENTINEL))
def test_any_text_in_any_cell_is_a_dossier_or_a_refusal_that_repeats_none_of_it(name: str, text: str) -> None:
    text = text.replace("\n", " ").replace("\ud800", "")
    file = csv_file(row(**{name: text.encode("utf-8", "ignore").decode()}))
    told = [f"{content}" for content in contents(file) if isinstance(content, Refusal)]
    assert all(SENTINEL not in each for each in told)
