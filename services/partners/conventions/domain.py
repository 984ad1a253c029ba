"""Conventions: when one has effect, renews itself and is over (art. 9-1, 9-2)."""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.kit.errors import DomainError, FieldViolation, InvalidField, Reason, RecordAlreadyExists
from services.partners.partners.domain import Partner


class ConventionState(StrEnum):
    """Where a convention stands on a day."""

    PENDING = "PENDING"
    IN_FORCE = "IN_FORCE"
    ENDED = "ENDED"


@dataclass(frozen=True)
class Convention:
    """The contract of one partner with one caisse (art. 1). Its dates are days in Europe/Paris.

    `cnil_declaration_date` is absent while the transmission is awaited, `end_date`, the first day without
    effect, while no end is recorded.
    """

    convention_id: UUID
    partner_id: UUID
    caisse_code: str
    signature_date: date
    cnil_declaration_date: date | None
    end_date: date | None = None

    def state_on(self, day: date) -> ConventionState:
        """What the convention is worth on `day`.

        In force from the signature, provided that the CNIL declaration has been transmitted (art. 9-1), until
        the day before its end (art. 9-2). Time alone never ends it: it renews itself.
        """
        if self.end_date is not None and (day >= self.end_date or self.end_date <= self.signature_date):
            return ConventionState.ENDED
        if self.cnil_declaration_date is None or day < max(self.signature_date, self.cnil_declaration_date):
            return ConventionState.PENDING
        return ConventionState.IN_FORCE

    def term_date_on(self, day: date) -> date:
        """The anniversary of the signature that closes the one-year term running on `day` (art. 9-1).

        On that anniversary the next term has begun. Before the signature it is the first term's; once the
        convention is over it remains that of its last day.
        """
        if self.end_date is not None:
            day = min(day, self.end_date - timedelta(days=1))
        years = max(1, day.year - self.signature_date.year)
        term_date = anniversary(self.signature_date, years)
        return term_date if day < term_date else anniversary(self.signature_date, years + 1)


@dataclass(frozen=True)
class ConventionView:
    """A convention as it stands on the day on which it is shown."""

    convention: Convention
    state: ConventionState
    term_date: date


@dataclass(frozen=True)
class ConventionEnd:
    """A convention's end as it is recorded (art. 9-2, 10)."""

    convention_end_id: UUID
    convention_id: UUID
    end_date: date
    end_reason: str
    record_time: datetime


class ConventionEnded(DomainError):
    """The convention is over: it cannot be ended again, nor carry a new habilitation (art. 9-2)."""

    reason = Reason.RECORD_STATE
    message = "The convention has ended."


def view_on(convention: Convention, day: date) -> ConventionView:
    """`convention` as it stands on `day`."""
    return ConventionView(convention, convention.state_on(day), convention.term_date_on(day))


def anniversary(signature_date: date, years: int) -> date:
    """The day that lies `years` after `signature_date`.

    Signed on 29 February: 28 February in a common year. A term in years expires on the day of the same number,
    and, where the month has none, on its last day (rule of art. 641 of the code of civil procedure).
    """
    year = signature_date.year + years
    last_day = calendar.monthrange(year, signature_date.month)[1]
    return signature_date.replace(year=year, day=min(signature_date.day, last_day))


def require_own_caisse(partner: Partner, caisse_code: str) -> None:
    """A convention is with the caisse that registered the partner. Raises InvalidField.

    Each caisse keeps its own register (référentiel des tiers, art. 4-2), and reaching another caisse's
    allocataires takes another convention with that caisse (art. 4-7), which registers the partner itself.
    """
    if partner.caisse_code != caisse_code:
        raise InvalidField(
            FieldViolation(
                "caisse_code", "CAISSE_OF_PARTNER", "must be the caisse that registered the partner"
            )
        )


def require_no_other(others: Iterable[Convention], signature_date: date, today: date) -> None:
    """A partner has one convention with a caisse at a time. Raises RecordAlreadyExists.

    A new one may follow one that is over today, or that will be by the time the new one is signed.
    """
    begins = max(today, signature_date)
    if any(other.state_on(begins) is not ConventionState.ENDED for other in others):
        raise RecordAlreadyExists


def with_end(convention: Convention, end_date: date, today: date) -> Convention:
    """`convention` without effect from `end_date` on (art. 9-2, 10); `today` ends it at once.

    An end that still lies ahead may be brought forward, not put off: a notice given stands, and another
    convention may follow it already. Raises ConventionEnded, InvalidField.
    """
    if convention.state_on(today) is ConventionState.ENDED:
        raise ConventionEnded
    if end_date < convention.signature_date:
        raise _end_date_invalid("END_BEFORE_SIGNATURE", "must not lie before the signature")
    if convention.end_date is not None and end_date > convention.end_date:
        raise _end_date_invalid("END_PUT_OFF", "must not lie after the end that is recorded")
    return replace(convention, end_date=end_date)


def _end_date_invalid(rule: str, description: str) -> InvalidField:
    return InvalidField(FieldViolation("end_date", rule, description))
