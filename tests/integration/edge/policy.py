"""A policy service that answers as it is told and remembers what reached it."""

# ruff: noqa: N802 - the protos name the methods

import asyncio
from collections.abc import Mapping
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from gateway.metadata import CLIENT_ADDRESS, SESSION_REMAINING
from msa.gateway.v1 import (
    quotient_service_pb2,
    quotient_service_pb2_grpc,
    second_factor_service_pb2,
    second_factor_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
    status_service_pb2,
    status_service_pb2_grpc,
)
from services.kit.errors import FieldViolation, InvalidField, Reason
from services.kit.interceptors import abort
from services.kit.status import new_status, to_status


class Policy(
    quotient_service_pb2_grpc.QuotientServiceServicer,
    second_factor_service_pb2_grpc.SecondFactorServiceServicer,
    session_service_pb2_grpc.SessionServiceServicer,
    status_service_pb2_grpc.StatusServiceServicer,
):
    """Answers every call; a purpose or a login of its own makes it fail in a way of its own."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.metadata: list[Mapping[str, str | bytes]] = []
        # Of each call: every address that it said it came from.
        self.addresses: list[list[str | bytes]] = []
        # Cleared: GetStatus waits.
        self.release = asyncio.Event()
        self.release.set()

    async def ConsultQuotient(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        await context.send_initial_metadata(((SESSION_REMAINING, "893"),))
        if request.purpose == quotient_service_pb2.PURPOSE_UNSPECIFIED:
            violation = FieldViolation("purpose", "PURPOSE_REQUIRED", "Say what the consultation is for.")
            await abort(context, to_status(InvalidField(violation)))
        return quotient_service_pb2.ConsultQuotientResponse(
            outcome=quotient_service_pb2.OUTCOME_AVAILABLE,
            periods=[quotient_service_pb2.QuotientPeriod(valid_from="2026-11-01", amount_cents=64_200)],
            consultation_id="c-1",
        )

    async def SignIn(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        await abort(context, _rate_limited())

    async def ChangePassword(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        return session_service_pb2.ChangePasswordResponse(session_token="t")

    async def GetSession(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        await abort(context, new_status(Reason.SESSION_REQUIRED, "Send authorization: Bearer and the token."))

    async def SignOut(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        return session_service_pb2.SignOutResponse()

    async def BeginEnrolment(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        return second_factor_service_pb2.BeginEnrolmentResponse(
            totp_secret="s", otpauth_uri="otpauth://totp/x", qr_code_svg='<svg xmlns="x"></svg>'
        )

    async def ConfirmEnrolment(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        return second_factor_service_pb2.ConfirmEnrolmentResponse(recovery_codes=["r"], session_token="t")

    async def RenewRecoveryCodes(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        return second_factor_service_pb2.RenewRecoveryCodesResponse(recovery_codes=["r"])

    async def RemoveSecondFactor(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        return second_factor_service_pb2.RemoveSecondFactorResponse(session_token="t")

    async def GetStatus(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        await self.release.wait()
        return status_service_pb2.GetStatusResponse(state=status_service_pb2.SERVICE_STATE_OPEN)

    def _remember(self, request: Any, context: Any) -> None:
        self.requests.append(request)
        pairs = context.invocation_metadata()
        self.metadata.append(dict(pairs))
        self.addresses.append([value for key, value in pairs if key == CLIENT_ADDRESS])


def policy_server(policy: Policy, socket: str) -> grpc.aio.Server:
    """A server on a Unix socket, with the health and reflection that the edge must hide."""
    server = grpc.aio.server()
    quotient_service_pb2_grpc.add_QuotientServiceServicer_to_server(policy, server)
    second_factor_service_pb2_grpc.add_SecondFactorServiceServicer_to_server(policy, server)
    session_service_pb2_grpc.add_SessionServiceServicer_to_server(policy, server)
    status_service_pb2_grpc.add_StatusServiceServicer_to_server(policy, server)
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    reflection.enable_server_reflection([reflection.SERVICE_NAME], server)
    server.add_insecure_port(f"unix:{socket}")
    return server


def _rate_limited() -> status_pb2.Status:
    status = new_status(Reason.RATE_LIMITED, "Too many calls in too short a time.")
    retry_info = error_details_pb2.RetryInfo()
    retry_info.retry_delay.FromSeconds(30)
    status.details.add().Pack(retry_info)
    return status
