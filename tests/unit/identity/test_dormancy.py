"""When an unused account is disabled, and when its user is warned."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.identity.dormancy.domain import (
    WARNED_DAYS_BEFORE,
    Disable,
    Warn,
    disable_date,
    due,
    unused_since,
)
from services.kit.clock import PARIS, paris_date

INSTANTS = st.timedeltas(timedelta(0), timedelta(days=150 * 365)).map(
    lambda elapsed: datetime(2000, 1, 1, tzinfo=UTC) + elapsed
)
LEAP_DAY = datetime(2024, 2, 29, 12, tzinfo=UTC)
# Used at noon on the first of March 2026: disabled on the first of March 2027.
USED = datetime(2026, 3, 1, 12, tzinfo=UTC)
DISABLED_ON = date(2027, 3, 1)


def paris(text: str) -> datetime:
    """The instant of a wall-clock time in Paris, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize(
    ("used_in_paris", "day"),
    [
        pytest.param("2026-11-23T09:00", date(2027, 11, 23), id="an ordinary day"),
        pytest.param("2026-11-23T00:00", date(2027, 11, 23), id="midnight begins the day"),
        pytest.param("2026-11-23T23:59:59.999999", date(2027, 11, 23), id="its last instant"),
        pytest.param("2026-01-15T00:30", date(2027, 1, 15), id="winter: still the day before in UTC"),
        pytest.param("2026-07-15T01:30", date(2027, 7, 15), id="summer: still the day before in UTC"),
        pytest.param("2025-12-31T23:59:59", date(2026, 12, 31), id="new year's eve"),
        pytest.param("2026-01-01T00:00", date(2027, 1, 1), id="new year: last year in UTC"),
        pytest.param("2024-02-29T12:00", date(2025, 2, 28), id="29 February"),
        pytest.param("2024-02-28T12:00", date(2025, 2, 28), id="28 February of a leap year"),
        pytest.param("2024-03-01T00:00", date(2025, 3, 1), id="first of March of a leap year"),
        pytest.param("2027-02-28T12:00", date(2028, 2, 28), id="28 February before a leap year"),
        pytest.param("2027-03-01T00:00", date(2028, 3, 1), id="first of March before a leap day"),
        pytest.param("2026-03-29T00:30", date(2027, 3, 29), id="the day of 23 hours"),
        pytest.param("2026-03-29T23:30", date(2027, 3, 29), id="the day of 23 hours, its evening"),
        pytest.param("2026-10-25T00:30", date(2027, 10, 25), id="the day of 25 hours"),
        pytest.param("2026-10-25T23:30", date(2027, 10, 25), id="the day of 25 hours, its evening"),
    ],
)
def test_an_account_is_disabled_12_months_after_its_last_use(used_in_paris: str, day: date) -> None:
    assert disable_date(paris(used_in_paris)) == day


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2026, 3, 1), None),
        (date(2026, 12, 30), None),
        (date(2026, 12, 31), Warn(60, DISABLED_ON)),
        (date(2027, 1, 29), Warn(60, DISABLED_ON)),
        (date(2027, 1, 30), Warn(30, DISABLED_ON)),
        (date(2027, 2, 21), Warn(30, DISABLED_ON)),
        (date(2027, 2, 22), Warn(7, DISABLED_ON)),
        (date(2027, 2, 28), Warn(7, DISABLED_ON)),
        (DISABLED_ON, Disable()),
        (date(2030, 1, 1), Disable()),
    ],
)
def test_the_user_is_warned_60_30_and_7_days_before(today: date, expected: Disable | Warn | None) -> None:
    assert due(USED, today) == expected


@given(INSTANTS)
@example(LEAP_DAY)
def test_the_day_is_the_same_one_a_year_later(used_time: datetime) -> None:
    used_on, disabled_on = paris_date(used_time), disable_date(used_time)
    assert disabled_on.year == used_on.year + 1
    assert disabled_on.month == used_on.month
    assert disabled_on.day == used_on.day or (used_on.month, used_on.day, disabled_on.day) == (2, 29, 28)


@given(INSTANTS, INSTANTS)
def test_who_signed_in_later_is_never_disabled_earlier(one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    assert disable_date(earlier) <= disable_date(later)


@given(INSTANTS, st.integers(min_value=-400, max_value=400))
@example(LEAP_DAY, 0)
def test_what_is_due_on_a_day_depends_on_the_days_left(used_time: datetime, days_left: int) -> None:
    last_day = disable_date(used_time)
    found = due(used_time, last_day - timedelta(days=days_left))
    match found:
        case Disable():
            assert days_left <= 0
        case Warn(days_before, day):
            assert day == last_day
            assert 0 < days_left <= days_before
            assert not [urgent for urgent in WARNED_DAYS_BEFORE if days_left <= urgent < days_before]
        case None:
            assert days_left > max(WARNED_DAYS_BEFORE)


@given(INSTANTS, st.integers(min_value=-5, max_value=75))
@example(LEAP_DAY, 60)
@example(LEAP_DAY + timedelta(days=1), 60)
@example(paris("2024-02-29T23:59:59.999999"), 60)
def test_whatever_is_due_is_found_among_the_unused(used_time: datetime, days_left: int) -> None:
    today = disable_date(used_time) - timedelta(days=days_left)
    if due(used_time, today) is not None:
        assert used_time < unused_since(today)


@given(INSTANTS)
def test_no_more_than_two_days_of_accounts_are_looked_at_in_vain(instant: datetime) -> None:
    today = paris_date(instant)
    assert due(unused_since(today) - timedelta(days=2), today) is not None
