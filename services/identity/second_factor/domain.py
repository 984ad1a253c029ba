"""The rules on second factors: when a code is accepted, and what a user may type. Pure; time is passed in."""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto
from typing import ClassVar
from uuid import UUID

import pyotp

from services.identity.readable import UNAMBIGUOUS, readable_text
from services.kit.errors import DomainError, Reason
from services.kit.redaction import OneTimeCode, RecoveryCode, TotpSecret

RECOVERY_CODE_COUNT = 10

# What every authenticator app does unless told otherwise, and some do whatever they are told: SHA-1, six digits, 30 s.
_STEP_SECONDS = 30
_TOTP_CODE = re.compile(r"[0-9]{6}")
# As long as the digest of SHA-1 (RFC 4226, section 4, R6).
_SECRET_BYTES = 20
# One step for a clock that is off or a code that took long to type; no more is advised (RFC 6238, section 5.2).
_TOLERATED_STEPS = 1

_RECOVERY_GROUPS = 3
_RECOVERY_GROUP_LENGTH = 6
_RECOVERY_CODE = re.compile(f"[{UNAMBIGUOUS}]{{{_RECOVERY_GROUPS * _RECOVERY_GROUP_LENGTH}}}")


class SecondFactorRequired(DomainError):
    """Login and password are right, and the account has a second factor: a code must come with them."""

    reason = Reason.SECOND_FACTOR_REQUIRED
    message = "This account has a second factor. Sign in with a code of the app, or with a recovery code."


class SecondFactorState(DomainError):
    """The second factor as it stands does not allow this."""

    reason = Reason.SECOND_FACTOR_STATE
    message = (
        "The second factor does not allow this: there is one already, none was begun of late, there is none, or "
        "the caisse requires it."
    )


class FactorKind(StrEnum):
    """What a second factor is made of; the database holds the same names."""

    TOTP = "TOTP"


@dataclass(frozen=True)
class TotpFactor:
    """An authenticator app: begun when its secret was shown, enrolled once it made a code of it."""

    kind: ClassVar[FactorKind] = FactorKind.TOTP

    account_id: UUID
    sealed_secret: bytes = field(repr=False)
    begin_time: datetime
    enrol_time: datetime | None = None
    last_step: int = 0
    """The time step of the last code that was accepted."""

    @property
    def enrolled(self) -> bool:
        """Whether sign-ins ask for it."""
        return self.enrol_time is not None

    def may_be_confirmed(self, now: datetime, validity: timedelta) -> bool:
        """Whether a code enrols it: it is not enrolled yet, and its secret was shown less than `validity` ago."""
        return not self.enrolled and now < self.begin_time + validity


@dataclass(frozen=True)
class Enrolment:
    """A secret for an authenticator app, in three forms."""

    secret: TotpSecret
    uri: TotpSecret
    qr_code_svg: TotpSecret


class CodeCheck(Enum):
    """What became of a typed code."""

    ACCEPTED_BY_APP = auto()
    ACCEPTED_BY_RECOVERY_CODE = auto()
    REFUSED = auto()


def new_totp_secret() -> TotpSecret:
    """160 random bits in Base32, without padding."""
    return TotpSecret(base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode())


def otpauth_uri(secret: TotpSecret, issuer: str, login: str) -> TotpSecret:
    """What an authenticator app reads: `otpauth://totp/ISSUER:LOGIN?secret=…&issuer=ISSUER`."""
    return TotpSecret(pyotp.TOTP(secret.reveal(), name=login, issuer=issuer).provisioning_uri())


def accepted_step(secret: TotpSecret, typed: OneTimeCode, now: datetime, last_step: int) -> int | None:
    """The time step whose code was typed, or None where the code is refused (RFC 6238, section 5.2).

    Accepted are the code of the present step, of the one before and of the one after, of steps later than `last_step`
    only: a code works once. Spaces do not count; anything but six ASCII digits is refused.
    """
    code = "".join(typed.reveal().split())
    if _TOTP_CODE.fullmatch(code) is None:
        return None
    totp = pyotp.TOTP(secret.reveal())
    present = int(now.timestamp()) // _STEP_SECONDS
    for step in range(present - _TOLERATED_STEPS, present + _TOLERATED_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(step), code) and step > last_step:
            return step
    return None


def new_recovery_codes() -> tuple[RecoveryCode, ...]:
    """Ten codes of 89 random bits each: `k7m2px-4w9qrt-…`."""
    return tuple(
        RecoveryCode("-".join(readable_text(_RECOVERY_GROUP_LENGTH) for _ in range(_RECOVERY_GROUPS)))
        for _ in range(RECOVERY_CODE_COUNT)
    )


def typed_recovery_code(typed: OneTimeCode) -> RecoveryCode | None:
    """The recovery code as it was issued; None where the text has not its shape.

    Case, dashes and spaces do not count.
    """
    text = "".join(typed.reveal().split()).replace("-", "")
    # Beyond ASCII there are letters that turn into one of ours when they are made small.
    code = text.lower() if text.isascii() else ""
    if _RECOVERY_CODE.fullmatch(code) is None:
        return None
    starts = range(0, len(code), _RECOVERY_GROUP_LENGTH)
    return RecoveryCode("-".join(code[start : start + _RECOVERY_GROUP_LENGTH] for start in starts))


def recovery_code_digest(code: RecoveryCode) -> bytes:
    """SHA-256 of a code as it was issued: the only form in which it is stored. What is random needs no slow hash."""
    return hashlib.sha256(code.reveal().encode()).digest()
