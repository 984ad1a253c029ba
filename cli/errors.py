"""What stops a command: one sentence that says what is the matter, one that names the remedy, one exit status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import cast

import grpc
from google.rpc import error_details_pb2, status_pb2

from services.kit.errors import FieldViolation, InvalidField, Reason
from services.kit.status import reason_in, status_of


class ExitStatus(IntEnum):
    """What `qf` tells the shell."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    PARTLY = 3
    AWAY = 4
    INTERRUPTED = 130


class CommandFailed(Exception):
    """The command cannot go on. Neither text ever holds a NIR, a name, an amount or a password (N5)."""

    def __init__(
        self,
        message: str,
        remedy: str,
        status: ExitStatus = ExitStatus.REFUSED,
        reason: str = "",
        violations: Sequence[FieldViolation] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.status = status
        self.reason = reason
        self.violations = violations

    def with_remedy(self, remedy: str) -> CommandFailed:
        """The same failure, with the remedy that a command knows better."""
        return CommandFailed(self.message, remedy, self.status, self.reason, self.violations)


class UsageFailed(CommandFailed):
    """What was typed, or the configuration, cannot be used."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy, ExitStatus.USAGE)


def refused_input(error: InvalidField) -> CommandFailed:
    """What the kit's own rules refuse before anything is sent."""
    return CommandFailed(
        error.message, _REMEDIES[Reason.INVALID_FIELD], reason=error.reason, violations=error.violations
    )


def refused_call(error: grpc.RpcError, service: str, address: str, trace_id: str) -> CommandFailed:
    """What a call's error means to the person at the keyboard."""
    # A blocking call's error has the methods of an asynchronous one's.
    status = status_of(cast(grpc.aio.AioRpcError, error))
    reason = reason_in(status)
    if reason is None:
        return _foreign(error.code(), error.details() or "", service, address)
    exit_status = ExitStatus.AWAY if reason in _AWAY_REASONS else ExitStatus.REFUSED
    remedy = _REMEDIES.get(reason, "").format(service=service, trace_id=trace_id)
    return CommandFailed(
        f"{service}: {status.message}", remedy, exit_status, reason.value, _violations(status)
    )


_AWAY_REASONS = frozenset({Reason.DEPENDENCY_UNAVAILABLE, Reason.DEADLINE_EXCEEDED, Reason.SERVICE_CLOSED})
_REMEDIES: Mapping[Reason, str] = {
    Reason.INVALID_FIELD: "Correct what is listed and run the command again.",
    Reason.RECORD_NOT_FOUND: "Check the identifier; the `list` and `show` commands tell which there are.",
    Reason.RECORD_ALREADY_EXISTS: "Use the record that is there, or another key.",
    Reason.RECORD_STATE: "Look at its present state with the `show` or `list` command.",
    Reason.RECORD_CHANGED: "Somebody else changed it since you looked: show it again and decide anew.",
    Reason.AGENT_NOT_HABILITATED: (
        "Name him with --agent NAME, QF_AGENT, or [agent] name in the configuration; "
        "`qf agent list --caisse CODE` tells who is."
    ),
    Reason.USER_SUSPENDED: (
        "The user is suspended (art. 7-2): `qf user show` tells since when and why, `qf user lift` ends it."
    ),
    Reason.CLIENT_NOT_ALLOWED: (
        "Let [tls] certificate_file name a certificate that {service} lists under the role agent_tools."
    ),
    Reason.DEPENDENCY_UNAVAILABLE: "{service} runs, but a store it needs is away. Try again shortly; see `qf status`.",
    Reason.DEADLINE_EXCEEDED: (
        "Try again; if {service} stays slow, raise timeout_seconds under its table in the configuration."
    ),
    Reason.RATE_LIMITED: "Wait a moment and try again.",
    Reason.UNKNOWN_METHOD: "qf and {service} are of different releases; bring both to the same one.",
    Reason.INTERNAL: "This is a defect of {service}; report trace {trace_id}.",
}
# What gRPC says when the two ends cannot agree on certificates. It has no code of its own for that.
_TLS_WORDS = ("ssl", "tls", "handshake", "certificate", "verification")
# A server that does not like our certificate hangs up before the first call.
_HUNG_UP_WORDS = ("socket closed", "connection reset")


def _foreign(code: grpc.StatusCode, details: str, service: str, address: str) -> CommandFailed:
    """An error that the service did not word itself: the connection's, or gRPC's own."""
    if code is grpc.StatusCode.UNAVAILABLE and _is_about_certificates(details.lower()):
        return CommandFailed(
            f"{service} at {address} and qf do not accept each other's certificates.",
            "Check [tls] and server_name in the configuration; the certificates may be expired or of another CA.",
            reason="TLS",
        )
    if code is grpc.StatusCode.UNAVAILABLE:
        return CommandFailed(
            f"{service} is away: nothing answers at {address}.",
            "Start it (`make up` for the local stack), or correct its address in the configuration.",
            ExitStatus.AWAY,
            "AWAY",
        )
    # We cancel nothing but a stream whose service is silent.
    if code in {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}:
        return CommandFailed(
            f"{service} at {address} did not answer in time.",
            "Try again; if it stays slow, raise timeout_seconds under its table in the configuration.",
            ExitStatus.AWAY,
            Reason.DEADLINE_EXCEEDED,
        )
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return CommandFailed(
            f"{service} at {address} does not know this call.",
            "Check the address; or qf and the service are of different releases.",
            reason=Reason.UNKNOWN_METHOD,
        )
    return CommandFailed(
        f"The call to {service} at {address} failed ({code.name}).", "Try again; see the service's log."
    )


def _is_about_certificates(details: str) -> bool:
    if any(word in details for word in _TLS_WORDS):
        return True
    return "failed to connect" in details and any(word in details for word in _HUNG_UP_WORDS)


def _violations(status: status_pb2.Status) -> Sequence[FieldViolation]:
    bad_request = error_details_pb2.BadRequest()
    for detail in status.details:
        if detail.Is(bad_request.DESCRIPTOR) and detail.Unpack(bad_request):
            return [
                FieldViolation(violation.field, violation.reason, violation.description)
                for violation in bad_request.field_violations
            ]
    return ()
