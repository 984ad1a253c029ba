"""What a line of an import says, and why one is refused."""

import io
import json
from datetime import date
from typing import Any

import pytest

from cli.dossier_rules import Adresse, Allocataire, Quotient
from cli.ndjson import read_ndjson
from cli.refusals import Refusal
from cli.text_lines import MAX_LINE_BYTES, read_lines
from tests.unit.cli.lines import DOSSIER, NIR, line, parsed, quotient, refusal


def test_a_line_of_api_particulier_is_read() -> None:
    dossier = parsed(line())
    assert (dossier.caisse, dossier.numero_dossier, dossier.nir.reveal()) == ("21", "D0001", NIR)
    assert dossier.quotient is not None
    assert (dossier.quotient.valid_from, dossier.quotient.valid_to) == (date(2026, 11, 1), None)
    assert dossier.quotient.amount_cents == 61234
    assert dossier.allocataires == (Allocataire("VAUCLAIRON", "", "JEANNE ÉLOÏSE"),)
    assert dossier.adresse == Adresse(
        destinataire="Madame Jeanne VAUCLAIRON",
        numero_libelle_voie="1 RUE DES ALISIERS",
        lieu_dit="LE MOULIN",
        code_postal_ville="21997 VALBRUNE",
        pays="FRANCE",
    )


def test_children_sexes_and_birth_dates_are_dropped() -> None:
    kept = repr([(vars(person), vars(parsed(line()).adresse)) for person in parsed(line()).allocataires])
    assert "LOÏC" not in kept
    assert "1985" not in kept


def test_a_dossier_does_not_print_its_people() -> None:
    shown = repr(parsed(line()))
    assert not any(word in shown for word in (NIR, "VAUCLAIRON", "ALISIERS", "61234", "D0001"))


@pytest.mark.parametrize(
    ("euros", "cents"),
    [
        ("0", 0),
        ("612", 61200),
        ("612.3", 61230),
        ("0.29", 29),
        ("1.15", 115),
        ("8.000000", 800),
        ("1e2", 10000),
        ("1.5E+1", 1500),
        ("0e99999", 0),
        ("21474836.47", 2**31 - 1),
    ],
)
def test_an_amount_is_read_to_the_cent(euros: str, cents: int) -> None:
    content = line(quotient_familial=quotient(valeur="@")).replace(b'"@"', euros.encode())
    found = parsed(content).quotient
    assert found is not None
    assert found.amount_cents == cents


@pytest.mark.parametrize(
    ("euros", "rule"),
    [
        ("-1", "VALEUR_RANGE"),
        ("-0.01", "VALEUR_RANGE"),
        ("0.001", "VALEUR_DECIMALS"),
        ("1e-3", "VALEUR_DECIMALS"),
        ("21474836.48", "VALEUR_RANGE"),
        ("1e999999999", "VALEUR_RANGE"),
        ("1e99999999999999999999", "VALEUR_NUMBER"),
        ("1e-999999999", "VALEUR_DECIMALS"),
        ("NaN", "VALEUR_NUMBER"),
        ("-Infinity", "VALEUR_NUMBER"),
        ('"612"', "VALEUR_NUMBER"),
        ("true", "VALEUR_NUMBER"),
        ("[1]", "VALEUR_NUMBER"),
    ],
)
def test_what_is_no_amount_is_refused(euros: str, rule: str) -> None:
    content = line(quotient_familial=quotient(valeur="@")).replace(b'"@"', euros.encode())
    assert (refusal(content).field, refusal(content).rule) == ("quotient_familial.valeur", rule)


@pytest.mark.parametrize("absent", [quotient(valeur=None), quotient(valeur=...), None])
def test_a_dossier_without_an_amount_goes_in_without_a_period(absent: Any) -> None:
    assert parsed(line(quotient_familial=absent)).quotient is None


@pytest.mark.parametrize("fournisseur", ["MSA", " msa ", "Msa", None, ...])
def test_a_file_of_the_msa_is_taken(fournisseur: Any) -> None:
    assert parsed(line(quotient_familial=quotient(fournisseur=fournisseur))).quotient is not None


@pytest.mark.parametrize("fournisseur", ["CNAF", "CAF", "MSA21"])
@pytest.mark.parametrize("valeur", [612.34, None])
def test_another_regimes_line_is_refused(fournisseur: str, valeur: float | None) -> None:
    why = refusal(line(quotient_familial=quotient(fournisseur=fournisseur, valeur=valeur)))
    assert (why.field, why.rule) == ("quotient_familial.fournisseur", "FOURNISSEUR")


BY_DAY = quotient(annee=..., mois=...)


@pytest.mark.parametrize(
    "changes",
    [
        {"quotient_familial": BY_DAY, "valid_from": "2026-09-01", "valid_to": "2026-11-30"},
        {"quotient_familial": {**BY_DAY, "valid_from": "2026-09-01", "valid_to": "2026-11-30"}},
        {"quotient_familial": {**BY_DAY, "valid_from": "2026-09-01"}, "valid_to": "2026-11-30"},
    ],
)
def test_days_of_validity_stand_beside_or_inside_the_quotient(changes: dict[str, Any]) -> None:
    found = parsed(line(**changes)).quotient
    assert found is not None
    assert (found.valid_from, found.valid_to) == (date(2026, 9, 1), date(2026, 11, 30))


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"valid_from": "2026-11-01"}, "valid_from", "PERIOD_AMBIGUOUS"),
        ({"valid_to": "2026-11-30"}, "valid_from", "PERIOD_AMBIGUOUS"),
        (
            {"quotient_familial": {**BY_DAY, "valid_from": "2026-11-01"}, "valid_from": "2026-11-01"},
            "valid_from",
            "PERIOD_AMBIGUOUS",
        ),
        ({"quotient_familial": BY_DAY}, "quotient_familial.annee", "PERIOD_MISSING"),
        ({"quotient_familial": quotient(mois=None)}, "quotient_familial.mois", "PERIOD_INCOMPLETE"),
        ({"quotient_familial": quotient(annee=...)}, "quotient_familial.annee", "PERIOD_INCOMPLETE"),
        ({"quotient_familial": BY_DAY, "valid_to": "2026-11-01"}, "valid_from", "PERIOD_INCOMPLETE"),
        (
            {"quotient_familial": BY_DAY, "valid_from": "2026-11-02", "valid_to": "2026-11-01"},
            "valid_to",
            "PERIOD_ORDER",
        ),
        ({"quotient_familial": BY_DAY, "valid_from": "2026-02-30"}, "valid_from", "DATE"),
        ({"quotient_familial": BY_DAY, "valid_from": "20260201"}, "valid_from", "DATE"),
        ({"quotient_familial": BY_DAY, "valid_from": "٢٠٢٦-٠٢-٠١"}, "valid_from", "DATE"),
        ({"quotient_familial": quotient(mois=13)}, "quotient_familial.mois", "MONTH"),
        ({"quotient_familial": quotient(annee=26)}, "quotient_familial.annee", "YEAR"),
        ({"quotient_familial": quotient(mois="11")}, "quotient_familial.mois", "INTEGER"),
        ({"quotient_familial": quotient(annee=True)}, "quotient_familial.annee", "INTEGER"),
        ({"quotient_familial": quotient(mois_calcul=1.5)}, "quotient_familial.mois_calcul", "INTEGER"),
        ({"quotient_familial": []}, "quotient_familial", "OBJECT"),
        ({"adresse": "1 RUE"}, "adresse", "OBJECT"),
        ({"adresse": {"lieu_dit": 7}}, "adresse.lieu_dit", "TEXT"),
        ({"adresse": {"lieu_dit": "A\u0007B"}}, "adresse.lieu_dit", "TEXT_CHARACTERS"),
        ({"allocataires": {}}, "allocataires", "LIST"),
        ({"allocataires": [{}, {"prenoms": []}]}, "allocataires[1].prenoms", "TEXT"),
        ({"allocataires": [{"date_naissance": 1990}]}, "allocataires[0].date_naissance", "TEXT"),
        ({"enfants": [1]}, "enfants", "LIST"),
        ({"nir": None}, "nir", "REQUIRED"),
        ({"nir": 285072100900153}, "nir", "TEXT"),
        ({"nir": NIR[:-2] + "00"}, "nir", "NIR_KEY_MISMATCH"),
        ({"nir": NIR[:-1]}, "nir", "NIR_LENGTH"),
        ({"caisse": " "}, "caisse", "REQUIRED"),
        ({"numero_dossier": None}, "numero_dossier", "REQUIRED"),
        ({"matricule": "x"}, "matricule", "UNKNOWN_FIELD"),
        ({NIR: "x"}, "(a field whose name is not shown)", "UNKNOWN_FIELD"),
    ],
)
def test_a_broken_rule_is_told_by_field_and_rule(changes: dict[str, Any], field: str, rule: str) -> None:
    why = refusal(line(**changes))
    assert (why.field, why.rule) == (field, rule)


OTHER_NIR = "269054958815780"


def test_a_dossier_has_several_allocataires_qfs_and_a_day_of_closing() -> None:
    dossier = parsed(
        line(
            allocataires=[
                {**DOSSIER["allocataires"][0], "nir": NIR},
                {"nom_naissance": "DORMEVILLE", "nir": f" {OTHER_NIR[:13]} {OTHER_NIR[13:]}"},
                {"nom_naissance": "ESCARNOT"},
            ],
            allocataires_complets=True,
            autres_quotients_familiaux=[
                {"valeur": 580, "annee": 2026, "mois": 9},
                {"valeur": 590.5, "valid_from": "2026-10-01", "valid_to": "2026-10-31"},
            ],
            quotients_complets=True,
            radie_le="2027-02-01",
        )
    )
    assert [nir.reveal() for nir in (dossier.nir, *dossier.other_nirs)] == [NIR, OTHER_NIR]
    assert [person.nom_naissance for person in dossier.allocataires] == [
        "VAUCLAIRON",
        "DORMEVILLE",
        "ESCARNOT",
    ]
    assert dossier.other_quotients == [
        Quotient(date(2026, 9, 1), None, 58000),
        Quotient(date(2026, 10, 1), date(2026, 10, 31), 59050),
    ]
    assert (dossier.holders_complete, dossier.quotients_complete) == (True, True)
    assert dossier.closed_from == date(2027, 2, 1)


def test_what_is_not_said_to_be_complete_is_not() -> None:
    dossier = parsed(line(allocataires_complets=None))
    assert (dossier.holders_complete, dossier.quotients_complete, dossier.closed_from) == (False, False, None)
    assert (dossier.other_nirs, dossier.other_quotients) == ([], [])


OTHERS = "autres_quotients_familiaux"


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"allocataires": [{"nir": OTHER_NIR[:-2] + "00"}]}, "allocataires[0].nir", "NIR_KEY_MISMATCH"),
        ({"allocataires": [{"nir": OTHER_NIR}] * 2}, "allocataires[1].nir", "NIR_TWICE"),
        ({"allocataires_complets": "oui"}, "allocataires_complets", "BOOLEAN"),
        ({"quotients_complets": 1}, "quotients_complets", "BOOLEAN"),
        ({"radie_le": "2026-13-01"}, "radie_le", "DATE"),
        ({OTHERS: {}}, OTHERS, "LIST"),
        ({OTHERS: [{"annee": 2026, "mois": 9}]}, f"{OTHERS}[0].valeur", "REQUIRED"),
        ({OTHERS: [{"valeur": 1}]}, f"{OTHERS}[0].annee", "PERIOD_MISSING"),
        ({OTHERS: [{"valeur": 1, "annee": 2026, "mois": 13}]}, f"{OTHERS}[0].mois", "MONTH"),
        ({OTHERS: [{"valeur": -1, "annee": 2026, "mois": 9}]}, f"{OTHERS}[0].valeur", "VALEUR_RANGE"),
        ({OTHERS: [{"valeur": 1, "fournisseur": "CNAF"}]}, f"{OTHERS}[0].fournisseur", "FOURNISSEUR"),
        ({OTHERS: [{"valeur": 1, "valid_to": "2026-01-01"}]}, f"{OTHERS}[0].valid_from", "PERIOD_INCOMPLETE"),
        ({OTHERS: [{"valeur": 1, "annee": 2026, "mois": 11}]}, f"{OTHERS}[0]", "PERIODS_OVERLAP"),
        (
            {OTHERS: [{"valeur": 1, "valid_from": "2026-10-01", "valid_to": "2026-11-01"}]},
            "quotient_familial",
            "PERIODS_OVERLAP",
        ),
    ],
)
def test_a_broken_rule_of_what_we_added_is_told_too(changes: dict[str, Any], field: str, rule: str) -> None:
    why = refusal(line(**changes))
    assert (why.field, why.rule) == (field, rule)


def test_a_file_that_is_cut_is_told_by_its_last_line() -> None:
    good = line()
    for end in (good[:-20], good[: good.index("É".encode()) + 1]):
        entries = list(read_ndjson(io.BytesIO(good + end)))
        assert [isinstance(each.content, Refusal) and each.content.rule for each in entries] == [False, "CUT"]


def test_a_last_line_that_is_whole_needs_no_end() -> None:
    (entry,) = read_ndjson(io.BytesIO(line().rstrip(b"\n")))
    assert entry.content == parsed(line())


def test_lines_that_are_in_are_passed_over() -> None:
    assert [each.number for each in read_ndjson(io.BytesIO(line() * 5), 3)] == [4, 5]


def test_fields_that_public_systems_add_inside_their_objects_are_passed_over() -> None:
    allocataires = [{**DOSSIER["allocataires"][0], "code_cog_insee_commune_naissance": "21999"}]
    quotient_familial = quotient(version="3")
    assert parsed(line(allocataires=allocataires, quotient_familial=quotient_familial)) == parsed(line())


def test_fields_may_be_null_or_missing() -> None:
    content = json.dumps({"caisse": "21", "numero_dossier": "D1", "nir": NIR, "enfants": None}).encode()
    dossier = parsed(content)
    assert (dossier.quotient, dossier.allocataires, dossier.adresse) == (None, (), Adresse())


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"{", "JSON"),
        (b"[]\n", "JSON"),
        (b"null", "JSON"),
        (b'"text"', "JSON"),
        (b"{} {}", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b'{"nir": ' + b"9" * 5000 + b"}", "JSON"),
        (b"\xff\xfe{\x00", "NUL"),
        (b'{"caisse": "\xe9"}', "UTF_8"),
        (b'{"caisse": "2\x00"}', "NUL"),
        (b'{"caisse": "21", "caisse": "22"}', "DUPLICATE_FIELD"),
        (b'{"adresse": {"pays": "A", "pays": "B"}}', "DUPLICATE_FIELD"),
        (b'\xef\xbb\xbf{"caisse": "21"}', "JSON"),
    ],
)
def test_what_is_no_dossier_is_refused(content: bytes, rule: str) -> None:
    assert refusal(content).rule == rule


def test_half_a_character_is_refused() -> None:
    content = line(numero_dossier="@").replace(b"@", rb"\ud800")
    assert refusal(content).rule == "TEXT_CHARACTERS"


def test_a_file_from_another_system_is_read_line_by_line() -> None:
    file = io.BytesIO(b"\xef\xbb\xbf" + line().replace(b"\n", b"\r\n") + b"\r\n\n" + line().rstrip(b"\n"))
    lines = list(read_lines(file))
    assert [(each.number, each.is_blank) for each in lines] == [(1, False), (2, True), (3, True), (4, False)]
    assert parsed(lines[0].content or b"") == parsed(lines[3].content or b"")


def test_a_line_of_ten_megabytes_is_refused_and_never_held() -> None:
    file = io.BytesIO(b"x" * 10_000_000 + b"\n" + line())
    too_long, good = read_lines(file)
    assert (too_long.number, too_long.content, too_long.size_bytes) == (1, None, 10_000_001)
    assert (good.number, good.content) == (2, line())


@pytest.mark.parametrize("length", [MAX_LINE_BYTES - 1, MAX_LINE_BYTES, MAX_LINE_BYTES + 1])
def test_the_longest_line_is_told_from_a_longer_one(length: int) -> None:
    lines = list(read_lines(io.BytesIO(b"y" * (length - 1) + b"\nz")))
    assert [each.size_bytes for each in lines] == [length, 1]
    assert (lines[0].content is None) == (length > MAX_LINE_BYTES)
