"""French as the letters write it."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.letters.french import in_words, of, seat_lines


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2027, 3, 1), "1er mars 2027"),
        (date(2027, 8, 2), "2 août 2027"),
        (date(2028, 2, 29), "29 février 2028"),
        (date(2027, 12, 11), "11 décembre 2027"),
    ],
)
def test_a_day_is_written_in_words(day: date, words: str) -> None:
    assert in_words(day) == words.replace(" ", "\u00a0")


@given(st.dates())
def test_a_day_in_words_does_not_break_and_only_the_first_is_an_ordinal(day: date) -> None:
    words = in_words(day)
    assert not re.search(r"[ \t\n]", words)
    number, _, year = words.split("\u00a0")
    assert (number == "1er") == (day.day == 1)
    assert int(number.removesuffix("er")) == day.day
    assert int(year) == day.year


@given(st.dates(), st.dates())
def test_two_days_never_read_alike(one: date, other: date) -> None:
    assert (in_words(one) == in_words(other)) == (one == other)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Odette", "d’Odette"),
        ("Élise", "d’Élise"),
        ("Hélène", "d’Hélène"),
        ("Yvonne", "d’Yvonne"),
        ("œuvre", "d’œuvre"),
        ("Hassan", "de Hassan"),
        ("Yannick", "de Yannick"),
        ("Gaspard", "de Gaspard"),
        ("Madame Odette", "de Madame Odette"),
        ("4 Saisons", "de 4 Saisons"),
    ],
)
def test_a_name_elides_the_preposition_before_it(name: str, written: str) -> None:
    assert of(name) == written


@pytest.mark.parametrize(
    ("seat", "lines"),
    [
        (("3 place du Marché", "21998", "Montfaucelle"), ("3 place du Marché", "21998 MONTFAUCELLE")),
        (("", "21998", "Saint-Ormel-lès-Bois"), ("21998 SAINT-ORMEL-LÈS-BOIS",)),
        (("", "", ""), ()),
    ],
)
def test_an_address_ends_with_postal_code_and_commune_in_capitals(
    seat: tuple[str, str, str], lines: tuple[str, ...]
) -> None:
    assert seat_lines(*seat) == lines
