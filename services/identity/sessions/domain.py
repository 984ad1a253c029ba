"""The rules on sessions. Pure.

A session is kept twice: PostgreSQL holds what ends it for good, Redis what ends it by time. It lives while both agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from services.identity.domain import ClientContext
from services.identity.partner_access import is_network_allowed, shows_certificate
from services.identity.sessions.rates import RateLimit
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
    partner_networks: Sequence[str] = ()
    partner_certificates: Sequence[str] = ()
    use_suspended: bool = False

    @property
    def second_factor_enrolment_required(self) -> bool:
        """Whether the caisse requires a second factor that the account does not have."""
        return self.second_factor_required and not self.second_factor_enrolled


@dataclass(frozen=True)
class LiveSession:
    """A session that Redis holds within its limits of time. Whether it was revoked, a Standing tells."""

    idle_expire_time: datetime
    expire_time: datetime

    def remaining(self, now: datetime) -> timedelta:
        """How long it lives if nothing more is called (art. 7-1)."""
        return min(self.idle_expire_time, self.expire_time) - now


@dataclass(frozen=True)
class SessionUse:
    """A use of a session as it is asked for: with what token, from where, for how many consultations."""

    token_digest: bytes = field(repr=False)
    client: ClientContext | None = None
    """None where the gateway, of the release before, does not tell: it counts under no address."""
    consultation_count: int = 1
    """0: for one of a call that was counted before."""


@dataclass(frozen=True)
class CountedUse:
    """What Redis says of a use: the session within its limits of time, and what is left of the limits of rate.

    Where the limit of the address refused it, the session was not looked at.
    """

    session: LiveSession | None
    retry_after: timedelta | None = None
    """How long until there is room for it; None where there was."""
    rate_limits: tuple[RateLimit, ...] = ()


@dataclass(frozen=True)
class OpenedSession:
    """A session just opened, with its token in clear, this once."""

    token: SessionToken
    session_id: UUID
    account_id: UUID
    partner_id: UUID
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
    USE_SUSPENDED = auto()
    NETWORK_NOT_ALLOWED = auto()
    CLIENT_CERTIFICATE_REQUIRED = auto()


@dataclass(frozen=True)
class Authentication:
    """What a session token proved; the account is told only when it is accepted."""

    decision: Decision
    standing: Standing | None = None
    remaining: timedelta | None = None
    retry_after: timedelta | None = None
    rate_limits: tuple[RateLimit, ...] = ()


def is_alive(live: LiveSession | None, standing: Standing | None, now: datetime) -> bool:
    """Whether both stores know the session, and neither holds anything against it (N3, art. 7-1)."""
    return live is not None and standing is not None and standing.current and now < standing.expire_time


def judge(
    counted: CountedUse, standing: Standing | None, client: ClientContext, now: datetime
) -> Authentication:
    """The verdict on a use of a session: the first of these that refuses.

    1. The limit of the address. The session was not looked at, so its refusal says nothing of any.
    2. The session (N3, art. 7-1). Who holds none that lives is told no more.
    3. The networks and certificates of the partner. Who may not call from there, or with that, may have found the
       token: of the account he is told nothing, neither that its use was noticed nor what it has left.
    4. The suspension of the account's use (art. 7-2). Only the caisse ends it, so no wait is told.
    5. The limits of the account and of the partner, which end by themselves.
    """
    session = counted.session
    if session is None and counted.retry_after is not None:
        return _rate_limited(counted)
    if session is None or standing is None or not is_alive(session, standing, now):
        return Authentication(Decision.REFUSED)
    if not is_network_allowed(standing.partner_networks, client):
        return Authentication(Decision.NETWORK_NOT_ALLOWED)
    if not shows_certificate(standing.partner_certificates, client):
        return Authentication(Decision.CLIENT_CERTIFICATE_REQUIRED)
    if standing.use_suspended:
        return Authentication(Decision.USE_SUSPENDED)
    if counted.retry_after is not None:
        return _rate_limited(counted)
    return Authentication(
        Decision.ACCEPTED, standing, session.remaining(now), rate_limits=counted.rate_limits
    )


def _rate_limited(counted: CountedUse) -> Authentication:
    return Authentication(
        Decision.RATE_LIMITED, retry_after=counted.retry_after, rate_limits=counted.rate_limits
    )


def require_batch_size(size: int) -> None:
    """Raises InvalidField where a batch holds more than `MAXIMUM_BATCH_SIZE` items."""
    if size > MAXIMUM_BATCH_SIZE:
        raise InvalidField(FieldViolation("items", "BATCH_SIZE", f"must be at most {MAXIMUM_BATCH_SIZE}"))
