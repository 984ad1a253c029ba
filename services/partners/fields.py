"""Rules for fields that every subject shares."""

import re
import unicodedata
from datetime import date

from services.kit.errors import FieldViolation, InvalidField
from services.kit.nir import holds_nir

_REASON_LENGTH = 500
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_EMAIL_LENGTH = 254
# What mail servers of this country deliver to, and so the mailer: neither quoted nor non-ASCII local parts, and no dot
# at either end of one or behind another.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_EMAIL = re.compile(
    rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?\.)+[A-Za-z]{{2,63}}"
)
# Control characters, ends of lines, and signs that are not seen or turn round what follows: on a letter nobody could
# tell one name from another.
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
_NO_WORD = re.compile(r"[\W_]+")
# Beyond these a year is a slip of the pen.
_FIRST_YEAR, _LAST_YEAR = 1900, 2199


def required_text(field: str, text: str, maximum_length: int) -> str:
    """`text` without blanks around it, 1 to `maximum_length` characters. Raises InvalidField naming `field`."""
    stripped = text.strip()
    if not 1 <= len(stripped) <= maximum_length:
        raise invalid(field, "LENGTH", f"must be 1 to {maximum_length} characters")
    if any(unicodedata.category(character) in _UNSEEN for character in stripped):
        raise invalid(field, "CONTROL_CHARACTER", "must be one line without control or invisible characters")
    if holds_nir(stripped):
        # These texts are kept in clear, and a NIR is kept in clear nowhere (N5).
        raise invalid(field, "NIR_IN_TEXT", "must not contain a NIR")
    return stripped


def optional_text(field: str, text: str, maximum_length: int) -> str:
    """Like `required_text`; empty where nothing, or nothing but blanks, is given. Raises InvalidField."""
    return required_text(field, text, maximum_length) if text.strip() else ""


def reason_text(field: str, text: str) -> str:
    """Why something is done, for the record: 1 to 500 characters. Raises InvalidField naming `field`."""
    return required_text(field, text, _REASON_LENGTH)


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


def sha256_text(field: str, text: str) -> str:
    """A SHA-256 in hexadecimal, in lower case; empty where none is given. Raises InvalidField naming `field`."""
    if text and _SHA256.fullmatch(text) is None:
        raise invalid(field, "SHA256", "must be 64 hexadecimal digits")
    return text.lower()


def email_address(field: str, text: str) -> str:
    """An e-mail address. Raises InvalidField naming `field`; what was sent is not repeated (N5)."""
    stripped = text.strip()
    if len(stripped) > _EMAIL_LENGTH or _EMAIL.fullmatch(stripped) is None:
        raise invalid(field, "EMAIL", "must be an e-mail address, name@domain")
    return stripped


def folded_words(text: str) -> list[str]:
    """The words of a text without accents and capitals: "Hôtel-de-Ville" → hotel, de, ville."""
    spread = text.replace("œ", "oe").replace("Œ", "oe").replace("æ", "ae").replace("Æ", "ae")
    bare = "".join(
        character
        for character in unicodedata.normalize("NFKD", spread)
        if not unicodedata.combining(character)
    )
    return [word for word in _NO_WORD.split(bare.casefold()) if word]
