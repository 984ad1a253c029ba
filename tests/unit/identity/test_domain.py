from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.identity.accounts.domain import (
    EVERYBODY,
    UNKNOWN_PARTNER,
    Account,
    OfAccount,
    of_caisse,
    of_partner,
    the_one_scope,
)
from services.identity.domain import ClientContext, is_login, new_login, require_caisse_code, typed_login
from services.identity.readable import UNAMBIGUOUS
from services.identity.sessions.domain import (
    Authentication,
    CountedUse,
    Decision,
    LiveSession,
    Standing,
    judge,
    require_batch_size,
)
from services.identity.sessions.rates import RateLimit, RateScope
from services.kit.errors import InvalidField

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ACCOUNT_ID = UUID(int=1)
LOGIN = "x21-4f7k2m"
MILLISECOND = timedelta(milliseconds=1)


def _account(*, expires: datetime | None = None, disabled: datetime | None = None) -> Account:
    return Account(
        account_id=ACCOUNT_ID,
        habilitation_id=UUID(int=2),
        partner_id=UUID(int=3),
        caisse_code="21",
        login=LOGIN,
        password_hash="$argon2id$sentinel",
        session_generation=0,
        device_generation=0,
        temporary_password_expire_time=expires,
        password_set_time=NOW,
        personal_word_indexes=[b"sentinel"],
        create_time=NOW,
        used_time=NOW,
        disable_time=disabled,
    )


CLIENT = ClientContext(address="198.51.100.7")
LIMIT = RateLimit(RateScope.ACCOUNT, 600, 599, timedelta(milliseconds=100))


def _counted(retry_after: timedelta | None = None) -> CountedUse:
    session = LiveSession(NOW + timedelta(minutes=15), NOW + timedelta(hours=8))
    return CountedUse(session, retry_after, (LIMIT,))


def _standing(*, current: bool = True, expires: datetime = NOW + timedelta(hours=8)) -> Standing:
    return Standing(
        token_digest=b"",
        session_id=UUID(int=4),
        account_id=ACCOUNT_ID,
        habilitation_id=UUID(int=2),
        expire_time=expires,
        previous_sign_in_time=None,
        current=current,
        password_change_required=False,
        second_factor_required=False,
        second_factor_enrolled=False,
    )


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
    ("counted", "standing", "decision"),
    [
        (_counted(), _standing(), Decision.ACCEPTED),
        (_counted(retry_after=MILLISECOND), _standing(), Decision.RATE_LIMITED),
        (CountedUse(None), None, Decision.REFUSED),
        (_counted(), None, Decision.REFUSED),
        (CountedUse(None), _standing(), Decision.REFUSED),
        (_counted(), _standing(current=False), Decision.REFUSED),
        (_counted(), _standing(expires=NOW), Decision.REFUSED),
        (_counted(), _standing(expires=NOW + MILLISECOND), Decision.ACCEPTED),
        (_counted(retry_after=MILLISECOND), _standing(current=False), Decision.REFUSED),
    ],
)
def test_a_session_is_accepted_only_where_both_stores_let_it_live(
    counted: CountedUse, standing: Standing | None, decision: Decision
) -> None:
    verdict = judge(counted, standing, CLIENT, NOW)
    assert verdict.decision is decision
    assert (verdict.standing is not None) == (decision is Decision.ACCEPTED)
    assert (verdict.remaining is not None) == (decision is Decision.ACCEPTED)
    assert (verdict.rate_limits == (LIMIT,)) == (decision in {Decision.ACCEPTED, Decision.RATE_LIMITED})


@pytest.mark.parametrize("standing", [None, _standing(), _standing(current=False)])
def test_the_limit_of_an_address_says_nothing_of_the_session(standing: Standing | None) -> None:
    verdict = judge(CountedUse(None, MILLISECOND, (LIMIT,)), standing, CLIENT, NOW)
    assert verdict == Authentication(Decision.RATE_LIMITED, retry_after=MILLISECOND, rate_limits=(LIMIT,))


def test_who_calls_from_elsewhere_is_told_nothing_of_the_account() -> None:
    refusing = replace(
        _standing(), partner_networks=["203.0.113.0/24"], partner_certificates=["ab" * 32], use_suspended=True
    )
    there = ClientContext(address="203.0.113.9")
    there_with_certificate = replace(there, certificate_sha256="ab" * 32)
    limited = _counted(retry_after=MILLISECOND)

    assert judge(limited, refusing, CLIENT, NOW) == Authentication(Decision.NETWORK_NOT_ALLOWED)
    assert judge(limited, refusing, there, NOW) == Authentication(Decision.CLIENT_CERTIFICATE_REQUIRED)
    assert judge(limited, refusing, there_with_certificate, NOW) == Authentication(Decision.USE_SUSPENDED)
    lifted = replace(refusing, use_suspended=False)
    assert judge(limited, lifted, there_with_certificate, NOW).decision is Decision.RATE_LIMITED
    assert judge(_counted(), lifted, there_with_certificate, NOW).decision is Decision.ACCEPTED


def test_a_session_that_is_over_is_refused_before_anything_is_said_of_its_partner() -> None:
    over = replace(_standing(current=False), partner_networks=["203.0.113.0/24"], use_suspended=True)
    assert judge(_counted(), over, CLIENT, NOW) == Authentication(Decision.REFUSED)


def test_a_caller_does_not_print_its_address() -> None:
    assert CLIENT.address not in repr(CLIENT)


@pytest.mark.parametrize(
    ("idle_minutes", "expire_minutes", "remaining_minutes"), [(15, 480, 15), (15, 3, 3), (15, 15, 15)]
)
def test_what_is_left_of_a_session_is_the_shorter_of_its_limits(
    idle_minutes: int, expire_minutes: int, remaining_minutes: int
) -> None:
    session = LiveSession(NOW + timedelta(minutes=idle_minutes), NOW + timedelta(minutes=expire_minutes))
    assert session.remaining(NOW) == timedelta(minutes=remaining_minutes)


def test_a_partner_s_revocation_covers_those_whose_partner_is_unknown() -> None:
    assert of_partner(UUID(int=3)).names == (f"partner:{UUID(int=3)}", f"partner:{UNKNOWN_PARTNER}")


def test_whose_sessions_to_end_is_said_exactly_once() -> None:
    assert the_one_scope([EVERYBODY]) is EVERYBODY
    with pytest.raises(InvalidField):
        the_one_scope([])
    with pytest.raises(InvalidField):
        the_one_scope([EVERYBODY, OfAccount(ACCOUNT_ID)])
    with pytest.raises(InvalidField):
        of_caisse("Bourgogne")


@pytest.mark.parametrize("code", ["", "2", "211", "2a", "２１", "21\n"])
def test_a_caisse_code_is_two_digits(code: str) -> None:
    require_caisse_code("21")
    with pytest.raises(InvalidField):
        require_caisse_code(code)


def test_a_batch_holds_500_at_most() -> None:
    require_batch_size(500)
    with pytest.raises(InvalidField):
        require_batch_size(501)
