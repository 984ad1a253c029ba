"""Suspensions of access (art. 7-2): until a day, until they are lifted, or for good."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from services.kit.errors import DomainError, Reason
from services.partners.fields import invalid, reason_text


class SuspensionKind(StrEnum):
    """Whether a suspension can end."""

    TEMPORARY = "TEMPORARY"
    DEFINITIVE = "DEFINITIVE"


@dataclass(frozen=True)
class SuspensionOrder:
    """What the caisse decides: how, why and, where it ends by itself, on which day."""

    kind: SuspensionKind
    suspension_reason: str
    until_date: date | None = None


@dataclass(frozen=True)
class Suspension:
    """A suspension as it is recorded; `subject_id` is the partner, or the habilitation of the user."""

    suspension_id: UUID
    subject_id: UUID
    kind: SuspensionKind
    suspension_reason: str
    suspend_time: datetime
    until_date: date | None = None
    lift_time: datetime | None = None

    def bears_on(self, day: date) -> bool:
        """Whether access is suspended on `day` (Europe/Paris); `until_date` is the first day with access again."""
        return self.lift_time is None and (self.until_date is None or day < self.until_date)


class NotSuspended(DomainError):
    """There is no suspension to lift (art. 7-2)."""

    reason = Reason.RECORD_STATE
    message = "There is no suspension to lift (art. 7-2)."


class SuspendedForGood(DomainError):
    """A definitive suspension stands (art. 7-2)."""

    reason = Reason.RECORD_STATE
    message = "A definitive suspension stands; it is neither lifted nor replaced (art. 7-2)."


def suspension_order(
    kind: SuspensionKind, suspension_reason: str, until_date: date | None
) -> SuspensionOrder:
    """An order with its reason; a definitive one has no end (art. 7-2). Raises InvalidField."""
    if until_date is not None and kind is SuspensionKind.DEFINITIVE:
        raise invalid("until_date", "DEFINITIVE_HAS_NO_END", "must be left out: it is definitive (art. 7-2)")
    return SuspensionOrder(kind, reason_text("suspension_reason", suspension_reason), until_date)


def require_ahead(order: SuspensionOrder, today: date) -> None:
    """Where an order ends by itself, it does so after today (art. 7-2). Raises InvalidField."""
    if order.until_date is not None and order.until_date <= today:
        raise invalid(
            "until_date",
            "DATE_PASSED",
            "must lie after today: it is the first day with access again (art. 7-2)",
        )


def require_replaceable(present: Suspension | None) -> None:
    """Whether a suspension may take the place of the present one. Raises SuspendedForGood."""
    if present is not None and present.kind is SuspensionKind.DEFINITIVE:
        raise SuspendedForGood


def require_liftable(present: Suspension | None, today: date) -> Suspension:
    """The suspension that bears on `today` and may be lifted. Raises NotSuspended, SuspendedForGood."""
    if present is None or not present.bears_on(today):
        raise NotSuspended
    if present.kind is SuspensionKind.DEFINITIVE:
        raise SuspendedForGood
    return present
