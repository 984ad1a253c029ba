"""What a user does with his second factor: proved again each time, with a new session where his privileges change."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from services.identity.accounts.domain import OfAccount, PartnerPolicy
from services.identity.domain import (
    CredentialsRefused,
    PasswordChangeRequired,
    SessionNotValid,
)
from services.identity.events.domain import SecurityEventKind
from services.identity.second_factor.domain import (
    RECOVERY_CODE_COUNT,
    SecondFactorRequired,
    SecondFactorState,
)
from services.identity.second_factor.service import SecondFactorService, SignedInUser
from services.identity.sessions.domain import Decision
from services.identity.sessions.store import SessionStore
from services.kit.redaction import Confidential, OneTimeCode, Password, SessionToken
from tests.integration.identity.composed import (
    NEW_PASSWORD,
    NO_CODE,
    OWN_PASSWORD,
    TOWN_HALL,
    Identity,
    User,
)

WRONG_PASSWORD = Password("Sentinelle refusée")
WRONG_CODE = OneTimeCode("k7m2px-4w9qrt-3bcdef")
STEP = timedelta(seconds=30)

Call = Callable[[SecondFactorService, SessionToken], Awaitable[object]]
CALLS: dict[str, Call] = {
    "begin": lambda service, token: service.begin_enrolment(token, OWN_PASSWORD, TOWN_HALL),
    "confirm": lambda service, token: service.confirm_enrolment(token, NO_CODE, TOWN_HALL),
    "renew": lambda service, token: service.renew_recovery_codes(token, NO_CODE, TOWN_HALL),
    "remove": lambda service, token: service.remove(token, OWN_PASSWORD, NO_CODE, TOWN_HALL),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


async def _kinds(identity: Identity, user: User) -> list[SecurityEventKind]:
    return [event.kind for event in await identity.events(user.account_id)]


async def _is_live(identity: Identity, token: SessionToken) -> bool:
    return (await identity.authenticate(token)).decision is Decision.ACCEPTED


async def _is_over_for_good(identity: Identity, token: SessionToken) -> bool:
    """Whether PostgreSQL says so too: Redis may forget what it forgot."""
    standings = await SessionStore(identity.database).standings({token.digest()})
    return not standings[token.digest()].current and not await _is_live(identity, token)


@each_call
async def test_a_temporary_password_is_good_for_no_second_factor(identity: Identity, call: Call) -> None:
    user = await identity.new_user()
    signed_in = await identity.sign_in(user, user.temporary_password)
    with pytest.raises(PasswordChangeRequired):
        await call(identity.parts.second_factors, signed_in.session.token)


@each_call
async def test_a_session_that_is_over_is_good_for_no_second_factor(identity: Identity, call: Call) -> None:
    _, token = await identity.settled_user()
    await identity.sign_out(token)
    with pytest.raises(SessionNotValid):
        await call(identity.parts.second_factors, token)


@pytest.mark.parametrize("name", ["renew", "remove"])
async def test_what_is_not_enrolled_is_neither_renewed_nor_removed(identity: Identity, name: str) -> None:
    _, token = await identity.settled_user()
    await identity.parts.second_factors.begin_enrolment(token, OWN_PASSWORD, TOWN_HALL)
    with pytest.raises(SecondFactorState):
        await CALLS[name](identity.parts.second_factors, token)


async def test_enrolment_begins_with_the_password(identity: Identity) -> None:
    _, token = await identity.settled_user()
    with pytest.raises(CredentialsRefused):
        await identity.parts.second_factors.begin_enrolment(token, WRONG_PASSWORD, TOWN_HALL)
    with pytest.raises(SecondFactorState):
        await identity.parts.second_factors.confirm_enrolment(token, NO_CODE, TOWN_HALL)


async def test_a_factor_enrolled_replaces_every_session(identity: Identity) -> None:
    user, token = await identity.settled_user()
    _, recovery_codes, session = await identity.enrol(token)
    assert len(set(recovery_codes)) == RECOVERY_CODE_COUNT
    assert await _is_over_for_good(identity, token)
    assert await _is_live(identity, session.token)
    (event,) = [
        event
        for event in await identity.events(user.account_id)
        if event.kind is SecurityEventKind.SECOND_FACTOR_ENROLLED
    ]
    assert event.network_prefix == TOWN_HALL.network_prefix
    assert event.session_id is not None


async def test_a_wrong_code_enrols_nothing_and_the_session_lives_on(identity: Identity) -> None:
    user, token = await identity.settled_user()
    begun = await identity.parts.second_factors.begin_enrolment(token, OWN_PASSWORD, TOWN_HALL)
    with pytest.raises(CredentialsRefused):
        await identity.parts.second_factors.confirm_enrolment(token, WRONG_CODE, TOWN_HALL)
    assert await _is_live(identity, token)
    assert SecurityEventKind.SECOND_FACTOR_ENROLLED not in await _kinds(identity, user)
    await identity.sign_in(user)
    assert begun.uri.reveal().startswith("otpauth://totp/")


async def test_a_factor_enrolled_is_not_begun_anew(identity: Identity) -> None:
    _, token = await identity.settled_user()
    _, _, session = await identity.enrol(token)
    with pytest.raises(SecondFactorState):
        await identity.parts.second_factors.begin_enrolment(session.token, OWN_PASSWORD, TOWN_HALL)


async def test_recovery_codes_are_renewed_by_the_app_only(identity: Identity) -> None:
    user, token = await identity.settled_user()
    secret, before, session = await identity.enrol(token)
    service = identity.parts.second_factors
    for refused in (OneTimeCode(before[0].reveal()), WRONG_CODE, NO_CODE):
        with pytest.raises(CredentialsRefused):
            await service.renew_recovery_codes(session.token, refused, TOWN_HALL)
    identity.clock.advance(STEP)
    renewed = await service.renew_recovery_codes(session.token, identity.code(secret), TOWN_HALL)
    assert len({*renewed, *before}) == 2 * RECOVERY_CODE_COUNT
    assert await _is_live(identity, session.token)
    assert SecurityEventKind.RECOVERY_CODES_RENEWED in await _kinds(identity, user)
    with pytest.raises(CredentialsRefused):
        await identity.sign_in(user, code=OneTimeCode(before[0].reveal()))
    await identity.sign_in(user, code=OneTimeCode(renewed[0].reveal()))


async def test_a_recovery_code_that_was_refused_for_something_else_still_opens_a_sign_in(
    identity: Identity,
) -> None:
    user, token = await identity.settled_user()
    _, recovery_codes, session = await identity.enrol(token)
    code = OneTimeCode(recovery_codes[0].reveal())
    with pytest.raises(CredentialsRefused):
        await identity.parts.second_factors.renew_recovery_codes(session.token, code, TOWN_HALL)
    await identity.sign_in(user, code=code)


async def test_a_factor_is_removed_by_password_and_code(identity: Identity) -> None:
    user, token = await identity.settled_user()
    secret, _, session = await identity.enrol(token)
    service = identity.parts.second_factors
    identity.clock.advance(STEP)
    for password, code in ((WRONG_PASSWORD, identity.code(secret)), (OWN_PASSWORD, WRONG_CODE)):
        with pytest.raises(CredentialsRefused):
            await service.remove(session.token, password, code, TOWN_HALL)
    after = await service.remove(session.token, OWN_PASSWORD, identity.code(secret), TOWN_HALL)
    assert await _is_over_for_good(identity, session.token)
    assert await _is_live(identity, after.token)
    kinds = await _kinds(identity, user)
    assert SecurityEventKind.SECOND_FACTOR_REMOVED in kinds
    assert SecurityEventKind.RECOVERY_CODE_USED not in kinds
    await identity.sign_in(user)


async def test_a_recovery_code_removes_a_factor_and_is_told_of(identity: Identity) -> None:
    user, token = await identity.settled_user()
    _, recovery_codes, session = await identity.enrol(token)
    code = OneTimeCode(recovery_codes[0].reveal())
    await identity.parts.second_factors.remove(session.token, OWN_PASSWORD, code, TOWN_HALL)
    assert {SecurityEventKind.RECOVERY_CODE_USED, SecurityEventKind.SECOND_FACTOR_REMOVED} <= {
        *await _kinds(identity, user)
    }
    await identity.sign_in(user)


async def test_what_the_caisse_requires_is_not_removed(identity: Identity) -> None:
    user, token = await identity.settled_user()
    secret, _, session = await identity.enrol(token)
    await identity.accounts.set_policy(PartnerPolicy(user.partner_id, second_factor_required=True))
    identity.clock.advance(STEP)
    with pytest.raises(SecondFactorState):
        await identity.parts.second_factors.remove(
            session.token, OWN_PASSWORD, identity.code(secret), TOWN_HALL
        )
    await identity.sign_in(user, code=identity.code(secret))


async def test_a_session_that_ends_while_the_password_is_proved_changes_nothing(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, token = await identity.settled_user()
    secret, _, session = await identity.enrol(token)
    identity.clock.advance(STEP)
    authority = identity.parts.second_factors._sessions
    prove_password = authority.prove_password

    async def prove_and_be_overtaken(signed_in: SignedInUser, password: Password) -> None:
        await prove_password(signed_in, password)
        await identity.accounts.revoke_sessions(OfAccount(user.account_id))

    with monkeypatch.context() as patch:
        patch.setattr(authority, "prove_password", prove_and_be_overtaken)
        with pytest.raises(SessionNotValid):
            await identity.parts.second_factors.remove(
                session.token, OWN_PASSWORD, identity.code(secret), TOWN_HALL
            )
    await identity.sign_in(user, code=identity.code(secret))


async def test_codes_are_guessed_no_further_though_the_password_is_right(identity: Identity) -> None:
    user, token = await identity.settled_user()
    secret, _, session = await identity.enrol(token)
    service = identity.parts.second_factors
    for _ in range(5):
        with pytest.raises(CredentialsRefused):
            await service.remove(session.token, OWN_PASSWORD, WRONG_CODE, TOWN_HALL)
        with pytest.raises((SecondFactorState, CredentialsRefused)):
            await service.begin_enrolment(session.token, OWN_PASSWORD, TOWN_HALL)
    identity.clock.advance(STEP)
    with pytest.raises(CredentialsRefused):
        await service.remove(session.token, OWN_PASSWORD, identity.code(secret), TOWN_HALL)
    assert SecurityEventKind.SECOND_FACTOR_REMOVED not in await _kinds(identity, user)


async def test_a_right_code_between_wrong_ones_does_not_make_them_forgotten(identity: Identity) -> None:
    _, token = await identity.settled_user()
    secret, _, session = await identity.enrol(token)
    service = identity.parts.second_factors
    for right_code_first in (False, False, False, False, True):
        if right_code_first:
            identity.clock.advance(STEP)
            await service.renew_recovery_codes(session.token, identity.code(secret), TOWN_HALL)
        with pytest.raises(CredentialsRefused):
            await service.renew_recovery_codes(session.token, WRONG_CODE, TOWN_HALL)
    identity.clock.advance(STEP)
    with pytest.raises(CredentialsRefused):
        await service.renew_recovery_codes(session.token, identity.code(secret), TOWN_HALL)


async def test_no_secret_and_no_code_is_logged(identity: Identity) -> None:
    with capture_logs() as lines:
        user, token = await identity.settled_user()
        begun = await identity.parts.second_factors.begin_enrolment(token, OWN_PASSWORD, TOWN_HALL)
        code = identity.code(begun.secret)
        confirmed = await identity.parts.second_factors.confirm_enrolment(token, code, TOWN_HALL)
        session = confirmed.session
        with pytest.raises(CredentialsRefused) as refused:
            await identity.parts.second_factors.renew_recovery_codes(session.token, WRONG_CODE, TOWN_HALL)
        identity.clock.advance(STEP)
        last = identity.code(begun.secret)
        renewed = await identity.parts.second_factors.renew_recovery_codes(session.token, last, TOWN_HALL)
        removal = OneTimeCode(renewed[0].reveal())
        await identity.parts.second_factors.remove(session.token, OWN_PASSWORD, removal, TOWN_HALL)
    assert [line["event"] for line in lines][-3:] == [
        "second_factor_enrolled",
        "recovery_codes_renewed",
        "second_factor_removed",
    ]
    told = f"{lines} {refused.value} {begun} {confirmed} {renewed}"
    hidden: tuple[Confidential, ...] = (
        begun.secret,
        begun.uri,
        code,
        last,
        WRONG_CODE,
        *confirmed.recovery_codes,
        *renewed,
        session.token,
    )
    for secret in (*hidden, OneTimeCode(user.login)):
        assert secret.reveal() not in told


async def test_a_new_password_gives_no_new_guesses_at_codes(identity: Identity) -> None:
    _, token = await identity.settled_user()
    secret, _, session = await identity.enrol(token)
    factors = identity.parts.second_factors
    for _ in range(4):
        with pytest.raises(CredentialsRefused):
            await factors.remove(session.token, OWN_PASSWORD, WRONG_CODE, TOWN_HALL)
    changed = await identity.change_password(session.token, OWN_PASSWORD, NEW_PASSWORD)
    with pytest.raises(CredentialsRefused):
        await factors.remove(changed.token, NEW_PASSWORD, WRONG_CODE, TOWN_HALL)
    identity.clock.advance(STEP)
    with pytest.raises(CredentialsRefused):
        await factors.remove(changed.token, NEW_PASSWORD, identity.code(secret), TOWN_HALL)


async def test_a_factor_enrolled_while_a_sign_in_is_checked_is_asked_for(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, token = await identity.settled_user()
    matches = identity.parts.passwords.matches

    async def overtaken(password_hash: str | None, password: Password, *, urgent: bool = False) -> bool:
        proved = await matches(password_hash, password, urgent=urgent)
        with monkeypatch.context() as patch:
            patch.setattr(identity.parts.passwords, "matches", matches)
            await identity.enrol(token)
        return proved

    monkeypatch.setattr(identity.parts.passwords, "matches", overtaken)
    with pytest.raises(SecondFactorRequired):
        await identity.sign_in(user)
