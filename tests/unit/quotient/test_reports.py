"""Which months a report tells of, and when each begins and ends in Paris."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.clock import PARIS
from services.kit.errors import InvalidField
from services.quotient.reports.domain import month_bounds, read_report_months

MONTHS = st.builds(date, st.integers(1950, 2150), st.integers(1, 12), st.just(1))


@pytest.mark.parametrize(
    ("month", "begin", "end"),
    [
        pytest.param(
            date(2026, 1, 1),
            datetime(2025, 12, 31, 23, tzinfo=UTC),
            datetime(2026, 1, 31, 23, tzinfo=UTC),
            id="winter time",
        ),
        pytest.param(
            date(2026, 3, 1),
            datetime(2026, 2, 28, 23, tzinfo=UTC),
            datetime(2026, 3, 31, 22, tzinfo=UTC),
            id="to summer time",
        ),
        pytest.param(
            date(2026, 10, 1),
            datetime(2026, 9, 30, 22, tzinfo=UTC),
            datetime(2026, 10, 31, 23, tzinfo=UTC),
            id="to winter time",
        ),
    ],
)
def test_a_month_begins_and_ends_at_midnight_in_paris(month: date, begin: datetime, end: datetime) -> None:
    assert month_bounds(month) == (begin, end)


@given(month=MONTHS, length=st.integers(1, 36))
def test_no_instant_is_between_two_months_of_a_report_or_in_both(month: date, length: int) -> None:
    last = [month]
    while len(last) < length:
        last.append(month_bounds(last[-1])[1].astimezone(PARIS).date())
    months = read_report_months(month, last[-1])
    assert list(months) == last
    for before, after in pairwise(map(month_bounds, months)):
        assert before[0] < before[1] == after[0]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param(date(2026, 2, 1), date(2026, 1, 1), id="the last before the first"),
        pytest.param(date(2023, 1, 1), date(2026, 1, 1), id="37 months"),
    ],
)
def test_a_report_of_no_month_or_of_too_many_is_refused(first: date, last: date) -> None:
    with pytest.raises(InvalidField) as refused:
        read_report_months(first, last)
    (violation,) = refused.value.violations
    assert (violation.field, violation.rule) == ("last_month", "REPORT_LENGTH")


def test_three_years_are_told() -> None:
    assert len(read_report_months(date(2023, 1, 1), date(2025, 12, 1))) == 36
