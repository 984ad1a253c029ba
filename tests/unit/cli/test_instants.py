"""A time that is typed is one of Paris, once on its day, or has its offset."""

from datetime import UTC, datetime

import pytest
import typer

from cli.parameters import parse_instant


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-12-01 21:00", datetime(2026, 12, 1, 20, tzinfo=UTC)),
        ("2026-07-01T21:00:30", datetime(2026, 7, 1, 19, 0, 30, tzinfo=UTC)),
        ("2026-12-01T20:00Z", datetime(2026, 12, 1, 20, tzinfo=UTC)),
        ("2026-12-01 21:00+01:00", datetime(2026, 12, 1, 20, tzinfo=UTC)),
        # The nights on which the clocks change: before, after, and which of two.
        ("2026-10-25 01:59", datetime(2026, 10, 24, 23, 59, tzinfo=UTC)),
        ("2026-10-25 02:30+02:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25 02:30+01:00", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("2026-10-25 03:00", datetime(2026, 10, 25, 2, tzinfo=UTC)),
        ("2027-03-28 01:59", datetime(2027, 3, 28, 0, 59, tzinfo=UTC)),
        ("2027-03-28 03:00", datetime(2027, 3, 28, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_one_instant(text: str, instant: datetime) -> None:
    """Art. 5: hours are those of Paris."""
    assert parse_instant(text) == instant


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2027-03-28 02:30", "forward"),
        ("2026-10-25 02:30", "twice"),
        ("2026-12-01", "day and time"),
        ("20261201", "day and time"),
        ("21:00", "day and time"),
        ("tomorrow", "day and time"),
        ("", "day and time"),
        ("2026-12-01 25:00", "day and time"),
        ("0001-01-01 00:00", "day and time"),
        ("9999-12-31 23:59-12:00", "day and time"),
    ],
)
def test_what_is_no_time_or_two_is_refused_with_what_to_type(text: str, why: str) -> None:
    with pytest.raises(typer.BadParameter, match=why):
        parse_instant(text)
