"""How long a caisse keeps its lines of the journal, in whole months of the calendar (Europe/Paris)."""

import calendar
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from services.kit.clock import PARIS, paris_date
from services.kit.errors import FieldViolation, InvalidField

DEFAULT_MONTHS = 36
# Shorter, and a family that asks who looked would be answered too little; longer, and it is a file on families.
SHORTEST_MONTHS = 12
LONGEST_MONTHS = 120
# A service that is down for a quarter finds its months made when it is back.
MONTHS_AHEAD = 3


def read_retention_months(field: str, months: int) -> int:
    """How long a caisse wants to keep its lines, in months. Raises InvalidField naming `field`."""
    if not SHORTEST_MONTHS <= months <= LONGEST_MONTHS:
        raise InvalidField(
            FieldViolation(field, "RETENTION", f"lies between {SHORTEST_MONTHS} and {LONGEST_MONTHS} months")
        )
    return months


def first_kept_day(today: date, months: int) -> date:
    """The first day whose lines are kept.

    A line of the day d is kept to the end of the day that has the same number `months` later, or of the last one
    where that month is shorter: so are terms in months counted in French law.
    """
    year, month = _shifted(today.year, today.month, -months)
    last = calendar.monthrange(year, month)[1]
    if today.day <= last:
        return date(year, month, today.day)
    return date(year, month, last) + timedelta(days=1)


def kept_from(now: datetime, months: int) -> datetime:
    """Lines from this instant on, a midnight in Paris, are kept; those before it are to be purged."""
    return datetime.combine(first_kept_day(paris_date(now), months), time(), PARIS).astimezone(UTC)


def months_to_prepare(now: datetime) -> Sequence[datetime]:
    """The beginnings (UTC) of the present month and of the next ones: there lines will be written."""
    present = now.astimezone(UTC)
    shifted = (_shifted(present.year, present.month, ahead) for ahead in range(MONTHS_AHEAD + 1))
    return [datetime(year, month, 1, tzinfo=UTC) for year, month in shifted]


def _shifted(year: int, month: int, by: int) -> tuple[int, int]:
    years, months = divmod(12 * year + month - 1 + by, 12)
    return years, months + 1
