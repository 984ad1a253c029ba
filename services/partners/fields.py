"""Rules for fields that every subject shares."""

import unicodedata
from datetime import date

from services.kit.errors import FieldViolation, InvalidField

# Beyond these a year is a slip of the pen.
_FIRST_YEAR, _LAST_YEAR = 1900, 2199


def required_text(field: str, text: str, maximum_length: int) -> str:
    """`text` without blanks around it, 1 to `maximum_length` characters. Raises InvalidField naming `field`."""
    stripped = text.strip()
    if not 1 <= len(stripped) <= maximum_length:
        raise invalid(field, "LENGTH", f"must be 1 to {maximum_length} characters")
    if any(unicodedata.category(character) == "Cc" for character in stripped):
        raise invalid(field, "CONTROL_CHARACTER", "must be one line without control characters")
    return stripped


def calendar_date(field: str, year: int, month: int, day: int) -> date:
    """A whole day of the calendar; an absent date arrives as three zeros. Raises InvalidField naming `field`."""
    if (year, month, day) == (0, 0, 0):
        raise invalid(field, "DATE_REQUIRED", "must be given")
    if 0 in {year, month, day}:
        raise invalid(field, "DATE_INCOMPLETE", "must have a year, a month and a day")
    try:
        found = date(year, month, day)
    except ValueError:
        raise invalid(field, "DATE_UNKNOWN", "must be a day of the calendar") from None
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise invalid(field, "DATE_RANGE", f"must lie between {_FIRST_YEAR} and {_LAST_YEAR}")
    return found


def invalid(field: str, rule: str, description: str) -> InvalidField:
    """The refusal of one field by one rule."""
    return InvalidField(FieldViolation(field, rule, description))
