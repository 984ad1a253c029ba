"""What time does to sessions (art. 7-1) and to temporary passwords (art. 4-3)."""

from datetime import timedelta

import pytest

from services.identity.config import IdentitySettings, SessionSettings
from services.identity.domain import CredentialsRefused, Decision, SessionNotValid
from tests.integration.identity.composed import OWN_PASSWORD, START, Identity, compose

MILLISECOND = timedelta(milliseconds=1)
IDLE = timedelta(minutes=15)
LIFETIME = timedelta(hours=10)


async def test_a_session_lives_until_the_last_millisecond_of_its_idle_limit(identity: Identity) -> None:
    _, token = await identity.settled_user()
    identity.clock.advance(IDLE - MILLISECOND)
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    identity.clock.advance(IDLE)
    assert (await identity.authenticate(token)).decision is Decision.REFUSED


async def test_a_call_slides_the_idle_limit(identity: Identity) -> None:
    _, token = await identity.settled_user()
    for _ in range(4):
        identity.clock.advance(IDLE - MILLISECOND)
        assert (await identity.authenticate(token)).decision is Decision.ACCEPTED


async def test_a_session_once_idle_does_not_come_back(identity: Identity) -> None:
    _, token = await identity.settled_user()
    identity.clock.advance(IDLE)
    for _ in range(2):
        assert (await identity.authenticate(token)).decision is Decision.REFUSED
    with pytest.raises(SessionNotValid):
        await identity.sessions.get_session(token)


async def test_a_session_ends_of_age_however_busy_it_is(identity: Identity) -> None:
    _, token = await identity.settled_user()
    step = timedelta(minutes=10)
    for _ in range(LIFETIME // step - 1):
        identity.clock.advance(step)
        assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    identity.clock.advance(step - MILLISECOND)
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    view = await identity.sessions.get_session(token)
    assert view.idle_expire_time == view.expire_time == START + LIFETIME
    identity.clock.advance(MILLISECOND)
    assert (await identity.authenticate(token)).decision is Decision.REFUSED


async def test_looking_at_a_session_does_not_prolong_it(identity: Identity) -> None:
    _, token = await identity.settled_user()
    identity.clock.advance(IDLE - MILLISECOND)
    view = await identity.sessions.get_session(token)
    assert view.idle_expire_time == START + IDLE
    assert view.expire_time == START + LIFETIME
    identity.clock.advance(MILLISECOND)
    assert (await identity.authenticate(token)).decision is Decision.REFUSED


async def test_a_password_cannot_be_changed_in_a_session_that_is_over(identity: Identity) -> None:
    _, token = await identity.settled_user()
    identity.clock.advance(IDLE)
    with pytest.raises(SessionNotValid):
        await identity.sessions.change_password(token, OWN_PASSWORD, OWN_PASSWORD)


async def test_redis_would_forget_a_session_a_minute_after_its_end_at_most(identity: Identity) -> None:
    _, token = await identity.settled_user()
    await identity.authenticate(token)
    remaining_ms = await identity.redis.pttl(f"session:{token.digest().hex()}")
    assert IDLE < timedelta(milliseconds=remaining_ms) <= IDLE + timedelta(minutes=1)


async def test_a_temporary_password_opens_for_30_days(identity: Identity) -> None:
    user = await identity.new_user()
    identity.clock.advance(timedelta(days=30) - MILLISECOND)
    opened = await identity.sessions.sign_in(user.login, user.temporary_password)
    assert opened.password_change_required
    identity.clock.advance(MILLISECOND)
    with pytest.raises(CredentialsRefused):
        await identity.sessions.sign_in(user.login, user.temporary_password)


async def test_a_password_of_one_s_own_does_not_expire(identity: Identity) -> None:
    user, _ = await identity.settled_user()
    identity.clock.advance(timedelta(days=365))
    opened = await identity.sign_in(user)
    assert not opened.password_change_required
    assert opened.previous_sign_in_time == START


async def test_a_session_that_calls_too_often_waits_for_the_next_window(settings: IdentitySettings) -> None:
    rate = settings.model_copy(update={"sessions": SessionSettings(calls_per_minute=3)})
    async with compose(rate) as identity:
        _, token = await identity.settled_user()
        # The same token several times in a batch counts each time.
        identity.clock.advance(timedelta(seconds=20))
        verdicts = await identity.sessions.authenticate([token] * 4)
        assert [verdict.decision for verdict in verdicts] == [*[Decision.ACCEPTED] * 3, Decision.RATE_LIMITED]
        assert verdicts[3].standing is None
        assert verdicts[3].retry_after == timedelta(seconds=40)
        identity.clock.advance(timedelta(seconds=40) - MILLISECOND)
        assert (await identity.authenticate(token)).retry_after == MILLISECOND
        identity.clock.advance(MILLISECOND)
        assert (await identity.authenticate(token)).decision is Decision.ACCEPTED


async def test_a_revoked_session_is_refused_even_while_it_calls_too_often(settings: IdentitySettings) -> None:
    rate = settings.model_copy(update={"sessions": SessionSettings(calls_per_minute=1)})
    async with compose(rate) as identity:
        user, token = await identity.settled_user()
        await identity.authenticate(token)
        assert (await identity.authenticate(token)).decision is Decision.RATE_LIMITED
        await identity.accounts.revoke_sessions(user.account_id)
        assert (await identity.authenticate(token)).decision is Decision.REFUSED
