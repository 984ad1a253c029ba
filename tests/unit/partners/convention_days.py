"""Days on which a rule that counts days is easily wrong, and strategies that prefer them."""

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise

from hypothesis import strategies as st

from services.kit.clock import PARIS

DAY = timedelta(days=1)
FIRST, LAST = date(2019, 1, 1), date(2045, 12, 31)


def last_moment_of(day: date) -> datetime:
    """23:59:59.999999 in Paris, told in UTC."""
    return datetime.combine(day, time(23, 59, 59, 999_999), PARIS).astimezone(UTC)


def first_moment_of(day: date) -> datetime:
    """00:00 in Paris, told in UTC."""
    return datetime.combine(day, time(0), PARIS).astimezone(UTC)


def every_day(first: date, last: date) -> Iterator[date]:
    """The days from `first` to `last`, both included."""
    day = first
    while day <= last:
        yield day
        day += DAY


def _years() -> Iterator[date]:
    for year in range(FIRST.year, LAST.year + 1):
        for month in range(1, 13):
            yield date(year, month, calendar.monthrange(year, month)[1])


MONTH_ENDS = [*_years()]
LEAP_DAYS = [day for day in MONTH_ENDS if (day.month, day.day) == (2, 29)]
THREE_MONTHS_FROM_A_SHORT_ONE = [
    day for day in MONTH_ENDS if (day.month, day.day) in {(5, 31), (8, 31), (11, 30)}
]
CHANGES_OF_HOUR = [
    day
    for day, after in pairwise(every_day(FIRST, LAST))
    if first_moment_of(after) - first_moment_of(day) != DAY
]

_SPECIAL = st.one_of(
    st.sampled_from(LEAP_DAYS),
    st.sampled_from(THREE_MONTHS_FROM_A_SHORT_ONE),
    st.sampled_from(MONTH_ENDS),
    st.sampled_from(CHANGES_OF_HOUR),
)
SHIFTS = st.sampled_from([0, 0, 0, -1, 1])
_NEAR_SPECIAL = st.builds(lambda day, shift: min(max(day + shift * DAY, FIRST), LAST), _SPECIAL, SHIFTS)

DAYS = st.one_of(_NEAR_SPECIAL, _NEAR_SPECIAL, st.dates(FIRST, LAST))
ANY_DAYS = st.dates(date(1900, 1, 1), date(2199, 12, 31))


@cache
def next_special(day: date) -> date:
    """The first of the days that are easily wrong after `day`."""
    return min(
        special for special in (*MONTH_ENDS, *CHANGES_OF_HOUR, LAST) if special > day or special == LAST
    )
