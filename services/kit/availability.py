"""The availability that the caisse promises (art. 5): above 98 % of the opening hours, 05:00 to 23:00 in Europe/Paris.

Reckoned over a calendar month. A maintenance outside the opening hours takes nothing from it (art. 4-6).
"""

import calendar
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from services.kit.clock import PARIS, paris_date
from services.kit.hours import CLOSING, OPENING
from services.kit.window import Window

PROMISED_PERCENT = 98


@dataclass(frozen=True)
class MonthAvailability:
    """What a month promises; `month` is its first day."""

    month: date
    opening_time: timedelta
    closed_time: timedelta

    @property
    def basis_points(self) -> int:
        """How much of the opening hours is left, in hundredths of a percent, rounded down."""
        return (self.opening_time - self.closed_time) * 10_000 // self.opening_time

    @property
    def keeps_promise(self) -> bool:
        """Whether more than 98 % is left (art. 5)."""
        return (self.opening_time - self.closed_time) * 100 > self.opening_time * PROMISED_PERCENT


def month_availability(day: date, windows: Iterable[Window]) -> MonthAvailability:
    """The availability of the month in which `day` lies, given all times without service, which do not overlap."""
    closed = list(windows)
    days = list(_opening_hours(day))
    return MonthAvailability(
        month=day.replace(day=1),
        opening_time=sum((each.end_time - each.start_time for each in days), timedelta()),
        closed_time=sum((_shared(each, window) for each in days for window in closed), timedelta()),
    )


def months_below_promise(planned: Window, windows: Iterable[Window]) -> list[MonthAvailability]:
    """The months of which `planned` takes so much that they no longer keep the promise (art. 5).

    `windows` are the other times without service. A month in which it takes no opening hour is not among them.
    """
    others = list(windows)
    months = {paris_date(instant).replace(day=1) for instant in (planned.start_time, planned.end_time)}
    return [
        whole
        for month in sorted(months)
        if month_availability(month, [planned]).closed_time
        and not (whole := month_availability(month, [planned, *others])).keeps_promise
    ]


def _opening_hours(day: date) -> Iterator[Window]:
    _, last = calendar.monthrange(day.year, day.month)
    for number in range(1, last + 1):
        opened = datetime.combine(day.replace(day=number), OPENING, PARIS).astimezone(UTC)
        closed = datetime.combine(day.replace(day=number), CLOSING, PARIS).astimezone(UTC)
        yield Window(opened, closed)


def _shared(one: Window, other: Window) -> timedelta:
    shared = min(one.end_time, other.end_time) - max(one.start_time, other.start_time)
    return max(shared, timedelta())
