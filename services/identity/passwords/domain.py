"""Which passwords are acceptable (art. 4-3). Pure."""

import hmac
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from services.identity.readable import readable_text
from services.kit.errors import FieldViolation, InvalidField
from services.kit.redaction import Password

MINIMUM_PASSWORD_LENGTH = 12
MAXIMUM_PASSWORD_LENGTH = 128

_TEMPORARY_PASSWORD_GROUPS = 4
_TEMPORARY_PASSWORD_GROUP_LENGTH = 5


def new_temporary_password() -> Password:
    """A readable random password of 99 bits: `k7m2p-x4w9q-…`."""
    groups = (readable_text(_TEMPORARY_PASSWORD_GROUP_LENGTH) for _ in range(_TEMPORARY_PASSWORD_GROUPS))
    return Password("-".join(groups))


def normalised(password: Password) -> str:
    """The password in clear in one Unicode form: keyboards differ in how they write an accent (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password.reveal())


def require_acceptable(new: Password, current: Password, login: str) -> None:
    """Raises InvalidField naming each rule that the new password breaks (art. 4-3)."""
    violations = list(_password_violations(normalised(new), normalised(current), login))
    if violations:
        raise InvalidField(*violations)


def _password_violations(new: str, current: str, login: str) -> Iterator[FieldViolation]:
    if not MINIMUM_PASSWORD_LENGTH <= len(new) <= MAXIMUM_PASSWORD_LENGTH:
        yield FieldViolation(
            "new_password",
            "PASSWORD_LENGTH",
            f"must have {MINIMUM_PASSWORD_LENGTH} to {MAXIMUM_PASSWORD_LENGTH} characters",
        )
    if new == current:
        yield FieldViolation("new_password", "PASSWORD_UNCHANGED", "must differ from the current password")
    if login in new.lower():
        yield FieldViolation("new_password", "PASSWORD_CONTAINS_LOGIN", "must not contain the login")


class PersonalWords:
    """Interim: replaced by the passwords work under way."""

    def __init__(self, index_key: bytes) -> None:
        self._index_key = index_key

    def indexes(self, words: Iterable[str]) -> tuple[bytes, ...]:
        """The digests of the words."""
        return tuple(hmac.digest(self._index_key, word.casefold().encode(), "sha256") for word in words)


def renewal_is_advised(password_set_time: datetime, now: datetime, reminder_days: int) -> bool:
    """Whether a password is so old that its change is advised (art. 4-3)."""
    return now >= password_set_time + timedelta(days=reminder_days)
