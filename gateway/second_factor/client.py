"""Identity's `SecondFactorService` as the gateway sees it: domain in, domain out."""

from collections.abc import Sequence

from gateway.clients import client_message, opened_session
from gateway.domain import ClientContext, OpenedSession
from gateway.second_factor.domain import BegunEnrolment, ConfirmedEnrolment
from msa.identity.v1 import second_factor_service_pb2 as pb
from msa.identity.v1.second_factor_service_pb2_grpc import SecondFactorServiceStub
from services.kit.client import Upstream
from services.kit.redaction import OneTimeCode, Password, RecoveryCode, SessionToken, TotpSecret

_SERVICE = "msa.identity.v1.SecondFactorService"


class SecondFactorClient:
    """Passwords and codes are checked as slowly as at a sign-in, so the calls have as long."""

    def __init__(self, upstream: Upstream, timeout_seconds: float) -> None:
        self._upstream = upstream
        self._timeout_seconds = timeout_seconds
        self._stub = SecondFactorServiceStub(upstream.channel)

    async def begin_enrolment(
        self, token: SessionToken, current_password: Password, client: ClientContext
    ) -> BegunEnrolment:
        """Makes a secret (RFC 6238)."""
        reply = await self._upstream.call(
            f"{_SERVICE}/BeginEnrolment",
            self._stub.BeginEnrolment,
            pb.BeginEnrolmentRequest(
                session_token=token.reveal(),
                current_password=current_password.reveal(),
                client=client_message(client),
            ),
            self._timeout_seconds,
        )
        return BegunEnrolment(
            TotpSecret(reply.totp_secret), TotpSecret(reply.otpauth_uri), TotpSecret(reply.qr_code_svg)
        )

    async def confirm_enrolment(
        self, token: SessionToken, one_time_code: OneTimeCode, client: ClientContext
    ) -> ConfirmedEnrolment:
        """Enrols it, and replaces every session."""
        reply = await self._upstream.call(
            f"{_SERVICE}/ConfirmEnrolment",
            self._stub.ConfirmEnrolment,
            pb.ConfirmEnrolmentRequest(
                session_token=token.reveal(),
                one_time_code=one_time_code.reveal(),
                client=client_message(client),
            ),
            self._timeout_seconds,
        )
        return ConfirmedEnrolment(
            [RecoveryCode(code) for code in reply.recovery_codes], opened_session(reply)
        )

    async def renew_recovery_codes(
        self, token: SessionToken, one_time_code: OneTimeCode, client: ClientContext
    ) -> Sequence[RecoveryCode]:
        """Replaces the recovery codes."""
        reply = await self._upstream.call(
            f"{_SERVICE}/RenewRecoveryCodes",
            self._stub.RenewRecoveryCodes,
            pb.RenewRecoveryCodesRequest(
                session_token=token.reveal(),
                one_time_code=one_time_code.reveal(),
                client=client_message(client),
            ),
            self._timeout_seconds,
        )
        return [RecoveryCode(code) for code in reply.recovery_codes]

    async def remove(
        self,
        token: SessionToken,
        current_password: Password,
        one_time_code: OneTimeCode,
        client: ClientContext,
    ) -> OpenedSession:
        """Removes the factor, and replaces every session."""
        reply = await self._upstream.call(
            f"{_SERVICE}/RemoveSecondFactor",
            self._stub.RemoveSecondFactor,
            pb.RemoveSecondFactorRequest(
                session_token=token.reveal(),
                current_password=current_password.reveal(),
                one_time_code=one_time_code.reveal(),
                client=client_message(client),
            ),
            self._timeout_seconds,
        )
        return opened_session(reply)
