from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.errors import InvalidField
from services.mailer.domain import EmailAddress
from services.partners.fields import calendar_date, email_address, required_text


@pytest.mark.parametrize(
    ("parts", "rule"),
    [
        ((0, 0, 0), "DATE_REQUIRED"),
        ((2026, 11, 0), "DATE_INCOMPLETE"),
        ((2026, 0, 23), "DATE_INCOMPLETE"),
        ((0, 11, 23), "DATE_INCOMPLETE"),
        ((2026, 2, 29), "DATE_UNKNOWN"),
        ((2026, 13, 1), "DATE_UNKNOWN"),
        ((2026, -1, 1), "DATE_UNKNOWN"),
        ((10_000, 1, 1), "DATE_UNKNOWN"),
        ((1899, 12, 31), "DATE_RANGE"),
        ((2200, 1, 1), "DATE_RANGE"),
    ],
)
def test_a_date_that_is_no_whole_day_of_the_calendar_is_refused_by_its_rule(
    parts: tuple[int, int, int], rule: str
) -> None:
    with pytest.raises(InvalidField) as refused:
        calendar_date("signature_date", *parts)
    assert [(found.field, found.rule) for found in refused.value.violations] == [("signature_date", rule)]


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_every_day_of_three_centuries_is_a_date(day: date) -> None:
    assert calendar_date("end_date", day.year, day.month, day.day) == day


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1))
def test_a_date_of_any_numbers_is_read_or_refused(year: int, month: int, day: int) -> None:
    try:
        read = calendar_date("end_date", year, month, day)
    except InvalidField:
        return
    assert (read.year, read.month, read.day) == (year, month, day)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "LENGTH"),
        ("  \t ", "LENGTH"),
        ("x" * 11, "LENGTH"),
        ("a\nb", "CONTROL_CHARACTER"),
        ("a\0b", "CONTROL_CHARACTER"),
        ("a\u2028b", "CONTROL_CHARACTER"),
        ("a\u2029b", "CONTROL_CHARACTER"),
        ("a\u202eb", "CONTROL_CHARACTER"),
        ("a\u2066b", "CONTROL_CHARACTER"),
        ("a\u200bb", "CONTROL_CHARACTER"),
        ("a\u00adb", "CONTROL_CHARACTER"),
        ("\ufeff", "CONTROL_CHARACTER"),
    ],
)
def test_a_text_breaks_a_rule_without_being_repeated(text: str, rule: str) -> None:
    with pytest.raises(InvalidField) as refused:
        required_text("denomination", text, 10)
    (violation,) = refused.value.violations
    assert violation.rule == rule
    assert "a\nb" not in violation.description


def test_blanks_around_a_text_do_not_count() -> None:
    assert required_text("denomination", "  Mairie d’Étang \n", 14) == "Mairie d’Étang"


@pytest.mark.parametrize("nir", ["284052123100106", "2 84 05 21 231 001 06", "2840521231001"])
def test_no_text_of_the_register_holds_a_nir(nir: str) -> None:
    """N5: these texts are kept in clear."""
    with pytest.raises(InvalidField) as refused:
        required_text("reason", f"dossier {nir}, courrier", 100)
    (violation,) = refused.value.violations
    assert violation.rule == "NIR_IN_TEXT"
    assert nir not in violation.description


@pytest.mark.parametrize(
    "text", ["Mairie d’Étang-sur-Œuvre", "e\u0301cole", "Мэрия", "Nguyễn", "Ştefăn & fils n° 3"]
)
def test_names_of_every_language_are_texts(text: str) -> None:
    assert required_text("denomination", text, 100) == text


@pytest.mark.parametrize(
    "text",
    [
        "a.b@c.example",
        "zoe+qf@mairie.vallombreuse.example",
        "o'neil@c.example",
        "x" * 64 + "@c.example",
        "a@" + "c" * 63 + ".example",
        ".a@c.example",
        "a.@c.example",
        "a..b@c.example",
        "x" * 65 + "@c.example",
        "a@-c.example",
        "a@c-.example",
        "a@c",
        "a@c.example.",
        "a b@c.example",
        "a@b@c.example",
        '"a"@c.example',
        "é@c.example",
        "a\r\n@c.example",
    ],
)
def test_what_is_taken_for_an_address_can_be_written_to(text: str) -> None:
    """Of what the register takes, the mailer leaves nothing undelivered."""
    try:
        taken: str | None = email_address("email", text)
    except InvalidField:
        taken = None
    assert taken == (text if EmailAddress.parse(text) else None)
