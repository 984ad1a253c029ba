"""French as letters write it: days in words, addresses, the elision before a name."""

import re
import unicodedata
from datetime import date

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"

_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
# A mute h is the rule before e, i, o, u and y, as in Hélène; before a it is the exception, as in Hassan.
_ELIDES = re.compile(r"h?[eiou]|a|œ|æ|h?y(?![aeiou])", re.IGNORECASE)


def in_words(day: date) -> str:
    """`day` as « 1er mars 2027 », which does not break over two lines."""
    number = "1er" if day.day == 1 else str(day.day)
    return NO_BREAK_SPACE.join((number, _MONTHS[day.month - 1], f"{day.year:04d}"))


def of(name: str) -> str:
    """« d’Odette », « de Gaspard »: `name` after the preposition, as far as its letters tell the elision."""
    return f"d’{name}" if _ELIDES.match(_without_accents(name)) else f"de {name}"


def seat_lines(street: str, postal_code: str, commune: str) -> tuple[str, ...]:
    """An address in the order of NF Z 10-011: the street, then postal code and commune in capitals."""
    last = " ".join(filter(None, (postal_code, commune.upper())))
    return tuple(filter(None, (street, last)))


def _without_accents(text: str) -> str:
    return "".join(
        character for character in unicodedata.normalize("NFD", text) if not unicodedata.combining(character)
    )
