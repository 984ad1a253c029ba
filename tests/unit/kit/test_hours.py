"""The rule of opening hours (art. 4-6, 5): N4."""

from datetime import UTC, datetime

import pytest

from services.kit.clock import PARIS
from services.kit.hours import is_open, next_closing, next_opening


def paris(text: str) -> datetime:
    """The instant of a wall-clock time in Paris, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize(
    ("paris_time", "expected"),
    [
        ("2026-11-23T04:59:59.999999", False),
        ("2026-11-23T05:00:00", True),
        ("2026-11-23T22:59:59.999999", True),
        ("2026-11-23T23:00:00", False),
        ("2026-11-23T00:00:00", False),
        ("2028-02-29T12:00:00", True),
        # Summer time begins (23 hours) and ends (25 hours) on these days.
        ("2026-03-29T04:59:59", False),
        ("2026-03-29T05:00:00", True),
        ("2026-03-29T22:59:59", True),
        ("2026-03-29T23:00:00", False),
        ("2026-10-25T04:59:59", False),
        ("2026-10-25T05:00:00", True),
        ("2026-10-25T23:00:00", False),
    ],
)
def test_the_service_is_open_from_5_to_23_every_day_art_5(paris_time: str, expected: bool) -> None:
    assert is_open(paris(paris_time)) is expected


@pytest.mark.parametrize(
    ("utc_time", "expected"),
    [
        ("2026-07-01T02:59:59", False),
        ("2026-07-01T03:00:00", True),
        ("2026-07-01T21:00:00", False),
        ("2026-12-01T03:59:59", False),
        ("2026-12-01T04:00:00", True),
        ("2026-12-01T21:30:00", True),
        ("2026-12-01T22:00:00", False),
    ],
)
def test_hours_are_those_of_paris_in_summer_and_winter(utc_time: str, expected: bool) -> None:
    assert is_open(datetime.fromisoformat(utc_time).replace(tzinfo=UTC)) is expected


@pytest.mark.parametrize(
    ("instant", "closing"),
    [
        ("2026-11-23T12:00:00", "2026-11-23T22:00:00+00:00"),
        ("2026-11-23T03:00:00", "2026-11-23T22:00:00+00:00"),
        ("2026-11-23T22:59:59.999999", "2026-11-23T22:00:00+00:00"),
        # What is opened at closing time and after, where a service is open at any hour, ends the day after.
        ("2026-11-23T23:00:00", "2026-11-24T22:00:00+00:00"),
        ("2026-11-23T23:59:59", "2026-11-24T22:00:00+00:00"),
        ("2026-12-31T23:30:00", "2027-01-01T22:00:00+00:00"),
        # The days on which summer time begins and ends, and the nights before.
        ("2026-03-29T01:30:00", "2026-03-29T21:00:00+00:00"),
        ("2026-03-28T23:30:00", "2026-03-29T21:00:00+00:00"),
        ("2026-03-28T12:00:00", "2026-03-28T22:00:00+00:00"),
        ("2026-10-25T02:30:00", "2026-10-25T22:00:00+00:00"),
        ("2026-10-24T23:30:00", "2026-10-25T22:00:00+00:00"),
        ("2026-10-24T12:00:00", "2026-10-24T21:00:00+00:00"),
    ],
)
def test_the_next_closing_is_at_23_in_paris_whatever_the_length_of_the_day(
    instant: str, closing: str
) -> None:
    assert next_closing(paris(instant)) == datetime.fromisoformat(closing)


def test_of_the_hour_that_there_is_twice_both_lead_to_the_same_closing() -> None:
    first, second = (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    assert next_closing(first) == next_closing(second) == datetime(2026, 10, 25, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "opening"),
    [
        ("2026-11-23T04:00:00", "2026-11-23T04:00:00+00:00"),
        ("2026-11-23T05:00:00", "2026-11-24T04:00:00+00:00"),
        ("2026-11-23T23:30:00", "2026-11-24T04:00:00+00:00"),
        ("2026-03-28T23:30:00", "2026-03-29T03:00:00+00:00"),
        ("2026-10-24T23:30:00", "2026-10-25T04:00:00+00:00"),
    ],
)
def test_the_next_opening_is_at_5_in_paris_whatever_the_length_of_the_night(
    instant: str, opening: str
) -> None:
    assert next_opening(paris(instant)) == datetime.fromisoformat(opening)


def test_instants_are_told_in_utc() -> None:
    noon = paris("2026-11-23T12:00:00")
    assert next_closing(noon).tzinfo is next_opening(noon).tzinfo is UTC
