"""The rule of opening hours (art. 4-6, 5): 05:00 to 23:00 in Europe/Paris, seven days a week.

Wall-clock time decides, so a day of 23 or 25 hours opens and closes on time.
"""

from datetime import UTC, datetime, time, timedelta

from services.kit.clock import PARIS
from services.kit.config import Section

OPENING = time(5)
CLOSING = time(23)


class HoursSettings(Section):
    """Opening hours (art. 5). `always_open` is for trying the suite, never for production."""

    always_open: bool = False


def is_open(instant: datetime) -> bool:
    """Whether `instant` lies within the hours; they begin with 05:00 and end before 23:00."""
    return OPENING <= instant.astimezone(PARIS).time() < CLOSING


def next_opening(instant: datetime) -> datetime:
    """The first opening after `instant`, in UTC."""
    return _next(OPENING, instant)


def next_closing(instant: datetime) -> datetime:
    """The first closing after `instant`, in UTC; at closing time itself, that of the next day."""
    return _next(CLOSING, instant)


def _next(wall_time: time, instant: datetime) -> datetime:
    local = instant.astimezone(PARIS)
    day = local.date() if local.time() < wall_time else local.date() + timedelta(days=1)
    return datetime.combine(day, wall_time, PARIS).astimezone(UTC)
