"""When an account that nobody uses is disabled, and when its user is warned. Days are those of Paris."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from services.kit.clock import PARIS, paris_date

# The most urgent first.
WARNED_DAYS_BEFORE = (7, 30, 60)

_SHORTEST_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class UnusedAccount:
    """An account and its last use: a sign-in, or a password that the caisse issued."""

    account_id: UUID
    used_time: datetime


@dataclass(frozen=True)
class Disable:
    """The account is to be disabled."""


@dataclass(frozen=True)
class Warn:
    """The user is to be told that the account will be disabled on `disable_date`."""

    days_before: int
    disable_date: date


def disable_date(used_time: datetime) -> date:
    """The day on which an account is disabled: 12 months after the day of its last use.

    12 months after 29 February is 28 February.
    """
    day = paris_date(used_time)
    if (day.month, day.day) == (2, 29):
        return date(day.year + 1, 2, 28)
    return day.replace(year=day.year + 1)


def due(used_time: datetime, today: date) -> Disable | Warn | None:
    """What is to be done on the day `today`. Of the warnings that were missed, only the most urgent is."""
    last_day = disable_date(used_time)
    if today >= last_day:
        return Disable()
    for days_before in WARNED_DAYS_BEFORE:
        if last_day - today <= timedelta(days=days_before):
            return Warn(days_before, last_day)
    return None


def unused_since(today: date) -> datetime:
    """The instant since which an account has not been used, where anything is due on the day `today`."""
    latest_use = today + timedelta(days=max(WARNED_DAYS_BEFORE)) - _SHORTEST_YEAR
    return datetime.combine(latest_use + timedelta(days=1), time.min, PARIS).astimezone(UTC)
