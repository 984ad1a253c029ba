"""The rules on sessions. Pure.

A session is kept twice: PostgreSQL holds what ends it for good, Redis what ends it by time. It lives while both agree.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from services.kit.errors import DomainError, FieldViolation, InvalidField, Reason
from services.kit.redaction import DeviceToken, SessionToken

MAXIMUM_BATCH_SIZE = 500


class SecondFactorEnrolmentRequired(DomainError):
    """The caisse requires a second factor, and the account has none yet."""

    reason = Reason.SECOND_FACTOR_ENROLMENT_REQUIRED
    message = "Your caisse requires a second factor. Enrol one, then go on with the new session."


@dataclass(frozen=True)
class Session:
    """A session as PostgreSQL keeps it when it is opened; its generation is reckoned there."""

    session_id: UUID
    token_digest: bytes = field(repr=False)
    account_id: UUID
    open_time: datetime
    expire_time: datetime
    previous_sign_in_time: datetime | None


@dataclass(frozen=True)
class Standing:
    """A session as PostgreSQL knows it now. `current`: nothing ended it since it was opened (N3)."""

    token_digest: bytes = field(repr=False)
    session_id: UUID
    account_id: UUID
    habilitation_id: UUID
    expire_time: datetime
    previous_sign_in_time: datetime | None
    current: bool
    password_change_required: bool
    second_factor_required: bool
    second_factor_enrolled: bool

    @property
    def second_factor_enrolment_required(self) -> bool:
        """Whether the caisse requires a second factor that the account does not have."""
        return self.second_factor_required and not self.second_factor_enrolled


@dataclass(frozen=True)
class LiveSession:
    """A session that Redis holds within its limits of time. Whether it was revoked, a Standing tells."""

    idle_expire_time: datetime
    expire_time: datetime
    retry_after: timedelta | None = None
    """How long it must wait; None while its account is within its rate."""

    def remaining(self, now: datetime) -> timedelta:
        """How long it lives if nothing more is called (art. 7-1)."""
        return min(self.idle_expire_time, self.expire_time) - now


@dataclass(frozen=True)
class OpenedSession:
    """A session just opened, with its token in clear, this once."""

    token: SessionToken
    session_id: UUID
    account_id: UUID
    idle_timeout: timedelta
    open_time: datetime
    expire_time: datetime
    password_change_required: bool = False
    second_factor_enrolment_required: bool = False


@dataclass(frozen=True)
class SignedIn:
    """What a sign-in tells beside its session."""

    session: OpenedSession
    device_token: DeviceToken
    previous_sign_in_time: datetime | None
    earlier_session_ended: bool
    password_renewal_advised: bool
    refused_sign_in_count: int


@dataclass(frozen=True)
class SessionView:
    """What is left of a session."""

    password_change_required: bool
    second_factor_enrolment_required: bool
    idle_timeout: timedelta
    idle_expire_time: datetime
    expire_time: datetime
    remaining: timedelta
    expiring_soon: bool
    previous_sign_in_time: datetime | None


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
    remaining: timedelta | None = None
    retry_after: timedelta | None = None


def is_alive(live: LiveSession | None, standing: Standing | None, now: datetime) -> bool:
    """Whether both stores know the session, and neither holds anything against it (N3, art. 7-1)."""
    return live is not None and standing is not None and standing.current and now < standing.expire_time


def judge(live: LiveSession | None, standing: Standing | None, now: datetime) -> Authentication:
    """The verdict on a session. A revoked one is refused even where its account also calls too often."""
    if live is None or not is_alive(live, standing, now):
        return Authentication(Decision.REFUSED)
    if live.retry_after is not None:
        return Authentication(Decision.RATE_LIMITED, retry_after=live.retry_after)
    return Authentication(Decision.ACCEPTED, standing, live.remaining(now))


def require_batch_size(size: int) -> None:
    """Raises InvalidField where a batch holds more than `MAXIMUM_BATCH_SIZE` items."""
    if size > MAXIMUM_BATCH_SIZE:
        raise InvalidField(FieldViolation("items", "BATCH_SIZE", f"must be at most {MAXIMUM_BATCH_SIZE}"))
