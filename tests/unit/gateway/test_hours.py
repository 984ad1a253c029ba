"""Opening hours as partners meet them (art. 4-6, 5): N4. The rule has its tests with the kit."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.hours import OpeningHours, ServiceClosed
from services.kit.clock import PARIS
from tests.clock import FakeClock


def at(text: str) -> FakeClock:
    """A clock at a wall-clock time in Paris."""
    return FakeClock(datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC))


@pytest.mark.parametrize(
    ("paris_time", "is_open", "next_change"),
    [
        ("2026-11-23T04:59:59.999999", False, "2026-11-23T04:00:00+00:00"),
        ("2026-11-23T05:00:00", True, "2026-11-23T22:00:00+00:00"),
        ("2026-11-23T22:59:59.999999", True, "2026-11-23T22:00:00+00:00"),
        ("2026-11-23T23:00:00", False, "2026-11-24T04:00:00+00:00"),
        # The night in which summer time begins, and the one in which it ends.
        ("2026-03-28T23:30:00", False, "2026-03-29T03:00:00+00:00"),
        ("2026-03-29T05:00:00", True, "2026-03-29T21:00:00+00:00"),
        ("2026-10-24T23:30:00", False, "2026-10-25T04:00:00+00:00"),
        ("2026-10-25T05:00:00", True, "2026-10-25T22:00:00+00:00"),
    ],
)
def test_the_state_and_its_next_change_are_told(paris_time: str, is_open: bool, next_change: str) -> None:
    state = OpeningHours(at(paris_time), always_open=False).state()
    assert state.is_open is is_open
    assert state.next_change_time == datetime.fromisoformat(next_change)


@pytest.mark.parametrize("paris_time", ["2026-11-23T04:59:59.999999", "2026-11-23T23:00:00"])
def test_a_closed_service_stops_everybody(paris_time: str) -> None:
    with pytest.raises(ServiceClosed):
        OpeningHours(at(paris_time), always_open=False).require_open()


def test_a_closed_service_says_how_long_to_wait() -> None:
    clock = at("2026-03-28T23:30:00")
    with pytest.raises(ServiceClosed) as closed:
        OpeningHours(clock, always_open=False).require_open()
    assert closed.value.retry_after_seconds == timedelta(hours=4, minutes=30).total_seconds()


@pytest.mark.parametrize(
    ("instant", "open_at"),
    [
        ("2026-11-23T21:59:59+00:00", "2026-11-23T21:59:59+00:00"),
        ("2026-11-23T22:00:00+00:00", "2026-11-24T04:00:00+00:00"),
        ("2026-11-24T04:00:00+00:00", "2026-11-24T04:00:00+00:00"),
        ("2026-03-29T01:30:00+00:00", "2026-03-29T03:00:00+00:00"),
    ],
)
def test_who_comes_in_the_night_is_served_when_it_opens(instant: str, open_at: str) -> None:
    hours, asked = OpeningHours(at("2026-01-01T12:00:00"), always_open=False), datetime.fromisoformat(instant)
    assert hours.first_open(asked) == datetime.fromisoformat(open_at)
    assert OpeningHours(at("2026-01-01T12:00:00"), always_open=True).first_open(asked) == asked


def test_an_open_service_stops_nobody() -> None:
    hours = OpeningHours(at("2026-11-23T05:00:00"), always_open=False)
    hours.require_open()
    assert hours.state().is_open


def test_a_demonstration_is_open_at_night_and_says_so() -> None:
    hours = OpeningHours(at("2026-11-23T02:00:00"), always_open=True)
    hours.require_open()
    assert hours.state().next_change_time is None
    assert "démonstration" in hours.in_french()
