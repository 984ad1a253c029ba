"""Domain errors ↔ google.rpc.Status with exactly one ErrorInfo (AIP-193)."""

import math
from collections.abc import Mapping

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from services.kit.errors import DomainError, InvalidField, Reason

ERROR_DOMAIN = "qf.msa.fr"
DETAILS_KEY = "grpc-status-details-bin"
INTERNAL_TEXT = "An internal error occurred; quote the trace id to the caisse."

# What a peer says to us that is meant for whoever called us.
PASSED_ON = frozenset(
    {
        Reason.SESSION_NOT_VALID,
        Reason.CREDENTIALS_REFUSED,
        Reason.PASSWORD_CHANGE_REQUIRED,
        Reason.SECOND_FACTOR_REQUIRED,
        Reason.SECOND_FACTOR_ENROLMENT_REQUIRED,
        Reason.SECOND_FACTOR_STATE,
        Reason.RATE_LIMITED,
        Reason.INVALID_FIELD,
        Reason.NETWORK_NOT_ALLOWED,
        Reason.CLIENT_CERTIFICATE_REQUIRED,
    }
)

CODE_BY_REASON: Mapping[Reason, grpc.StatusCode] = {
    Reason.SESSION_REQUIRED: grpc.StatusCode.UNAUTHENTICATED,
    Reason.SESSION_NOT_VALID: grpc.StatusCode.UNAUTHENTICATED,
    Reason.CREDENTIALS_REFUSED: grpc.StatusCode.UNAUTHENTICATED,
    Reason.PASSWORD_CHANGE_REQUIRED: grpc.StatusCode.PERMISSION_DENIED,
    Reason.RATE_LIMITED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.SERVICE_CLOSED: grpc.StatusCode.UNAVAILABLE,
    Reason.DEPENDENCY_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Reason.CONVENTION_NOT_IN_FORCE: grpc.StatusCode.PERMISSION_DENIED,
    Reason.HABILITATION_NOT_VALID: grpc.StatusCode.PERMISSION_DENIED,
    Reason.PARTNER_SUSPENDED: grpc.StatusCode.PERMISSION_DENIED,
    Reason.INVALID_FIELD: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.MALFORMED_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.REQUEST_TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.UNKNOWN_METHOD: grpc.StatusCode.UNIMPLEMENTED,
    Reason.TLS_REQUIRED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.CLIENT_NOT_ALLOWED: grpc.StatusCode.PERMISSION_DENIED,
    Reason.RECORD_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Reason.RECORD_ALREADY_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    Reason.RECORD_STATE: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.DEADLINE_EXCEEDED: grpc.StatusCode.DEADLINE_EXCEEDED,
    Reason.INTERNAL: grpc.StatusCode.INTERNAL,
    Reason.SECOND_FACTOR_REQUIRED: grpc.StatusCode.UNAUTHENTICATED,
    Reason.SECOND_FACTOR_ENROLMENT_REQUIRED: grpc.StatusCode.PERMISSION_DENIED,
    Reason.SECOND_FACTOR_STATE: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.USER_SUSPENDED: grpc.StatusCode.PERMISSION_DENIED,
    Reason.AGENT_NOT_HABILITATED: grpc.StatusCode.PERMISSION_DENIED,
    Reason.RECORD_CHANGED: grpc.StatusCode.ABORTED,
    Reason.MAINTENANCE: grpc.StatusCode.UNAVAILABLE,
    Reason.NETWORK_NOT_ALLOWED: grpc.StatusCode.PERMISSION_DENIED,
    Reason.CLIENT_CERTIFICATE_REQUIRED: grpc.StatusCode.PERMISSION_DENIED,
    Reason.USE_SUSPENDED: grpc.StatusCode.PERMISSION_DENIED,
}


def to_status(error: DomainError) -> status_pb2.Status:
    """The status that tells `error`: code, fixed text, one ErrorInfo, and what helps the caller."""
    status = new_status(error.reason, error.message)
    if error.retry_after_seconds is not None:
        retry_info = error_details_pb2.RetryInfo()
        # Rounded up: who comes at the moment told does not come too early.
        retry_info.retry_delay.FromMilliseconds(math.ceil(error.retry_after_seconds * 1000))
        status.details.add().Pack(retry_info)
    if isinstance(error, InvalidField):
        status.details.add().Pack(_bad_request(error))
    return status


def new_status(reason: Reason, message: str) -> status_pb2.Status:
    """A status with nothing but its code, text and ErrorInfo."""
    code: int = CODE_BY_REASON[reason].value[0]
    status = status_pb2.Status(code=code, message=message)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason.value, domain=ERROR_DOMAIN))
    return status


class PeerError(Exception):
    """A service that we called refused; its status may be passed on where its reason is for our caller."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.code)
        self.status = status


def status_for_caller(error: DomainError | PeerError) -> status_pb2.Status:
    """The status that our caller gets of an error: of a peer's, only what is meant for him."""
    if isinstance(error, DomainError):
        return to_status(error)
    if reason_in(error.status) in PASSED_ON:
        return error.status
    return new_status(Reason.INTERNAL, INTERNAL_TEXT)


def reason_of(error: grpc.aio.AioRpcError) -> Reason | None:
    """The reason that a peer of ours gave, or None where the error is not one of ours."""
    return reason_in(status_of(error))


def reason_in(status: status_pb2.Status) -> Reason | None:
    """The reason in the ErrorInfo of `status`, or None where it has none of ours."""
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Is(info.DESCRIPTOR) and detail.Unpack(info) and info.domain == ERROR_DOMAIN:
            return Reason(info.reason) if info.reason in Reason.__members__ else None
    return None


def status_of(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    """The full status of an error; without details where there are none or they cannot be read."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                break
    return status_pb2.Status(code=error.code().value[0])


def _bad_request(error: InvalidField) -> error_details_pb2.BadRequest:
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(
                field=violation.field,
                reason=violation.rule,
                description=violation.description,
            )
            for violation in error.violations
        ]
    )
