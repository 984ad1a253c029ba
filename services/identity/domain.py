"""The rules on accounts, passwords and sessions. Pure: no store, no wire, no clock of its own."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from services.identity.readable import readable_text
from services.kit.errors import DomainError, FieldViolation, InvalidField, Reason
from services.kit.redaction import Password, SessionToken

MAXIMUM_BATCH_SIZE = 500

_CAISSE_CODE = re.compile(r"[0-9]{2}")
_LOGIN = re.compile(r"x[0-9]{2}-[2-9a-z]{6}")
_LOGIN_LENGTH = 6


class CredentialsRefused(DomainError):
    """This login and password open nothing. Unknown, wrong, expired and disabled read the same."""

    reason = Reason.CREDENTIALS_REFUSED
    message = "This login and password are not accepted. Check both, or ask the caisse for new ones."


class SessionNotValid(DomainError):
    """The token opens no live session; why is not told (art. 7-1)."""

    reason = Reason.SESSION_NOT_VALID
    message = "The session is over, or never was. Sign in again."


class TooManyFailures(DomainError):
    """Too many passwords were wrong for this login, whether it exists or not."""

    reason = Reason.RATE_LIMITED
    message = "Too many sign-ins failed for this login. Wait, then try again."


@dataclass(frozen=True)
class Account:
    """The credentials of one habilitated user (art. 4-2)."""

    account_id: UUID
    habilitation_id: UUID
    login: str = field(repr=False)
    password_hash: str = field(repr=False)
    session_generation: int
    temporary_password_expire_time: datetime | None
    create_time: datetime
    disable_time: datetime | None = None
    last_sign_in_time: datetime | None = None

    @property
    def password_change_required(self) -> bool:
        """Whether the password in force is a temporary one, to be replaced before anything else (art. 4-3)."""
        return self.temporary_password_expire_time is not None

    def accepts_sign_in(self, now: datetime) -> bool:
        """Whether the right password opens it at `now`: it is neither disabled nor its password expired."""
        expire_time = self.temporary_password_expire_time
        return self.disable_time is None and (expire_time is None or now < expire_time)


@dataclass(frozen=True)
class Standing:
    """What a session is compared with: the account as Postgres knows it now."""

    account_id: UUID
    habilitation_id: UUID
    session_generation: int
    password_change_required: bool
    disabled: bool


@dataclass(frozen=True)
class TemporaryPassword:
    """A password that is shown once, and when it stops working."""

    password: Password
    expire_time: datetime


@dataclass(frozen=True)
class SessionHolder:
    """Whose session it is, and the generation in which it was opened."""

    account_id: UUID
    generation: int


@dataclass(frozen=True)
class LiveSession:
    """A session within its limits of time. Whether it was revoked, `is_current` tells."""

    holder: SessionHolder
    idle_expire_time: datetime
    expire_time: datetime
    retry_after: timedelta | None = None
    """How long it must wait; None while it is within its rate."""


@dataclass(frozen=True)
class OpenedSession:
    """A session just opened, with its token in clear, this once."""

    token: SessionToken
    password_change_required: bool
    idle_timeout: timedelta
    expire_time: datetime
    previous_sign_in_time: datetime | None = None


@dataclass(frozen=True)
class SessionView:
    """What is left of a session."""

    password_change_required: bool
    idle_timeout: timedelta
    idle_expire_time: datetime
    expire_time: datetime


class Decision(Enum):
    """The verdict on one session token."""

    ACCEPTED = auto()
    REFUSED = auto()
    RATE_LIMITED = auto()


@dataclass(frozen=True)
class Authentication:
    """What a session token proved; the account is told only when it is accepted."""

    decision: Decision
    standing: Standing | None = None
    retry_after: timedelta | None = None


def is_current(holder: SessionHolder, standing: Standing | None) -> bool:
    """Whether nothing ended the session since it was opened (N3): same generation, account not disabled."""
    return standing is not None and not standing.disabled and standing.session_generation == holder.generation


def judge(session: LiveSession | None, standing: Standing | None) -> Authentication:
    """The verdict on a session (art. 7-1). A revoked one is refused even where it also calls too often."""
    if session is None or not is_current(session.holder, standing):
        return Authentication(Decision.REFUSED)
    if session.retry_after is not None:
        return Authentication(Decision.RATE_LIMITED, retry_after=session.retry_after)
    return Authentication(Decision.ACCEPTED, standing)


def require_caisse_code(caisse_code: str) -> None:
    """Raises InvalidField where `caisse_code` is not two digits."""
    if _CAISSE_CODE.fullmatch(caisse_code) is None:
        raise InvalidField(FieldViolation("caisse_code", "CAISSE_CODE", "must be two digits"))


def require_batch_size(size: int) -> None:
    """Raises InvalidField where a batch holds more than `MAXIMUM_BATCH_SIZE` items."""
    if size > MAXIMUM_BATCH_SIZE:
        raise InvalidField(FieldViolation("items", "BATCH_SIZE", f"must be at most {MAXIMUM_BATCH_SIZE}"))


def new_login(caisse_code: str) -> str:
    """A login that tells nothing but the caisse: `x21-4f7k2m` (art. 4-2)."""
    return f"x{caisse_code}-{readable_text(_LOGIN_LENGTH)}"


def typed_login(text: str) -> str:
    """A login as it was meant: without surrounding spaces, in small letters."""
    return text.strip().lower()


def is_login(login: str) -> bool:
    """Whether `login` has the shape of a login; whether it exists is another matter."""
    return _LOGIN.fullmatch(login) is not None
