import math
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.identity.domain import (
    Account,
    Decision,
    LiveSession,
    SessionHolder,
    Standing,
    is_login,
    judge,
    new_login,
    require_batch_size,
    require_caisse_code,
    typed_login,
)
from services.identity.passwords.domain import new_temporary_password, require_acceptable
from services.identity.readable import UNAMBIGUOUS
from services.kit.errors import InvalidField
from services.kit.redaction import Password

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ACCOUNT_ID = UUID(int=1)
LOGIN = "x21-4f7k2m"
CURRENT = Password("Vieux mot de passe")
MILLISECOND = timedelta(milliseconds=1)


def _account(*, expires: datetime | None = None, disabled: datetime | None = None) -> Account:
    return Account(
        account_id=ACCOUNT_ID,
        habilitation_id=UUID(int=2),
        login=LOGIN,
        password_hash="$argon2id$sentinel",
        session_generation=0,
        temporary_password_expire_time=expires,
        create_time=NOW,
        disable_time=disabled,
    )


def _session(generation: int = 3, retry_after: timedelta | None = None) -> LiveSession:
    holder = SessionHolder(ACCOUNT_ID, generation)
    return LiveSession(holder, NOW + timedelta(minutes=15), NOW + timedelta(hours=10), retry_after)


def _standing(generation: int = 3, *, disabled: bool = False) -> Standing:
    return Standing(ACCOUNT_ID, UUID(int=2), generation, password_change_required=False, disabled=disabled)


def _broken_rules(new: str, current: Password = CURRENT) -> list[str]:
    with pytest.raises(InvalidField) as raised:
        require_acceptable(Password(new), current, LOGIN)
    assert {violation.field for violation in raised.value.violations} == {"new_password"}
    return [violation.rule for violation in raised.value.violations]


def test_a_login_tells_the_caisse_and_nothing_else() -> None:
    login = new_login("21")
    assert is_login(login)
    assert login.startswith("x21-")
    assert set(login.removeprefix("x21-")) <= set(UNAMBIGUOUS)
    assert len({new_login("21") for _ in range(1000)}) > 990


def test_what_is_copied_from_paper_cannot_be_misread() -> None:
    assert not set(UNAMBIGUOUS) & set("01ilo")


@pytest.mark.parametrize("typed", ["x21-4f7k2m", " X21-4F7K2M ", "x21-4f7k2m\n"])
def test_a_login_is_read_as_it_was_meant(typed: str) -> None:
    assert typed_login(typed) == LOGIN


@pytest.mark.parametrize(
    "text", ["", "x21", "x21-4f7k2", "x21-4f7k2mm", "x21-4f7k2m\x00", "x２1-4f7k2m", "é"]
)
def test_what_has_not_the_shape_of_a_login_is_none(text: str) -> None:
    assert not is_login(text)


def test_a_temporary_password_has_80_bits_and_satisfies_no_guess() -> None:
    password = new_temporary_password().reveal()
    letters = password.replace("-", "")
    assert set(letters) <= set(UNAMBIGUOUS)
    assert len(letters) * math.log2(len(UNAMBIGUOUS)) >= 80
    assert new_temporary_password().reveal() != password


@pytest.mark.parametrize(
    ("new", "rules"),
    [
        ("a" * 11, ["PASSWORD_LENGTH"]),
        ("a" * 129, ["PASSWORD_LENGTH"]),
        ("", ["PASSWORD_LENGTH"]),
        (CURRENT.reveal(), ["PASSWORD_UNCHANGED"]),
        ("avant-X21-4F7K2M-après", ["PASSWORD_CONTAINS_LOGIN"]),
        (LOGIN, ["PASSWORD_LENGTH", "PASSWORD_CONTAINS_LOGIN"]),
    ],
)
def test_a_new_password_is_refused_by_rule(new: str, rules: list[str]) -> None:
    assert _broken_rules(new) == rules


@pytest.mark.parametrize("new", ["a" * 12, "a" * 128, "phrase à espaces", "🐄" * 12])
def test_a_new_password_of_12_to_128_characters_is_accepted(new: str) -> None:
    require_acceptable(Password(new), CURRENT, LOGIN)
    assert _broken_rules(new, Password(new)) == ["PASSWORD_UNCHANGED"]


def test_the_same_password_typed_on_another_keyboard_is_the_same() -> None:
    composed, decomposed = "\u00e9t\u00e9 \u00e0 la campagne", "e\u0301te\u0301 a\u0300 la campagne"
    assert _broken_rules(decomposed, Password(composed)) == ["PASSWORD_UNCHANGED"]


def test_a_rule_does_not_quote_the_password() -> None:
    with pytest.raises(InvalidField) as raised:
        require_acceptable(Password("Sentinelle"), CURRENT, LOGIN)
    assert "Sentinelle" not in f"{raised.value} {raised.value.violations}"


def test_a_temporary_password_opens_until_the_instant_it_expires() -> None:
    account = _account(expires=NOW)
    assert account.accepts_sign_in(NOW - MILLISECOND)
    assert not account.accepts_sign_in(NOW)


def test_a_disabled_account_opens_nothing() -> None:
    assert _account().accepts_sign_in(NOW)
    assert not _account(disabled=NOW).accepts_sign_in(NOW)


def test_an_account_does_not_print_its_login_or_hash() -> None:
    assert LOGIN not in repr(_account())
    assert "sentinel" not in repr(_account())


@pytest.mark.parametrize(
    ("session", "standing", "decision"),
    [
        (_session(), _standing(), Decision.ACCEPTED),
        (_session(retry_after=MILLISECOND), _standing(), Decision.RATE_LIMITED),
        (None, None, Decision.REFUSED),
        (_session(), None, Decision.REFUSED),
        (_session(), _standing(4), Decision.REFUSED),
        (_session(4), _standing(3), Decision.REFUSED),
        (_session(), _standing(disabled=True), Decision.REFUSED),
        (_session(retry_after=MILLISECOND), _standing(4), Decision.REFUSED),
    ],
)
def test_a_session_is_accepted_only_in_the_account_s_present_generation(
    session: LiveSession | None, standing: Standing | None, decision: Decision
) -> None:
    verdict = judge(session, standing)
    assert verdict.decision is decision
    assert (verdict.standing is not None) == (decision is Decision.ACCEPTED)


@pytest.mark.parametrize("code", ["", "2", "211", "2a", "２１", "21\n"])
def test_a_caisse_code_is_two_digits(code: str) -> None:
    require_caisse_code("21")
    with pytest.raises(InvalidField):
        require_caisse_code(code)


def test_a_batch_holds_500_at_most() -> None:
    require_batch_size(500)
    with pytest.raises(InvalidField):
        require_batch_size(501)
