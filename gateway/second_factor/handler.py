"""`msa.gateway.v1.SecondFactorService`: protobuf ↔ domain."""

from typing import Any

from gateway.handler import session_fields
from gateway.metadata import client_context, session_token
from gateway.second_factor.service import SecondFactors
from msa.gateway.v1 import second_factor_service_pb2 as pb
from msa.gateway.v1.second_factor_service_pb2_grpc import SecondFactorServiceServicer
from services.kit.redaction import OneTimeCode, Password


class SecondFactorHandler(SecondFactorServiceServicer):
    """The second factor of whoever is signed in."""

    def __init__(self, second_factors: SecondFactors) -> None:
        self._second_factors = second_factors

    async def BeginEnrolment(
        self, request: pb.BeginEnrolmentRequest, context: Any
    ) -> pb.BeginEnrolmentResponse:
        """See the proto."""
        begun = await self._second_factors.begin_enrolment(
            session_token(context), Password(request.current_password), client_context(context)
        )
        return pb.BeginEnrolmentResponse(
            totp_secret=begun.totp_secret.reveal(),
            otpauth_uri=begun.otpauth_uri.reveal(),
            qr_code_svg=begun.qr_code_svg.reveal(),
        )

    async def ConfirmEnrolment(
        self, request: pb.ConfirmEnrolmentRequest, context: Any
    ) -> pb.ConfirmEnrolmentResponse:
        """See the proto."""
        confirmed = await self._second_factors.confirm_enrolment(
            session_token(context), OneTimeCode(request.one_time_code), client_context(context)
        )
        return pb.ConfirmEnrolmentResponse(
            recovery_codes=[code.reveal() for code in confirmed.recovery_codes],
            **session_fields(confirmed.session),
        )

    async def RenewRecoveryCodes(
        self, request: pb.RenewRecoveryCodesRequest, context: Any
    ) -> pb.RenewRecoveryCodesResponse:
        """See the proto."""
        codes = await self._second_factors.renew_recovery_codes(
            session_token(context), OneTimeCode(request.one_time_code), client_context(context)
        )
        return pb.RenewRecoveryCodesResponse(recovery_codes=[code.reveal() for code in codes])

    async def RemoveSecondFactor(
        self, request: pb.RemoveSecondFactorRequest, context: Any
    ) -> pb.RemoveSecondFactorResponse:
        """See the proto."""
        opened = await self._second_factors.remove(
            session_token(context),
            Password(request.current_password),
            OneTimeCode(request.one_time_code),
            client_context(context),
        )
        return pb.RemoveSecondFactorResponse(**session_fields(opened))
