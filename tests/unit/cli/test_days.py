"""A day is typed as people write it, and is one of Europe/Paris."""

from datetime import date

import pytest
import typer

from cli.parameters import parse_day, today


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2027-02-28", date(2027, 2, 28)),
        ("2027-02-28T23:59", date(2027, 2, 28)),
        ("2027-02-28 00:00:01", date(2027, 2, 28)),
        ("2027-02-28T22:59Z", date(2027, 2, 28)),
        ("2027-02-28T23:00Z", date(2027, 3, 1)),
        ("2027-06-30T22:00Z", date(2027, 7, 1)),
        ("2027-02-28T23:59-08:00", date(2027, 3, 1)),
    ],
)
def test_a_time_stands_for_its_day_in_paris(text: str, day: date) -> None:
    assert parse_day(text) == day


def test_today_is_a_day_too() -> None:
    assert parse_day("today") == today()


@pytest.mark.parametrize("text", ["", "yesterday", "28/02/2027", "2027-02-30", "0001-01-01T00:00+14:00"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_day(text)
