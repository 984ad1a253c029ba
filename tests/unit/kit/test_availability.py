from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.availability import month_availability, months_below_promise
from services.kit.clock import PARIS
from services.kit.window import Window

HOUR = timedelta(hours=1)


def paris(*when: int) -> datetime:
    return datetime(*when, tzinfo=PARIS).astimezone(UTC)  # type: ignore[misc,arg-type]  # year, month, day, hour


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 12, 9), 31 * 18),
        (date(2027, 2, 28), 28 * 18),
        (date(2028, 2, 1), 29 * 18),
        # The clocks change by night, when the service is closed.
        (date(2026, 10, 25), 31 * 18),
        (date(2027, 3, 28), 31 * 18),
    ],
)
def test_a_month_is_open_for_eighteen_hours_a_day_whenever_the_clocks_change(day: date, hours: int) -> None:
    """Art. 4-6, 5."""
    month = month_availability(day, [])
    assert (month.month, month.opening_time) == (day.replace(day=1), hours * HOUR)
    assert (month.basis_points, month.keeps_promise) == (10_000, True)


def test_what_lies_outside_the_opening_hours_costs_nothing() -> None:
    """Art. 5."""
    night = Window(paris(2026, 12, 1, 23), paris(2026, 12, 2, 5))
    assert month_availability(date(2026, 12, 1), [night]).closed_time == timedelta()
    assert months_below_promise(night, []) == []
    longer = Window(night.start_time - HOUR, night.end_time + 2 * HOUR)
    assert month_availability(date(2026, 12, 1), [longer]).closed_time == 3 * HOUR


def test_more_than_98_percent_is_promised_and_98_is_not_more() -> None:
    """Art. 5: of the 540 hours of November, 2 % are 10 h 48."""
    start = paris(2026, 11, 24, 5)
    limit = Window(start, start + 10 * HOUR + timedelta(minutes=48))
    (below,) = months_below_promise(limit, [])
    assert (below.month, below.basis_points, below.keeps_promise) == (date(2026, 11, 1), 9_800, False)
    assert months_below_promise(Window(start, limit.end_time - timedelta(seconds=1)), []) == []


def test_what_else_is_planned_counts_in_the_months_that_a_plan_takes_of() -> None:
    """Art. 5."""
    plan = Window(paris(2026, 12, 31, 20), paris(2027, 1, 1, 8))
    january = Window(paris(2027, 1, 11, 8), paris(2027, 1, 11, 18))
    assert [each.month for each in months_below_promise(plan, [january])] == [date(2027, 1, 1)]
    november = Window(paris(2026, 11, 2, 5), paris(2026, 11, 4, 5))
    assert months_below_promise(plan, [november]) == []
    # Until midnight of the last day: nothing is taken of the month that begins then.
    assert (
        months_below_promise(Window(paris(2026, 12, 31, 20), paris(2027, 1, 1, 0)), [january, january]) == []
    )


@given(
    since=st.timedeltas(timedelta(0), timedelta(days=700)),
    minutes=st.integers(1, 72 * 60),
    cut=st.floats(0, 1),
)
def test_a_time_cut_in_two_costs_as_much_as_in_one(since: timedelta, minutes: int, cut: float) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC) + since
    whole = Window(begin, begin + timedelta(minutes=minutes))
    middle = begin + (whole.end_time - begin) * cut
    halves = [Window(begin, middle), Window(middle, whole.end_time)]
    for day in (begin.date(), whole.end_time.date()):
        month = month_availability(day, [whole])
        assert month == month_availability(day, halves)
        assert timedelta() <= month.closed_time <= min(month.opening_time, whole.end_time - begin)
