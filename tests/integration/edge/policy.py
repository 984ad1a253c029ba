"""A policy service that answers as it is told and remembers what reached it."""

# ruff: noqa: N802 - the protos name the methods

import asyncio
from collections.abc import Mapping
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2_grpc

from gateway.domain import RateLimited, SessionRequired
from gateway.edge.methods import public_services
from gateway.metadata import CLIENT_ADDRESS, SESSION_REMAINING
from gateway.problems import explain
from gateway.reply import ReplyInterceptor, send_headers, tell
from msa.gateway.v1 import (
    consultation_service_pb2,
    consultation_service_pb2_grpc,
    opposition_service_pb2,
    opposition_service_pb2_grpc,
    quotient_service_pb2,
    quotient_service_pb2_grpc,
    second_factor_service_pb2,
    second_factor_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
    status_service_pb2,
    status_service_pb2_grpc,
)
from services.kit.errors import FieldViolation, InvalidField
from services.kit.interceptors import ErrorInterceptor, TracingInterceptor
from services.kit.reflection import enable_reflection

PAUSE_SECONDS = 0.3
# In the place of a NIR: what becomes of the call, or of the row.
REFUSED, BREAKS, PAUSES = "refused", "breaks", "pauses"


class Policy(
    consultation_service_pb2_grpc.ConsultationServiceServicer,
    opposition_service_pb2_grpc.OppositionServiceServicer,
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
        tell(SESSION_REMAINING, "893")
        if request.purpose == quotient_service_pb2.PURPOSE_UNSPECIFIED:
            raise InvalidField(FieldViolation("purpose", "PURPOSE", "says what the consultation is for"))
        if request.nir == REFUSED:
            # No domain error and no problem: as gRPC refuses what it will not let in.
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many")
        return quotient_service_pb2.ConsultQuotientResponse(
            outcome=quotient_service_pb2.OUTCOME_AVAILABLE,
            periods=[quotient_service_pb2.QuotientPeriod(valid_from="2026-11-01", amount_cents=64_200)],
            consultation_id="c-1",
        )

    async def ConsultQuotients(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        tell(SESSION_REMAINING, "893")
        if not request.queries:
            raise InvalidField(FieldViolation("queries", "QUERY_COUNT", "has 1 to 500 members"))
        for position, query in enumerate(request.queries):
            if query.nir == BREAKS:
                raise RuntimeError
            if query.nir == PAUSES:
                await asyncio.sleep(PAUSE_SECONDS)
            await send_headers(context)
            yield quotient_service_pb2.ConsultQuotientsResponse(
                position=position,
                consultation=quotient_service_pb2.ConsultQuotientResponse(
                    outcome=quotient_service_pb2.OUTCOME_NOT_FOUND
                ),
            )

    async def RecordOpposition(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        return opposition_service_pb2.RecordOppositionResponse(opposition_id="o")

    async def ListConsultations(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        return consultation_service_pb2.ListConsultationsResponse(next_page_token="n")

    async def SignIn(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        raise RateLimited(retry_after_seconds=29.5)

    async def ChangePassword(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        return session_service_pb2.ChangePasswordResponse(session_token="t")

    async def GetSession(self, request: Any, context: Any) -> Any:
        self._remember(request, context)
        raise SessionRequired

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
    """A server on a Unix socket, with the health that the edge must hide; errors travel as the gateway's do."""
    server = grpc.aio.server(
        interceptors=[TracingInterceptor(), ErrorInterceptor(explain), ReplyInterceptor()]
    )
    consultation_service_pb2_grpc.add_ConsultationServiceServicer_to_server(policy, server)
    opposition_service_pb2_grpc.add_OppositionServiceServicer_to_server(policy, server)
    quotient_service_pb2_grpc.add_QuotientServiceServicer_to_server(policy, server)
    second_factor_service_pb2_grpc.add_SecondFactorServiceServicer_to_server(policy, server)
    session_service_pb2_grpc.add_SessionServiceServicer_to_server(policy, server)
    status_service_pb2_grpc.add_StatusServiceServicer_to_server(policy, server)
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    enable_reflection(server, public_services())
    server.add_insecure_port(f"unix:{socket}")
    return server
