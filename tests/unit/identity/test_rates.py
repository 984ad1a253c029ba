"""The limits of a minute, in whole microseconds."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.identity.sessions.rates import WINDOW, Rate

MICROSECOND = timedelta(microseconds=1)


@given(st.integers(1, 60_000_000))
def test_no_more_than_the_limit_fits_a_window_however_it_divides(limit: int) -> None:
    rate = Rate(limit)
    assert rate.capacity_us == limit * rate.cost_us
    assert WINDOW // MICROSECOND <= rate.capacity_us < WINDOW // MICROSECOND + limit


def test_600_a_minute_is_one_every_tenth_of_a_second() -> None:
    assert (Rate(600).cost_us, Rate(600).capacity_us) == (100_000, 60_000_000)
