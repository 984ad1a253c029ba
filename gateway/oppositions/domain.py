"""What a partner declares when a person objected at its counter (annexe 1)."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from gateway.domain import YEARS, collecting
from services.kit.case_reference import read_case_reference
from services.kit.errors import FieldViolation, InvalidField
from services.kit.nir import Nir

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, repr=False)
class DeclarationDraft:
    """A declaration before any rule was looked at; requester and channel as the protos number them."""

    nir: str
    received_on: str
    requester: int
    channel: int
    reference: str


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


def read_declaration(draft: DeclarationDraft, today: date) -> Declaration:
    """The opposition that was declared; `today` is the day in Europe/Paris.

    Raises InvalidField with every rule that is broken.
    """
    violations: list[FieldViolation] = []
    nir = collecting(Nir.parse, draft.nir, violations)
    received_on = collecting(partial(read_received_on, today=today), draft.received_on, violations)
    collecting(partial(read_case_reference, field="reference"), draft.reference, violations)
    if violations or nir is None:
        raise InvalidField(*violations)
    return Declaration(nir, received_on, draft.requester, draft.channel, draft.reference)


def read_received_on(text: str, today: date) -> date | None:
    """The day in a declaration, "2026-11-24"; None where it is left out. Raises InvalidField."""
    if not text:
        return None
    if not _DAY.fullmatch(text):
        raise _broken("DATE", 'is a day, as in "2026-11-24"')
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise _broken("DATE_NOT_REAL", "is a day of the calendar") from None
    if day.year not in YEARS:
        raise _broken("DATE_RANGE", "lies between the years 1900 and 2199")
    if day > today:
        raise _broken("DATE_IN_FUTURE", "is not after today")
    return day


def _broken(rule: str, description: str) -> InvalidField:
    return InvalidField(FieldViolation("received_on", rule, description))
