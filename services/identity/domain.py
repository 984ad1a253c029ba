"""What accounts and sessions have in common: logins, who calls from where, and what both refuse. Pure."""

import re
from dataclasses import dataclass, field

from services.identity.readable import readable_text
from services.kit.errors import DomainError, FieldViolation, InvalidField, Reason
from services.kit.redaction import DeviceToken

MAXIMUM_BATCH_SIZE = 500

_CAISSE_CODE = re.compile(r"[0-9]{2}")
_LOGIN = re.compile(r"x[0-9]{2}-[2-9a-z]{6}")
_LOGIN_LENGTH = 6


class CredentialsRefused(DomainError):
    """These credentials open nothing. Unknown, wrong, locked, expired and disabled read the same."""

    reason = Reason.CREDENTIALS_REFUSED
    message = (
        "These credentials are not accepted. Check them; after several failures wait a while, or ask the caisse "
        "for new ones."
    )


class SessionNotValid(DomainError):
    """The token opens no live session; why is not told (art. 7-1)."""

    reason = Reason.SESSION_NOT_VALID
    message = "The session is over, or never was. Sign in again."


class PasswordChangeRequired(DomainError):
    """The password in force is a temporary one, good for one thing: choosing a real one (art. 4-3)."""

    reason = Reason.PASSWORD_CHANGE_REQUIRED
    message = "The temporary password must be changed before anything else (art. 4-3)."


@dataclass(frozen=True)
class ClientContext:
    """Where a call comes from, as the edge saw it. What is kept of it is a network cut to /24 or /56."""

    network_prefix: str = ""
    device_token: DeviceToken = field(default=DeviceToken(""), repr=False)
    address: str = field(default="", repr=False)
    """For limits and a partner's networks; kept nowhere, and empty where unknown."""
    certificate_sha256: str = ""
    """Of the client certificate that the connection showed, in hexadecimal digits; empty where it showed none."""


def require_caisse_code(caisse_code: str) -> None:
    """Raises InvalidField where `caisse_code` is not two digits."""
    if _CAISSE_CODE.fullmatch(caisse_code) is None:
        raise InvalidField(FieldViolation("caisse_code", "CAISSE_CODE", "must be two digits"))


def new_login(caisse_code: str) -> str:
    """A login that tells nothing but the caisse: `x21-4f7k2m` (art. 4-2)."""
    return f"x{caisse_code}-{readable_text(_LOGIN_LENGTH)}"


def typed_login(text: str) -> str:
    """A login as it was meant: without surrounding spaces, in small letters."""
    return text.strip().lower()


def is_login(login: str) -> bool:
    """Whether `login` has the shape of a login; whether it exists is another matter."""
    return _LOGIN.fullmatch(login) is not None
