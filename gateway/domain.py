"""What a consultation is, in the words of the convention, and what stops one."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import IntEnum
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import TypeVar

from services.kit.case_reference import read_case_reference, read_purpose_text
from services.kit.errors import DomainError, FieldViolation, InvalidField, Reason
from services.kit.nir import Nir
from services.kit.redaction import DeviceToken, SessionToken

MAXIMUM_QUERIES = 500

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
# As quotient reads a day: one that it refused would refuse the batch it travels in.
YEARS = range(1900, 2200)
# A network's worth of callers: an office's line, a subscriber's.
_IPV4_PREFIX, _IPV6_PREFIX = 24, 56
T = TypeVar("T")


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
    """What a consultation met in ordinary work; numbered as in the protos."""

    AVAILABLE = 1
    OPPOSED = 2
    NOT_FOUND = 3
    NO_QUOTIENT = 4
    DOSSIER_CLOSED = 5
    OUTSIDE_WINDOW = 6


@dataclass(frozen=True, repr=False)
class Query:
    """A consultation as it was asked for, before any rule was looked at."""

    nir: str
    month: str
    purpose: int
    purpose_text: str
    case_reference: str


@dataclass(frozen=True)
class Consultation:
    """A request that keeps every rule. `month` is its first day."""

    nir: Nir
    month: date
    purpose: Purpose
    purpose_text: str = field(repr=False)
    case_reference: str = field(repr=False)


class RateLimitScope(IntEnum):
    """Whose limit it is; numbered as in identity's protos."""

    ACCOUNT = 1
    PARTNER = 2
    ADDRESS = 3


@dataclass(frozen=True)
class RateLimit:
    """How many consultations a window of a limit takes, how many more now, and when all are there again."""

    scope: RateLimitScope
    limit: int
    remaining: int
    reset: timedelta
    window: timedelta


@dataclass(frozen=True)
class Caller:
    """Whose session it is, and how long it lives if nothing more is called (art. 7-1)."""

    account_id: str
    habilitation_id: str
    remaining: timedelta
    rate_limits: Sequence[RateLimit] = ()


@dataclass(frozen=True)
class Right:
    """What the caller's habilitation reaches: one caisse, all its departments (art. 4-7, 7-1)."""

    partner_id: str
    convention_id: str
    caisse_code: str
    case_reference_required: bool = False
    maintenance_end_time: datetime | None = None


class OnlineService(IntEnum):
    """What a habilitation's bouquet may hold (art. 4-2); numbered as in partners' protos."""

    QUOTIENT_CONSULTATION = 1
    CONSULTATION_REVIEW = 2


@dataclass(frozen=True)
class OppositionScope:
    """Whom a standing opposition concerns; an empty `partner_id` is every partner of the caisse."""

    caisse_code: str
    partner_id: str


@dataclass(frozen=True, repr=False)
class Allocataire:
    """A family member who holds the dossier."""

    nom_naissance: str
    nom_usage: str
    prenoms: str


@dataclass(frozen=True, repr=False)
class Coordonnees:
    """Coordonnées du dossier (art. 3)."""

    allocataires: Sequence[Allocataire]
    destinataire: str
    complement_information: str
    complement_information_geographique: str
    numero_libelle_voie: str
    lieu_dit: str
    code_postal_ville: str
    pays: str


@dataclass(frozen=True, repr=False)
class Dossier:
    """The family's file."""

    numero: str
    coordonnees: Coordonnees


@dataclass(frozen=True, repr=False)
class QuotientPeriod:
    """An amount and its first and last day; without a last day it holds until a later one begins."""

    valid_from: date
    valid_to: date | None
    amount_cents: int


@dataclass(frozen=True, repr=False)
class Disclosure:
    """What the journal's line says was met, and what may be shown with it."""

    outcome: Outcome
    consultation_id: str
    dossier: Dossier | None = None
    periods: Sequence[QuotientPeriod] = ()


@dataclass(frozen=True)
class ClientContext:
    """Where a call comes from, and what came with it.

    Attributes:
        network_prefix: the caller's network, which may be kept.
        address: the caller's address: for limits and a partner's networks, kept nowhere.
        certificate_sha256: of the client certificate that the connection showed, in hexadecimal digits; else empty.
        device_token: what the device kept of an earlier sign-in.
    """

    network_prefix: str
    address: str = field(default="", repr=False)
    certificate_sha256: str = ""
    device_token: DeviceToken = field(default=DeviceToken(""), repr=False)


@dataclass(frozen=True)
class OpenedSession:
    """A session just opened; it ends after `idle_timeout` without a call, and at `expire_time` anyway."""

    session_token: SessionToken
    idle_timeout: timedelta
    expire_time: datetime
    second_factor_enrolment_required: bool = False


@dataclass(frozen=True)
class SignedIn:
    """What a sign-in opened, and what its user should know of the account's sign-ins before it."""

    session: OpenedSession
    password_change_required: bool
    previous_sign_in_time: datetime | None
    earlier_session_ended: bool
    password_renewal_advised: bool
    device_token: DeviceToken
    refused_sign_in_count: int


@dataclass(frozen=True)
class SessionState:
    """What is left of a session; `remaining` is how long it lives if nothing is called."""

    password_change_required: bool
    second_factor_enrolment_required: bool
    idle_timeout: timedelta
    idle_expire_time: datetime
    expire_time: datetime
    remaining: timedelta
    expiring_soon: bool
    previous_sign_in_time: datetime | None


class SessionRequired(DomainError):
    """The call carries no session token."""

    reason = Reason.SESSION_REQUIRED
    message = "Sign in, and send the session token as `authorization: Bearer …`."


class SessionNotValid(DomainError):
    """Unknown, timed out, revoked or signed out: all read the same."""

    reason = Reason.SESSION_NOT_VALID
    message = "The session is over or unknown; sign in again."


class PasswordChangeRequired(DomainError):
    """The password is a temporary one (art. 4-3)."""

    reason = Reason.PASSWORD_CHANGE_REQUIRED
    message = "The temporary password must be changed before anything else (art. 4-3)."


class SecondFactorEnrolmentRequired(DomainError):
    """The caisse requires a second factor of this partner, and the account has none (art. 7-1)."""

    reason = Reason.SECOND_FACTOR_ENROLMENT_REQUIRED
    message = "The caisse requires a second factor: enrol one before anything else (art. 7-1)."


class RateLimited(DomainError):
    """Too many calls: of the account, of its partner, or from the address."""

    reason = Reason.RATE_LIMITED
    message = "Too many calls; wait as long as the retry delay says."

    def __init__(self, *, retry_after_seconds: float, rate_limits: Sequence[RateLimit] = ()) -> None:
        super().__init__(retry_after_seconds=retry_after_seconds)
        self.rate_limits = rate_limits


class HabilitationNotValid(DomainError):
    """The habilitation is withdrawn, was not confirmed in time, or is for something else (art. 4)."""

    reason = Reason.HABILITATION_NOT_VALID
    message = "The habilitation does not allow this; ask your caisse."


class ConventionNotInForce(DomainError):
    """The convention has not begun or is over (art. 9)."""

    reason = Reason.CONVENTION_NOT_IN_FORCE
    message = "The convention with the caisse is not in force; ask your caisse."


class PartnerSuspended(DomainError):
    """The caisse suspended the partner's access (art. 7-2)."""

    reason = Reason.PARTNER_SUSPENDED
    message = "The caisse has suspended your organisation's access; ask your caisse."


class UserSuspended(DomainError):
    """The caisse suspended this user's access (art. 7-2)."""

    reason = Reason.USER_SUSPENDED
    message = "The caisse has suspended your access; ask your caisse."


class UseSuspended(DomainError):
    """The account's use was unusual, and the caisse has not looked at it yet (art. 7-2)."""

    reason = Reason.USE_SUSPENDED
    message = "The use of this account was unusual: it is suspended until your caisse lifts it (art. 7-2)."


class NetworkNotAllowed(DomainError):
    """The partner named the networks that its calls come from, and this is none of them (art. 7-2)."""

    reason = Reason.NETWORK_NOT_ALLOWED
    message = "Your organisation's calls are taken from the networks that it named only; ask your caisse."


class ClientCertificateRequired(DomainError):
    """The partner named its client certificates, and the connection showed none of them (art. 7-2)."""

    reason = Reason.CLIENT_CERTIFICATE_REQUIRED
    message = "Your organisation's calls are taken with a client certificate that it named only; present it."


class Maintenance(DomainError):
    """The caisse planned a maintenance, and it runs (art. 5)."""

    reason = Reason.MAINTENANCE
    message = "Your caisse's service is in maintenance; try again when the retry delay is over."


def network_prefix(address: str) -> str:
    """The network of an IP address: its /24 in IPv4, its /56 in IPv6; IPv4 inside IPv6 counts as IPv4.

    Empty for what is no address. Two callers of one network look the same.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if parsed.version == 6:
        parsed = parsed.ipv4_mapped or parsed
    if isinstance(parsed, IPv4Address):
        return str(IPv4Network((parsed, _IPV4_PREFIX), strict=False))
    return str(IPv6Network((int(parsed), _IPV6_PREFIX), strict=False))


def require_query_count(count: int) -> None:
    """Raises InvalidField unless there are 1 to `MAXIMUM_QUERIES` queries."""
    if not 1 <= count <= MAXIMUM_QUERIES:
        violation = FieldViolation("queries", "QUERY_COUNT", f"has 1 to {MAXIMUM_QUERIES} queries")
        raise InvalidField(violation)


def require_case_reference(consultation: Consultation, right: Right) -> None:
    """Raises InvalidField where the caisse requires a reference of the case and there is none (art. 6-1)."""
    if right.case_reference_required and not consultation.case_reference.strip():
        raise InvalidField(
            FieldViolation("case_reference", "CASE_REFERENCE_REQUIRED", "is required by your caisse")
        )


def parse_consultation(query: Query, today: date) -> Consultation:
    """The consultation asked for; an empty month is that of `today`, the day in Europe/Paris.

    Raises InvalidField with every rule that is broken.
    """
    violations: list[FieldViolation] = []
    nir = collecting(Nir.parse, query.nir, violations)
    month = _parse_month(query.month, today, violations)
    purpose = _parse_purpose(query.purpose, violations)
    reads_purpose_text = partial(read_purpose_text, required=purpose is Purpose.OTHER)
    purpose_text = collecting(reads_purpose_text, query.purpose_text, violations) if purpose else ""
    collecting(read_case_reference, query.case_reference, violations)
    if violations or nir is None or purpose is None or purpose_text is None:
        raise InvalidField(*violations)
    return Consultation(nir, month, purpose, purpose_text, query.case_reference)


def collecting(read: Callable[[str], T], text: str, violations: list[FieldViolation]) -> T | None:
    """What `read` makes of `text`; None where it breaks a rule, which joins `violations`."""
    try:
        return read(text)
    except InvalidField as error:
        violations.extend(error.violations)
        return None


def _parse_month(text: str, today: date, violations: list[FieldViolation]) -> date:
    match = _MONTH.fullmatch(text)
    if match and int(match[1]) in YEARS:
        return date(int(match[1]), int(match[2]), 1)
    if text:
        violations.append(FieldViolation("month", "MONTH", 'is a year and a month, as in "2026-11"'))
    return today.replace(day=1)


def _parse_purpose(number: int, violations: list[FieldViolation]) -> Purpose | None:
    try:
        return Purpose(number)
    except ValueError:
        names = ", ".join(f"PURPOSE_{purpose.name}" for purpose in Purpose)
        violations.append(FieldViolation("purpose", "PURPOSE", f"says what the consultation is for: {names}"))
        return None
