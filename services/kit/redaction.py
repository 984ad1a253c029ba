"""Values that never print themselves, so that a slip in a log line or a message cannot leak them (N5)."""

import hashlib
from typing import Self


class Confidential:
    """A text whose `repr`, `str` and format show nothing; `reveal()` is the one way to the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value in clear. Call it where it is used, never where it could be kept."""
        return self._value

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._value == self._value

    def __hash__(self) -> int:
        return hash((type(self), self._value))

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        raise TypeError(f"{type(self).__name__} is not to be serialised")


class Password(Confidential):
    """A password as typed or issued."""


class SessionToken(Confidential):
    """The opaque bearer token of a session."""

    def digest(self) -> bytes:
        """SHA-256 of the token: the only form in which it is stored."""
        return hashlib.sha256(self._value.encode()).digest()


class OneTimeCode(Confidential):
    """What stands in for the second factor at a sign-in, as typed: a code of the app, or a recovery code."""


class TotpSecret(Confidential):
    """The secret of an authenticator app (RFC 6238): in Base32, as an `otpauth` URI, or as the QR code of one."""


class RecoveryCode(Confidential):
    """A recovery code as issued."""


class DeviceToken(Confidential):
    """What a device keeps from one sign-in to the next."""
