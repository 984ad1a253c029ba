"""msa.identity.v1.SecondFactorService ↔ the use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from msa.identity.v1 import second_factor_service_pb2 as pb
from msa.identity.v1 import second_factor_service_pb2_grpc as rpc
from services.identity.messages import client_context
from services.identity.second_factor.service import SecondFactorService
from services.kit.messages import to_duration, to_timestamp
from services.kit.redaction import OneTimeCode, Password, SessionToken

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class SecondFactorHandler(rpc.SecondFactorServiceServicer):
    """SecondFactorService."""

    def __init__(self, service: SecondFactorService) -> None:
        self._service = service

    async def BeginEnrolment(
        self, request: pb.BeginEnrolmentRequest, context: Context
    ) -> pb.BeginEnrolmentResponse:
        """Shows a secret, this once."""
        enrolment = await self._service.begin_enrolment(
            SessionToken(request.session_token),
            Password(request.current_password),
            client_context(request.client),
        )
        return pb.BeginEnrolmentResponse(
            totp_secret=enrolment.secret.reveal(),
            otpauth_uri=enrolment.uri.reveal(),
            qr_code_svg=enrolment.qr_code_svg.reveal(),
        )

    async def ConfirmEnrolment(
        self, request: pb.ConfirmEnrolmentRequest, context: Context
    ) -> pb.ConfirmEnrolmentResponse:
        """Enrols, and opens a new session."""
        confirmed = await self._service.confirm_enrolment(
            SessionToken(request.session_token),
            OneTimeCode(request.one_time_code),
            client_context(request.client),
        )
        return pb.ConfirmEnrolmentResponse(
            recovery_codes=[code.reveal() for code in confirmed.recovery_codes],
            session_token=confirmed.session.token.reveal(),
            idle_timeout=to_duration(confirmed.session.idle_timeout),
            expire_time=to_timestamp(confirmed.session.expire_time),
        )

    async def RenewRecoveryCodes(
        self, request: pb.RenewRecoveryCodesRequest, context: Context
    ) -> pb.RenewRecoveryCodesResponse:
        """Replaces the recovery codes."""
        recovery_codes = await self._service.renew_recovery_codes(
            SessionToken(request.session_token),
            OneTimeCode(request.one_time_code),
            client_context(request.client),
        )
        return pb.RenewRecoveryCodesResponse(recovery_codes=[code.reveal() for code in recovery_codes])

    async def RemoveSecondFactor(
        self, request: pb.RemoveSecondFactorRequest, context: Context
    ) -> pb.RemoveSecondFactorResponse:
        """Removes the factor, and opens a new session."""
        session = await self._service.remove(
            SessionToken(request.session_token),
            Password(request.current_password),
            OneTimeCode(request.one_time_code),
            client_context(request.client),
        )
        return pb.RemoveSecondFactorResponse(
            session_token=session.token.reveal(),
            idle_timeout=to_duration(session.idle_timeout),
            expire_time=to_timestamp(session.expire_time),
        )
