"""Errors as the domain knows them. How they travel over gRPC is `kit.status`'s business."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Reason(StrEnum):
    """The stable reasons of `msa.errors.v1.ErrorReason`, where each is explained with its remedy."""

    SESSION_REQUIRED = "SESSION_REQUIRED"
    SESSION_NOT_VALID = "SESSION_NOT_VALID"
    CREDENTIALS_REFUSED = "CREDENTIALS_REFUSED"
    PASSWORD_CHANGE_REQUIRED = "PASSWORD_CHANGE_REQUIRED"
    RATE_LIMITED = "RATE_LIMITED"
    SERVICE_CLOSED = "SERVICE_CLOSED"
    DEPENDENCY_UNAVAILABLE = "DEPENDENCY_UNAVAILABLE"
    CONVENTION_NOT_IN_FORCE = "CONVENTION_NOT_IN_FORCE"
    HABILITATION_NOT_VALID = "HABILITATION_NOT_VALID"
    PARTNER_SUSPENDED = "PARTNER_SUSPENDED"
    INVALID_FIELD = "INVALID_FIELD"
    MALFORMED_REQUEST = "MALFORMED_REQUEST"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    UNKNOWN_METHOD = "UNKNOWN_METHOD"
    TLS_REQUIRED = "TLS_REQUIRED"
    CLIENT_NOT_ALLOWED = "CLIENT_NOT_ALLOWED"
    RECORD_NOT_FOUND = "RECORD_NOT_FOUND"
    RECORD_ALREADY_EXISTS = "RECORD_ALREADY_EXISTS"
    RECORD_STATE = "RECORD_STATE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    INTERNAL = "INTERNAL"
    SECOND_FACTOR_REQUIRED = "SECOND_FACTOR_REQUIRED"
    SECOND_FACTOR_ENROLMENT_REQUIRED = "SECOND_FACTOR_ENROLMENT_REQUIRED"
    SECOND_FACTOR_STATE = "SECOND_FACTOR_STATE"
    USER_SUSPENDED = "USER_SUSPENDED"
    AGENT_NOT_HABILITATED = "AGENT_NOT_HABILITATED"
    RECORD_CHANGED = "RECORD_CHANGED"
    MAINTENANCE = "MAINTENANCE"
    NETWORK_NOT_ALLOWED = "NETWORK_NOT_ALLOWED"
    CLIENT_CERTIFICATE_REQUIRED = "CLIENT_CERTIFICATE_REQUIRED"
    USE_SUSPENDED = "USE_SUSPENDED"


class DomainError(Exception):
    """What stops a call. A subclass fixes the reason and the text; neither ever holds a value (N5)."""

    reason: ClassVar[Reason]
    message: ClassVar[str]

    def __init__(self, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(self.message)
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True)
class FieldViolation:
    """One rule that one field breaks; the description names the rule and the remedy, not the value."""

    field: str
    rule: str
    description: str


class InvalidField(DomainError):
    """One or more fields break a rule."""

    reason = Reason.INVALID_FIELD
    message = "The request breaks a rule; each violation names the field and the rule."

    def __init__(self, *violations: FieldViolation) -> None:
        super().__init__()
        self.violations: Sequence[FieldViolation] = violations


class DependencyUnavailable(DomainError):
    """A store or a service that is needed to answer safely is away (N8)."""

    reason = Reason.DEPENDENCY_UNAVAILABLE
    message = "The service is briefly unavailable. Nothing was shown; try again shortly."

    def __init__(self, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(retry_after_seconds=retry_after_seconds)


class RecordNotFound(DomainError):
    """No such record here; absent and forbidden read the same."""

    reason = Reason.RECORD_NOT_FOUND
    message = "There is no such record."


class RecordAlreadyExists(DomainError):
    """A record with this natural key exists."""

    reason = Reason.RECORD_ALREADY_EXISTS
    message = "There is a record with this key already."


class RecordChanged(DomainError):
    """Somebody else changed the record since it was read; nothing was written."""

    reason = Reason.RECORD_CHANGED
    message = "Somebody else changed this record since it was read; nothing was written. Read it again."
