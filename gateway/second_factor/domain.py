"""What a user is shown of his second factor, once."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain import OpenedSession
from services.kit.redaction import RecoveryCode, TotpSecret


@dataclass(frozen=True)
class BegunEnrolment:
    """A secret for an authenticator app: to be typed, as a link, as a picture. It counts once confirmed."""

    totp_secret: TotpSecret
    otpauth_uri: TotpSecret
    qr_code_svg: TotpSecret


@dataclass(frozen=True)
class ConfirmedEnrolment:
    """The recovery codes of the factor now enrolled, and the session in place of every earlier one."""

    recovery_codes: Sequence[RecoveryCode]
    session: OpenedSession
