"""Periods of months and years, counted from a day to the day of the same number.

Where the month has no such day, the period ends on its last one (the rule of art. 641 of the Code de procédure
civile).
"""

import calendar
from datetime import date

_MONTHS = 12


def years_after(day: date, years: int) -> date:
    """The day that lies `years` after `day`: 28 February after a 29 February, in a common year (art. 6-1, 9-1)."""
    return _on(day.year + years, day.month, day.day)


def months_before(day: date, months: int) -> date:
    """The day that lies `months` before `day`: 28 or 29 February, three months before 31 May (art. 9-2)."""
    year, month = divmod(day.year * _MONTHS + day.month - 1 - months, _MONTHS)
    return _on(year, month + 1, day.day)


def _on(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))
