"""Which passwords are acceptable (art. 4-3; CNIL deliberation 2022-100), and how temporary ones are made. Pure."""

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from services.identity.passwords.folding import letters_and_digits, normalised
from services.identity.passwords.guessing import CommonPasswords, is_too_guessable
from services.identity.passwords.personal_words import PersonalWords
from services.identity.readable import readable_text
from services.kit.errors import DomainError, FieldViolation, Reason
from services.kit.redaction import Password

MINIMUM_PASSWORD_LENGTH = 12
MAXIMUM_PASSWORD_LENGTH = 128

_TEMPORARY_PASSWORD_GROUPS = 4
_TEMPORARY_PASSWORD_GROUP_LENGTH = 5
# Control characters and line separators: nobody types them, and not every client passes them on.
_UNTYPED = frozenset({"Cc", "Cs", "Zl", "Zp"})


class SignInsOverloaded(DomainError):
    """More passwords wait to be hashed than is good for everybody else; whose they are plays no part."""

    reason = Reason.RATE_LIMITED
    message = "Too many people are signing in. Nothing was decided; try again shortly."


def new_temporary_password() -> Password:
    """A readable random password of 99 bits: `k7m2p-x4w9q-…` (art. 4-2)."""
    groups = (readable_text(_TEMPORARY_PASSWORD_GROUP_LENGTH) for _ in range(_TEMPORARY_PASSWORD_GROUPS))
    return Password("-".join(groups))


def renewal_is_advised(password_set_time: datetime, now: datetime, reminder_days: int) -> bool:
    """Whether a password is so old that its change is advised, which is never forced (art. 4-3)."""
    return now >= password_set_time + timedelta(days=reminder_days)


class PasswordRules:
    """What a password must be, as far as it can be told without its user's former ones."""

    def __init__(self, common: CommonPasswords, personal_words: PersonalWords) -> None:
        self._common = common
        self._personal_words = personal_words

    def violations(
        self, new: Password, current: Password, login: str, personal_word_indexes: Sequence[bytes]
    ) -> list[FieldViolation]:
        """Each rule that `new` breaks. Takes milliseconds: run it off the event loop."""
        text = normalised(new)
        if len(text) > MAXIMUM_PASSWORD_LENGTH:
            return [_length_violation()]
        return [
            *_form_violations(text),
            *_likeness_violations(text, normalised(current), login),
            *self._word_violations(text, login, personal_word_indexes),
        ]

    def _word_violations(
        self, text: str, login: str, personal_word_indexes: Sequence[bytes]
    ) -> Iterator[FieldViolation]:
        if self._personal_words.is_contained(text, personal_word_indexes):
            yield _violation("PASSWORD_CONTAINS_NAME", "must not contain your name or first name")
        if text in self._common:
            yield _violation("PASSWORD_TOO_COMMON", "is one that many people have: choose one of your own")
        if is_too_guessable(text, login, self._common):
            yield _violation(
                "PASSWORD_TOO_GUESSABLE",
                "is easy to guess: begin with several words that have nothing to do with each other or with the MSA, "
                "or let a password manager make it",
            )


def recently_used_violation() -> FieldViolation:
    """Says that the password is one of the user's last ones."""
    return _violation("PASSWORD_RECENTLY_USED", "was used here not long ago: choose one that is new")


def _form_violations(text: str) -> Iterator[FieldViolation]:
    if len(text) < MINIMUM_PASSWORD_LENGTH:
        yield _length_violation()
    if any(unicodedata.category(sign) in _UNTYPED for sign in text):
        yield _violation(
            "PASSWORD_CONTROL_CHARACTER",
            "must not contain line ends, tabs or other control characters: leave out what was pasted with it",
        )


def _likeness_violations(text: str, current: str, login: str) -> Iterator[FieldViolation]:
    if text == current:
        yield _violation("PASSWORD_UNCHANGED", "must differ from the current password")
    if letters_and_digits(login) in letters_and_digits(text):
        yield _violation("PASSWORD_CONTAINS_LOGIN", "must not contain the login")


def _length_violation() -> FieldViolation:
    return _violation(
        "PASSWORD_LENGTH", f"must have {MINIMUM_PASSWORD_LENGTH} to {MAXIMUM_PASSWORD_LENGTH} characters"
    )


def _violation(rule: str, description: str) -> FieldViolation:
    return FieldViolation("new_password", rule, description)
