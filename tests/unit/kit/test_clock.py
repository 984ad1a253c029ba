from datetime import UTC, date, datetime, timedelta

import pytest

from services.kit.clock import SystemClock, epoch_ms, from_epoch_ms, paris_date


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        pytest.param(
            datetime(2026, 1, 15, 22, 59, 59, tzinfo=UTC), date(2026, 1, 15), id="winter, before midnight"
        ),
        pytest.param(datetime(2026, 1, 15, 23, 0, tzinfo=UTC), date(2026, 1, 16), id="winter, midnight"),
        pytest.param(
            datetime(2026, 7, 15, 21, 59, 59, tzinfo=UTC), date(2026, 7, 15), id="summer, before midnight"
        ),
        pytest.param(datetime(2026, 7, 15, 22, 0, tzinfo=UTC), date(2026, 7, 16), id="summer, midnight"),
        # 2026-03-29 has 23 hours, 2026-10-25 has 25.
        pytest.param(datetime(2026, 3, 28, 23, 0, tzinfo=UTC), date(2026, 3, 29), id="short day begins"),
        pytest.param(
            datetime(2026, 3, 29, 21, 59, tzinfo=UTC), date(2026, 3, 29), id="short day, last minute"
        ),
        pytest.param(datetime(2026, 3, 29, 22, 0, tzinfo=UTC), date(2026, 3, 30), id="short day is over"),
        pytest.param(datetime(2026, 10, 24, 22, 0, tzinfo=UTC), date(2026, 10, 25), id="long day begins"),
        pytest.param(
            datetime(2026, 10, 25, 22, 59, tzinfo=UTC), date(2026, 10, 25), id="long day, last minute"
        ),
        pytest.param(datetime(2026, 10, 25, 23, 0, tzinfo=UTC), date(2026, 10, 26), id="long day is over"),
    ],
)
def test_a_day_is_a_day_in_paris(instant: datetime, day: date) -> None:
    assert paris_date(instant) == day


def test_milliseconds_there_and_back() -> None:
    instant = datetime(2026, 10, 25, 0, 30, 0, 123_000, tzinfo=UTC)
    assert from_epoch_ms(epoch_ms(instant)) == instant


def test_the_repeated_hour_in_paris_is_two_instants() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert epoch_ms(first + timedelta(hours=1)) - epoch_ms(first) == 3_600_000


def test_the_machines_clock_tells_utc_and_goes_on() -> None:
    earlier, later = SystemClock().now(), SystemClock().now()
    assert earlier.tzinfo is UTC
    assert earlier <= later
