"""A line is kept for whole months of the calendar in Paris, to the end of a day; the months that come are known."""

import calendar
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.kit.clock import PARIS, paris_date
from services.kit.errors import InvalidField
from services.quotient.retention.domain import (
    LONGEST_MONTHS,
    SHORTEST_MONTHS,
    first_kept_day,
    kept_from,
    months_to_prepare,
    read_retention_months,
)

DAYS = st.dates(date(2000, 1, 1), date(2150, 12, 31))
MONTHS = st.integers(SHORTEST_MONTHS, LONGEST_MONTHS)
INSTANTS = st.integers(946_684_800, 5_700_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def last_kept_day(day: date, months: int) -> date:
    """The rule, from the line's side: the day of the same number, or the last one of a shorter month."""
    years, month = divmod(12 * day.year + day.month - 1 + months, 12)
    return date(years, month + 1, min(day.day, calendar.monthrange(years, month + 1)[1]))


@given(today=DAYS, months=MONTHS)
@example(today=date(2027, 2, 28), months=36)
@example(today=date(2027, 3, 1), months=36)
@example(today=date(2028, 2, 29), months=12)
@example(today=date(2026, 3, 31), months=13)
def test_a_line_is_kept_to_the_end_of_its_last_day(today: date, months: int) -> None:
    first = first_kept_day(today, months)
    for distance in range(-4, 5):
        day = first + timedelta(days=distance)
        assert (day >= first) == (last_kept_day(day, months) >= today)


@pytest.mark.parametrize(
    ("today", "months", "expected"),
    [
        pytest.param(date(2026, 11, 24), 36, date(2023, 11, 24), id="a day like another"),
        pytest.param(date(2027, 2, 28), 36, date(2024, 2, 28), id="of 29 February, kept to 28 February"),
        pytest.param(date(2027, 3, 1), 36, date(2024, 3, 1), id="of 29 February, gone on 1 March"),
        pytest.param(date(2028, 2, 29), 48, date(2024, 2, 29), id="from leap year to leap year"),
        pytest.param(date(2028, 2, 29), 12, date(2027, 3, 1), id="today is 29 February"),
        pytest.param(date(2026, 5, 31), 12 + 1, date(2025, 5, 1), id="today is a 31st, April had none"),
        pytest.param(date(2027, 1, 1), 12, date(2026, 1, 1), id="the turn of the year"),
    ],
)
def test_the_first_day_that_is_kept(today: date, months: int, expected: date) -> None:
    assert first_kept_day(today, months) == expected


@given(now=INSTANTS, months=MONTHS)
def test_what_is_kept_begins_at_a_midnight_in_paris(now: datetime, months: int) -> None:
    begin = kept_from(now, months)
    assert begin.tzinfo is UTC
    assert begin.astimezone(PARIS).replace(tzinfo=None) == datetime.combine(
        first_kept_day(paris_date(now), months), datetime.min.time()
    )


@given(now=INSTANTS, later=st.timedeltas(timedelta(), timedelta(days=4000)), months=MONTHS)
def test_what_was_purged_once_is_never_kept_again(now: datetime, later: timedelta, months: int) -> None:
    assert kept_from(now, months) <= kept_from(now + later, months)


@given(now=INSTANTS, months=MONTHS)
def test_nothing_younger_than_a_year_is_purged(now: datetime, months: int) -> None:
    assert kept_from(now, months) <= now - timedelta(days=365)


@pytest.mark.parametrize("months", [12, 36, 120])
def test_a_caisse_keeps_its_lines_for_one_to_ten_years(months: int) -> None:
    assert read_retention_months("months", months) == months


@pytest.mark.parametrize("months", [-1, 0, 11, 121])
def test_another_retention_is_refused_by_its_rule(months: int) -> None:
    with pytest.raises(InvalidField) as refused:
        read_retention_months("months", months)
    (violation,) = refused.value.violations
    assert (violation.field, violation.rule) == ("months", "RETENTION")
    assert str(months) not in violation.description.split()


@given(now=INSTANTS)
@example(now=datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
@example(now=datetime(2026, 12, 31, 23, 30, tzinfo=UTC))
def test_there_is_room_for_this_month_and_the_next_three(now: datetime) -> None:
    months = months_to_prepare(now)
    assert months[0] <= now < months[1]
    assert len(months) == 4
    for month, following in pairwise(months):
        assert (month.day, month.time()) == (1, datetime.min.time())
        assert timedelta(days=28) <= following - month <= timedelta(days=31)
