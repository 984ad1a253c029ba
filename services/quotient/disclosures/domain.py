"""What a consultation asks, what it shows, and its line in the journal (art. 3, 4-7, 6-3)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum
from uuid import UUID

from services.kit.errors import FieldViolation, InvalidField
from services.kit.nir import Nir
from services.quotient.dossiers.domain import Coordonnees, QuotientPeriod

# A price is set for now, or settled for the school year before; a QF of later on is not known yet.
WINDOW_MONTHS_BACK = 24
WINDOW_MONTHS_AHEAD = 1


class Purpose(IntEnum):
    """What a consultation is for (art. 1, 6-1); numbered as in the protos."""

    ACTIVITY_REGISTRATION = 1
    PRICING = 2
    CANTEEN = 3
    CHILDCARE = 4
    SOCIAL_AID = 5
    RIGHTS_CHECK = 6
    OTHER = 7


class Outcome(IntEnum):
    """What a consultation met; numbered as in the protos."""

    AVAILABLE = 1
    OPPOSED = 2
    NOT_FOUND = 3
    NO_QUOTIENT = 4
    DOSSIER_CLOSED = 5
    OUTSIDE_WINDOW = 6


@dataclass(frozen=True)
class Consultation:
    """One consultation. `month` is its first day; `opposed` is the verdict of the gateway's policy."""

    nir: Nir
    caisse_code: str
    month: date
    purpose: Purpose
    purpose_text: str = field(repr=False)
    case_reference: str = field(repr=False)
    account_id: UUID
    habilitation_id: UUID
    partner_id: UUID
    convention_id: UUID
    opposed: bool
    trace_id: str


@dataclass(frozen=True, repr=False)
class ShownDossier:
    """What a partner sees of a dossier (art. 3)."""

    numero: str
    coordonnees: Coordonnees


@dataclass(frozen=True, repr=False)
class Disclosed:
    """What one consultation shows: `dossier` if AVAILABLE or NO_QUOTIENT, `periods` if AVAILABLE."""

    consultation_id: UUID
    outcome: Outcome
    dossier: ShownDossier | None
    periods: Sequence[QuotientPeriod]


@dataclass(frozen=True)
class JournalLine:
    """One line of the journal: that a QF was asked for and what was met, never the amount."""

    consultation_id: UUID
    disclose_time: datetime
    account_id: UUID
    habilitation_id: UUID
    partner_id: UUID
    convention_id: UUID
    caisse_code: str
    month: date
    purpose: Purpose
    purpose_text: str = field(repr=False)
    case_reference: str = field(repr=False)
    outcome: Outcome
    trace_id: str
    period_starts: Sequence[date]
    # Only for the person herself: what was shown to whom, as it was known then.
    shown_periods: Sequence[QuotientPeriod] = field(default=(), repr=False)


@dataclass(frozen=True)
class JournalSelection:
    """Which lines of a caisse's journal: of one person, one partner, one account; None where it does not matter."""

    caisse_code: str
    nir: Nir | None = None
    partner_id: UUID | None = None
    account_id: UUID | None = None


def is_outside_window(month: date, today: date) -> bool:
    """Whether no QF is shown for `month`, by its first day, whoever it is: a partner sets prices of now (art. 1)."""
    months_ahead = 12 * (month.year - today.year) + month.month - today.month
    return not -WINDOW_MONTHS_BACK <= months_ahead <= WINDOW_MONTHS_AHEAD


def read_purpose(field_name: str, number: int) -> Purpose:
    """The purpose in a request; it must be said (art. 1, 6-1). Raises InvalidField."""
    try:
        return Purpose(number)
    except ValueError:
        raise InvalidField(
            FieldViolation(field_name, "PURPOSE", "says what the consultation is for")
        ) from None


def read_month(field_name: str, day: date) -> date:
    """The month in a request, by its first day. Raises InvalidField."""
    if day.day != 1:
        raise InvalidField(FieldViolation(field_name, "FIRST_OF_MONTH", "is the first day of a month"))
    return day
