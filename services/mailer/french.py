"""Days and lengths of time, as a letter writes them."""

from datetime import date, datetime

from services.kit.clock import PARIS

_WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MONTHS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)


def day_in_words(day: date) -> str:
    """For instance "mercredi 1er juillet 2026"."""
    number = "1er" if day.day == 1 else str(day.day)
    return f"{_WEEKDAYS[day.weekday()]} {number} {_MONTHS[day.month - 1]} {day.year}"


def instant_in_words(instant: datetime) -> str:
    """On the clocks of Paris, for instance "mercredi 1er juillet 2026 à 9 h 05"; the time of day is not broken."""
    local = instant.astimezone(PARIS)
    return f"{day_in_words(local.date())} à {local.hour}\u00a0h\u00a0{local.minute:02}"


def delay_in_words(due: date, today: date) -> str:
    """How far `due` is from `today`: "dans 30 jours", "demain", "aujourd’hui", "depuis hier", "depuis 3 jours"."""
    days = (due - today).days
    if days > 1:
        return f"dans {days} jours"
    if days < -1:
        return f"depuis {-days} jours"
    return {1: "demain", 0: "aujourd’hui", -1: "depuis hier"}[days]
