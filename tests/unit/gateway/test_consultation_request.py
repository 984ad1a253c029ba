"""What a consultation must say."""

from datetime import date
from typing import Any

import pytest

from gateway.domain import Consultation, Purpose, Query, parse_consultation
from services.kit.errors import InvalidField

NIR = "2 84 05 21 231 001 06"
TODAY = date(2026, 11, 23)


def parse(**changed: Any) -> Consultation:
    fields = {"nir": NIR, "month": "", "purpose": 2, "purpose_text": "", "case_reference": ""}
    return parse_consultation(Query(**{**fields, **changed}), TODAY)


def broken_rules(**changed: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidField) as refused:
        parse(**changed)
    for violation in refused.value.violations:
        assert NIR.replace(" ", "") not in violation.description
    return [(violation.field, violation.rule) for violation in refused.value.violations]


def test_without_a_month_the_present_one_is_meant() -> None:
    consultation = parse()
    assert consultation.month == date(2026, 11, 1)
    assert consultation.purpose is Purpose.PRICING


@pytest.mark.parametrize(
    "month", ["2026-1", "2026-13", "2026-00", "26-11", "2026-11-01", "novembre", "1899-12", "2200-01"]
)
def test_a_month_is_a_year_and_a_month(month: str) -> None:
    assert broken_rules(month=month) == [("month", "MONTH")]


def test_a_leap_month_is_read() -> None:
    assert parse(month="2028-02").month == date(2028, 2, 1)


@pytest.mark.parametrize("purpose", [0, 8, -1])
def test_a_purpose_must_be_said_art_6_1(purpose: int) -> None:
    assert broken_rules(purpose=purpose) == [("purpose", "PURPOSE")]


@pytest.mark.parametrize("month", ["1900-01", "2024-10", "2027-01", "2199-12"])
def test_whether_a_month_may_be_asked_for_is_an_outcome_and_no_broken_rule(month: str) -> None:
    assert f"{parse(month=month).month:%Y-%m}" == month


def test_another_purpose_is_said_in_words_art_1() -> None:
    assert parse(purpose=7, purpose_text=" Aide aux vacances ").purpose_text == "Aide aux vacances"


@pytest.mark.parametrize(
    ("purpose", "text", "rule"),
    [
        (7, "", "PURPOSE_TEXT"),
        (2, "Cantine", "PURPOSE_TEXT"),
        (7, "a" * 101, "TEXT"),
        (7, "a\nb", "TEXT"),
        (7, f"Famille {NIR}", "NIR_IN_TEXT"),
    ],
)
def test_words_stand_for_another_purpose_and_hold_no_nir(purpose: int, text: str, rule: str) -> None:
    assert broken_rules(purpose=purpose, purpose_text=text) == [("purpose_text", rule)]


@pytest.mark.parametrize("reference", ["Été 2026", "CLSH/2026-118", "a" * 64, "", "dossier_12.b"])
def test_a_case_reference_is_the_partners_own(reference: str) -> None:
    assert parse(case_reference=reference).case_reference == reference


@pytest.mark.parametrize("reference", ["a" * 65, "a\nb", "<b>", "a;b"])
def test_a_case_reference_has_no_other_characters(reference: str) -> None:
    assert broken_rules(case_reference=reference) == [("case_reference", "CASE_REFERENCE")]


@pytest.mark.parametrize(
    "reference",
    [NIR, NIR.replace(" ", ""), "ref 2840521231001", "2-84-05-21-231-001", "famille 284052A231001"],
)
def test_a_case_reference_holds_no_nir(reference: str) -> None:
    assert broken_rules(case_reference=reference) == [("case_reference", "NIR_IN_REFERENCE")]


def test_every_broken_rule_is_told_at_once() -> None:
    assert broken_rules(nir="1", month="x", purpose=7, purpose_text="", case_reference="?") == [
        ("nir", "NIR_LENGTH"),
        ("month", "MONTH"),
        ("purpose_text", "PURPOSE_TEXT"),
        ("case_reference", "CASE_REFERENCE"),
    ]


def test_where_no_purpose_is_said_its_words_are_not_complained_of() -> None:
    assert broken_rules(purpose=0, purpose_text="Aide aux vacances") == [("purpose", "PURPOSE")]


def test_a_consultation_does_not_print_its_person() -> None:
    printed = repr(parse(case_reference="Durand", purpose=7, purpose_text="Aide à Durand"))
    assert "28405" not in printed
    assert "Durand" not in printed
