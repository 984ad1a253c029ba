"""What a partner declares when a person objected at its counter (annexe 1)."""

from dataclasses import dataclass
from datetime import date, datetime

from services.kit.errors import FieldViolation, InvalidField
from services.kit.nir import Nir


@dataclass(frozen=True, repr=False)
class Declaration:
    """An opposition as it was declared, today where no day is said; requester and channel as the protos number them."""

    nir: Nir
    received_on: date | None
    requester: int
    channel: int
    reference: str


@dataclass(frozen=True)
class RecordedOpposition:
    """The opposition that stands, and when it was recorded."""

    opposition_id: str
    record_time: datetime


def read_received_on(text: str) -> date | None:
    """The day in a declaration, "2026-11-24"; None where it is left out. Raises InvalidField."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise InvalidField(FieldViolation("received_on", "DATE", 'is a day, as in "2026-11-24"'))
    return day
