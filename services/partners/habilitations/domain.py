"""Habilitations: the right of one named user to one bouquet (art. 4-1, 4-2), and what it allows now."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from services.kit.errors import DomainError, FieldViolation, InvalidField, Reason
from services.kit.identifiers import decode_page_token, parse_uuid
from services.partners.conventions.domain import Convention, ConventionState
from services.partners.fields import required_text

MAXIMUM_BATCH = 500
_NAME_LENGTH = 100
_EMAIL_LENGTH = 254
# What mail servers of this country deliver to; quoted and non-ASCII local parts are not among it.
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
# Lies before every UUIDv7.
_NIL = UUID(int=0)


class Bouquet(StrEnum):
    """A set of online services (art. 4-2)."""

    QUOTIENT_FAMILIAL = "QUOTIENT_FAMILIAL"


@dataclass(frozen=True)
class User:
    """The named user of the access request (annexe 2). Confidential: no field is ever in its repr (N5)."""

    nom: str = field(repr=False)
    prenom: str = field(repr=False)
    email: str = field(repr=False)


@dataclass(frozen=True)
class Habilitation:
    """The right of one user, under one convention, to one bouquet; `withdraw_time` is absent while it lives."""

    habilitation_id: UUID
    convention_id: UUID
    partner_id: UUID
    caisse_code: str
    user: User
    bouquet: Bouquet
    create_time: datetime
    withdraw_time: datetime | None = None


class HabilitationWithdrawn(DomainError):
    """The habilitation has ended already (art. 4-4)."""

    reason = Reason.RECORD_STATE
    message = "The habilitation has been withdrawn."


class Decision(StrEnum):
    """The verdict on one habilitation."""

    GRANTED = "GRANTED"
    HABILITATION_NOT_VALID = "HABILITATION_NOT_VALID"
    CONVENTION_NOT_IN_FORCE = "CONVENTION_NOT_IN_FORCE"
    PARTNER_SUSPENDED = "PARTNER_SUSPENDED"


@dataclass(frozen=True)
class Standing:
    """What the register holds of one habilitation, its convention and its partner, at one moment."""

    habilitation_id: UUID
    bouquet: Bouquet
    withdrawn: bool
    suspended: bool
    convention: Convention


@dataclass(frozen=True)
class AuthorizationQuery:
    """May this habilitation use this bouquet? None stands for an identifier or a bouquet that is none."""

    habilitation_id: UUID | None
    bouquet: Bouquet | None


@dataclass(frozen=True)
class Authorization:
    """The verdict; `convention` says whose dossiers may be consulted, and is there only when granted."""

    decision: Decision
    convention: Convention | None = None


def decide(standing: Standing | None, bouquet: Bouquet | None, day: date) -> Authorization:
    """The verdict on `standing` for `bouquet` on `day` (Europe/Paris).

    The habilitation is asked first (art. 4), then the partner's suspension (art. 7-2), then the convention
    (art. 9): so the answer tells a stranger nothing about a partner.
    """
    if standing is None or standing.withdrawn or standing.bouquet is not bouquet:
        return Authorization(Decision.HABILITATION_NOT_VALID)
    if standing.suspended:
        return Authorization(Decision.PARTNER_SUSPENDED)
    if standing.convention.state_on(day) is not ConventionState.IN_FORCE:
        return Authorization(Decision.CONVENTION_NOT_IN_FORCE)
    return Authorization(Decision.GRANTED, standing.convention)


def require_batch(size: int) -> None:
    """A batch holds at most MAXIMUM_BATCH items. Raises InvalidField."""
    if size > MAXIMUM_BATCH:
        raise InvalidField(FieldViolation("items", "BATCH_SIZE", f"must be at most {MAXIMUM_BATCH} items"))


def named_user(nom: str, prenom: str, email: str) -> User:
    """The user of an access request (annexe 2). Raises InvalidField; what was sent is not repeated (N5)."""
    return User(
        nom=required_text("user.nom", nom, _NAME_LENGTH),
        prenom=required_text("user.prenom", prenom, _NAME_LENGTH),
        email=_email(email),
    )


def known_bouquet(bouquet: Bouquet | None) -> Bouquet:
    """`bouquet`, which is one. Raises InvalidField."""
    if bouquet is None:
        raise InvalidField(FieldViolation("bouquet", "BOUQUET", "must be a bouquet of services"))
    return bouquet


def habilitation_after(page_token: str) -> UUID:
    """The identifier behind which a page begins; the nil UUID for the first. Raises InvalidField."""
    key = decode_page_token(page_token)
    return parse_uuid("page_token", key) if key else _NIL


def uuid_or_none(text: str) -> UUID | None:
    """The UUID in `text`, None where there is none: one bad item does not fail its batch."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _email(text: str) -> str:
    stripped = text.strip()
    if len(stripped) > _EMAIL_LENGTH or _EMAIL.fullmatch(stripped) is None:
        raise InvalidField(FieldViolation("user.email", "EMAIL", "must be an e-mail address, name@domain"))
    return stripped
