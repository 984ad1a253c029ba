"""French as letters write it: days and months in words, amounts, addresses, the elision before a name."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from services.kit.clock import PARIS, paris_date

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
# What a consultation was for (art. 1, 6-1), by the name of its purpose.
PURPOSES: Mapping[str | None, str] = {
    "ACTIVITY_REGISTRATION": "Inscription à une activité",
    "PRICING": "Calcul d’un tarif",
    "CANTEEN": "Restauration scolaire",
    "CHILDCARE": "Accueil d’enfants",
    "SOCIAL_AID": "Aide sociale",
    "RIGHTS_CHECK": "Vérification de droits",
    "OTHER": "Autre motif",
}

# What a habilitation opens (art. 4-2), by the name of its bouquet.
BOUQUETS: Mapping[str, str] = {
    "QUOTIENT_FAMILIAL": "Consultation du quotient familial",
    "QUOTIENT_FAMILIAL_RESPONSABLE": "Consultation du quotient familial et revue des consultations",
}

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


def month_in_words(day: date) -> str:
    """The month of `day` as « mars 2027 », which does not break over two lines."""
    return NO_BREAK_SPACE.join((_MONTHS[day.month - 1], f"{day.year:04d}"))


def moment_in_words(instant: datetime) -> str:
    """`instant` in Paris as « 1er mars 2027 à 9 h 05 »."""
    return f"{in_words(paris_date(instant))} à {_time_of_day(instant)}"


def span_in_words(since: datetime, until: datetime | None) -> str:
    """« depuis le 1er mars 2027 », or from when until when; within one day, with the times."""
    if until is None:
        return f"depuis le {in_words(paris_date(since))}"
    first, last = paris_date(since), paris_date(until)
    if first == last:
        return f"le {in_words(first)}, de {_time_of_day(since)} à {_time_of_day(until)}"
    return f"du {in_words(first)} au {in_words(last)}"


def validity_in_words(valid_from: date, valid_to: date | None) -> str:
    """The months of a QF where it is valid for whole ones, « de janvier 2027 à mars 2027 »; otherwise its days."""
    whole = valid_from.day == 1 and (valid_to is None or (valid_to + timedelta(days=1)).day == 1)
    if not whole:
        first = in_words(valid_from)
        return f"à partir du {first}" if valid_to is None else f"du {first} au {in_words(valid_to)}"
    first = month_in_words(valid_from)
    if valid_to is None:
        return f"à partir {of(first)}"
    last = month_in_words(valid_to)
    return first if first == last else f"{of(first)} à {last}"


def euros(amount_cents: int) -> str:
    """« 1 234,56 € », which does not break over two lines."""
    whole, cents = divmod(amount_cents, 100)
    return f"{whole:,}".replace(",", NO_BREAK_SPACE) + f",{cents:02d}{NO_BREAK_SPACE}€"


def of(name: str) -> str:
    """« d’Odette », « de Gaspard »: `name` after the preposition, as far as its letters tell the elision."""
    return f"d’{name}" if _ELIDES.match(_without_accents(name)) else f"de {name}"


def seat_lines(street: str, postal_code: str, commune: str) -> tuple[str, ...]:
    """An address in the order of NF Z 10-011: the street, then postal code and commune in capitals."""
    last = " ".join(filter(None, (postal_code, commune.upper())))
    return tuple(filter(None, (street, last)))


def _time_of_day(instant: datetime) -> str:
    local = instant.astimezone(PARIS)
    return NO_BREAK_SPACE.join((str(local.hour), "h", f"{local.minute:02d}"))


def _without_accents(text: str) -> str:
    return "".join(
        character for character in unicodedata.normalize("NFD", text) if not unicodedata.combining(character)
    )
