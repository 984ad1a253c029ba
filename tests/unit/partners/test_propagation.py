"""When identity is told again (N3)."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.partners.propagation.domain import delay_after


@given(st.integers(1, 10**6))
def test_the_delay_grows_to_five_minutes_and_no_further(attempt: int) -> None:
    assert timedelta(seconds=2) <= delay_after(attempt) <= delay_after(attempt + 1) <= timedelta(minutes=5)


def test_the_first_delays_are_short() -> None:
    assert [delay_after(attempt).total_seconds() for attempt in (1, 2, 3, 9)] == [2, 4, 8, 300]
