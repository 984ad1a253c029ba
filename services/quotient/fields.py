"""Rules of fields that every subject reads."""

import re
from datetime import date

from services.kit.errors import FieldViolation, InvalidField

BATCH_LIMIT = 500

_CAISSE_CODE = re.compile(r"[0-9]{2}")
# Nothing is valid outside; a year that is mistyped mostly is.
_YEARS = range(1900, 2200)


def read_caisse_code(field: str, text: str) -> str:
    """The code of a caisse, two digits. Raises InvalidField naming `field`."""
    if not _CAISSE_CODE.fullmatch(text):
        raise InvalidField(FieldViolation(field, "CAISSE_CODE", "is the two-digit code of a caisse"))
    return text


def read_day(field: str, year: int, month: int, day: int) -> date:
    """A day of the calendar. Raises InvalidField naming `field`."""
    try:
        found = date(year, month, day)
    except ValueError:
        raise InvalidField(FieldViolation(field, "DATE_NOT_REAL", "is a day of the calendar")) from None
    if found.year not in _YEARS:
        raise InvalidField(FieldViolation(field, "DATE_RANGE", "lies between the years 1900 and 2199"))
    return found


def require_batch_size(field: str, length: int, minimum: int = 0) -> None:
    """Raises InvalidField naming `field` for a batch that is too long or too short."""
    if not minimum <= length <= BATCH_LIMIT:
        raise InvalidField(FieldViolation(field, "BATCH_SIZE", f"has {minimum} to {BATCH_LIMIT} members"))
