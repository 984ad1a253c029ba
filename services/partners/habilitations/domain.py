"""Habilitations: the right of one named user to one bouquet (art. 4-1, 4-2), and what it allows now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.kit.errors import DomainError, FieldViolation, InvalidField, Reason, RecordAlreadyExists
from services.partners.conventions.domain import (
    Convention,
    ConventionEnded,
    ConventionState,
    next_term,
)
from services.partners.fields import email_address, required_text
from services.partners.suspensions.domain import Suspension

MAXIMUM_BATCH = 500
_NAME_LENGTH = 100
_CONFIRMATION_PERIOD = timedelta(days=60)
_CONFIRMED_AHEAD = timedelta(days=90)


class Bouquet(StrEnum):
    """A set of online services (art. 4-2)."""

    QUOTIENT_FAMILIAL = "QUOTIENT_FAMILIAL"
    QUOTIENT_FAMILIAL_RESPONSABLE = "QUOTIENT_FAMILIAL_RESPONSABLE"


class OnlineService(StrEnum):
    """One online service (art. 3)."""

    QUOTIENT_CONSULTATION = "QUOTIENT_CONSULTATION"
    # Of the consultations of all the partner's users.
    CONSULTATION_REVIEW = "CONSULTATION_REVIEW"


# What each bouquet holds (art. 4-2).
SERVICES: Mapping[Bouquet, frozenset[OnlineService]] = {
    Bouquet.QUOTIENT_FAMILIAL: frozenset({OnlineService.QUOTIENT_CONSULTATION}),
    Bouquet.QUOTIENT_FAMILIAL_RESPONSABLE: frozenset(
        {OnlineService.QUOTIENT_CONSULTATION, OnlineService.CONSULTATION_REVIEW}
    ),
}


@dataclass(frozen=True)
class User:
    """The named user of the access request (annexe 2). Confidential: no field is ever in its repr (N5)."""

    nom: str = field(repr=False)
    prenom: str = field(repr=False)
    email: str = field(repr=False)


@dataclass(frozen=True)
class NamedUser:
    """A user, known by his habilitation."""

    habilitation_id: UUID
    user: User


class HabilitationState(StrEnum):
    """What a habilitation is worth, apart from its convention and its partner's suspension."""

    LIVE = "LIVE"
    SUSPENDED = "SUSPENDED"
    LAPSED = "LAPSED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True)
class Habilitation:
    """The right of one user, under one convention, to one bouquet.

    `withdraw_time` is absent while it lives; `lapse_date` is the first day without it, unless the partner confirms
    the user before; `suspension` is one of this user's that was not lifted (art. 7-2).
    """

    habilitation_id: UUID
    convention_id: UUID
    partner_id: UUID
    caisse_code: str
    user: User
    bouquet: Bouquet
    create_time: datetime
    lapse_date: date
    withdraw_time: datetime | None = None
    withdrawal_reason: str = ""
    version: int = 1
    suspension: Suspension | None = None

    def state_on(self, day: date) -> HabilitationState:
        """What it is worth on `day` (Europe/Paris)."""
        if self.withdraw_time is not None:
            return HabilitationState.WITHDRAWN
        if day >= self.lapse_date:
            return HabilitationState.LAPSED
        if self.suspension is not None and self.suspension.bears_on(day):
            return HabilitationState.SUSPENDED
        return HabilitationState.LIVE

    @property
    def record(self) -> "Habilitation":
        """What the register itself holds: a suspension is a record of its own."""
        return replace(self, suspension=None)


class HabilitationEnded(DomainError):
    """The habilitation has ended already (art. 4-4)."""

    reason = Reason.RECORD_STATE
    message = "The habilitation has been withdrawn, or was not confirmed in time; it takes a new request (art. 4-1)."


class UserHabilitated(RecordAlreadyExists):
    """The same person, known by the e-mail address, is habilitated under this convention (art. 4-1)."""

    message = (
        "This user is habilitated under this convention already: one e-mail address, one person (art. 4-1)."
    )


class UserStaysSuspended(DomainError):
    """The caisse suspended this user, and a new form does not undo that (art. 7-2)."""

    reason = Reason.RECORD_STATE
    message = (
        "The caisse has suspended this user, and a new form does not undo that (art. 7-2): lift the suspension first. "
        "A definitive one is for good."
    )


class ConventionNotInForce(DomainError):
    """A user is habilitated under a convention in force only (art. 4-2, 9-1)."""

    reason = Reason.RECORD_STATE
    message = "A user is habilitated under a convention that is signed and in force (art. 4-2, 9-1)."


class ConfirmedTooEarly(DomainError):
    """The renewal lies too far ahead."""

    reason = Reason.RECORD_STATE
    message = "Users are confirmed for a renewal from ninety days before it on (art. 9-1)."


class Decision(StrEnum):
    """The verdict on one habilitation."""

    GRANTED = "GRANTED"
    HABILITATION_NOT_VALID = "HABILITATION_NOT_VALID"
    CONVENTION_NOT_IN_FORCE = "CONVENTION_NOT_IN_FORCE"
    PARTNER_SUSPENDED = "PARTNER_SUSPENDED"
    USER_SUSPENDED = "USER_SUSPENDED"


@dataclass(frozen=True)
class Standing:
    """What the register holds of one habilitation, its convention, its partner and its caisse, at one moment.

    `maintenance_end_time` is absent while no maintenance of the caisse's service runs (art. 5).
    """

    habilitation_id: UUID
    bouquet: Bouquet
    withdrawn: bool
    lapse_date: date
    user_suspended: bool
    partner_suspended: bool
    convention: Convention
    case_reference_required: bool = False
    maintenance_end_time: datetime | None = None


@dataclass(frozen=True)
class AuthorizationQuery:
    """May this habilitation use this service? None stands for an identifier or a service that is none."""

    habilitation_id: UUID | None
    online_service: OnlineService | None


@dataclass(frozen=True)
class Authorization:
    """The verdict; `convention` says whose dossiers may be consulted (art. 4-7), and is there only when granted.

    Those of its caisse, in all the departments that it manages: no grant names a department (art. 7-1). What the
    caisse decided about its service comes with it: whether it asks for a reference of the case, and until when its
    service is in maintenance (art. 5).
    """

    decision: Decision
    convention: Convention | None = None
    case_reference_required: bool = False
    maintenance_end_time: datetime | None = None


def decide(standing: Standing | None, online_service: OnlineService | None, day: date) -> Authorization:
    """The verdict on `standing` for a service on `day` (Europe/Paris).

    The habilitation is asked first (art. 4), then suspensions (art. 7-2), then the convention (art. 9): so the
    answer tells a stranger nothing about a partner.
    """
    if (
        standing is None
        or standing.withdrawn
        or day >= standing.lapse_date
        or online_service not in SERVICES[standing.bouquet]
    ):
        return Authorization(Decision.HABILITATION_NOT_VALID)
    if standing.partner_suspended:
        return Authorization(Decision.PARTNER_SUSPENDED)
    if standing.user_suspended:
        return Authorization(Decision.USER_SUSPENDED)
    if standing.convention.state_on(day) is not ConventionState.IN_FORCE:
        return Authorization(Decision.CONVENTION_NOT_IN_FORCE)
    return Authorization(
        Decision.GRANTED,
        standing.convention,
        case_reference_required=standing.case_reference_required,
        maintenance_end_time=standing.maintenance_end_time,
    )


def first_lapse_date(convention: Convention, today: date) -> date:
    """The first day without a habilitation that begins today and that nobody confirms (art. 4-4, 9-1).

    Sixty days after the next renewal of the convention. Raises ConventionNotInForce.
    """
    if convention.signature_date is None or convention.state_on(today) is not ConventionState.IN_FORCE:
        raise ConventionNotInForce
    return next_term(convention.signature_date, today) + _CONFIRMATION_PERIOD


def confirmed_lapse_date(signature_date: date, lapse_date: date, today: date) -> date:
    """The first day without a habilitation that the partner confirms today: a year later than without.

    From ninety days before the renewal, and before the sixty days after it are over. Raises HabilitationEnded,
    ConfirmedTooEarly.
    """
    if today >= lapse_date:
        raise HabilitationEnded
    renewal = lapse_date - _CONFIRMATION_PERIOD
    if today < renewal - _CONFIRMED_AHEAD:
        raise ConfirmedTooEarly
    return next_term(signature_date, renewal) + _CONFIRMATION_PERIOD


def require_live(habilitation: Habilitation, today: date) -> None:
    """Raises HabilitationEnded for one that was withdrawn or has lapsed."""
    if habilitation.state_on(today) in {HabilitationState.WITHDRAWN, HabilitationState.LAPSED}:
        raise HabilitationEnded


def require_not_suspended(had: Iterable[Habilitation], today: date) -> None:
    """Whom a caisse suspended is not habilitated anew meanwhile (art. 7-2); `had` is what he ever had with the partner.

    Raises UserStaysSuspended.
    """
    if any(one.suspension is not None and one.suspension.bears_on(today) for one in had):
        raise UserStaysSuspended


def require_not_over(convention: Convention, today: date) -> None:
    """Nobody is confirmed under a convention that is over (art. 9-2). Raises ConventionEnded."""
    if convention.state_on(today) is ConventionState.ENDED:
        raise ConventionEnded


def require_batch(size: int, field: str = "items", smallest: int = 0) -> None:
    """A batch holds at most MAXIMUM_BATCH items. Raises InvalidField."""
    if not smallest <= size <= MAXIMUM_BATCH:
        raise InvalidField(
            FieldViolation(field, "BATCH_SIZE", f"must be {smallest} to {MAXIMUM_BATCH} items")
        )


def named_user(nom: str, prenom: str, email: str) -> User:
    """The user of an access request (annexe 2). Raises InvalidField; what was sent is not repeated (N5)."""
    return User(
        nom=required_text("user.nom", nom, _NAME_LENGTH),
        prenom=required_text("user.prenom", prenom, _NAME_LENGTH),
        email=email_address("user.email", email),
    )


def known_bouquet(bouquet: Bouquet | None) -> Bouquet:
    """`bouquet`, which is one. Raises InvalidField."""
    if bouquet is None:
        raise InvalidField(FieldViolation("bouquet", "BOUQUET", "must be a bouquet of services (art. 4-2)"))
    return bouquet


def uuid_or_none(text: str) -> UUID | None:
    """The UUID in `text`, None where there is none: one bad item does not fail its batch."""
    try:
        return UUID(text)
    except ValueError:
        return None
