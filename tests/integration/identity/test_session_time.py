"""What time does to sessions (art. 7-1) and to temporary passwords (art. 4-3)."""

from datetime import UTC, datetime, timedelta

import pytest

from services.identity.accounts.domain import OfAccount
from services.identity.config import IdentitySettings, SessionSettings
from services.identity.domain import CredentialsRefused, SessionNotValid
from services.identity.sessions.domain import Decision
from services.kit.hours import HoursSettings
from tests.integration.identity.composed import (
    ELSEWHERE,
    OWN_PASSWORD,
    START,
    Identity,
    compose,
    session_key,
)

MILLISECOND = timedelta(milliseconds=1)
IDLE = timedelta(minutes=15)
LIFETIME = timedelta(hours=8)


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
        await identity.look_at(token)


async def test_a_session_ends_of_age_however_busy_it_is(identity: Identity) -> None:
    _, token = await identity.settled_user()
    step = timedelta(minutes=10)
    for _ in range(LIFETIME // step - 1):
        identity.clock.advance(step)
        assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    identity.clock.advance(step - MILLISECOND)
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    view = await identity.look_at(token)
    assert view.idle_expire_time == view.expire_time == START + LIFETIME
    identity.clock.advance(MILLISECOND)
    assert (await identity.authenticate(token)).decision is Decision.REFUSED


async def test_looking_at_a_session_does_not_prolong_it(identity: Identity) -> None:
    _, token = await identity.settled_user()
    identity.clock.advance(IDLE - MILLISECOND)
    view = await identity.look_at(token)
    assert view.idle_expire_time == START + IDLE
    assert view.expire_time == START + LIFETIME
    identity.clock.advance(MILLISECOND)
    assert (await identity.authenticate(token)).decision is Decision.REFUSED


async def test_a_password_cannot_be_changed_in_a_session_that_is_over(identity: Identity) -> None:
    _, token = await identity.settled_user()
    identity.clock.advance(IDLE)
    with pytest.raises(SessionNotValid):
        await identity.change_password(token, OWN_PASSWORD, OWN_PASSWORD)


async def test_redis_would_forget_a_session_a_minute_after_its_end_at_most(identity: Identity) -> None:
    _, token = await identity.settled_user()
    await identity.authenticate(token)
    remaining_ms = await identity.redis.pttl(session_key(token))
    assert IDLE < timedelta(milliseconds=remaining_ms) <= IDLE + timedelta(minutes=1)


async def test_a_temporary_password_opens_for_30_days(identity: Identity) -> None:
    user = await identity.new_user()
    identity.clock.advance(timedelta(days=30) - MILLISECOND)
    opened = await identity.sign_in(user, user.temporary_password)
    assert opened.session.password_change_required
    identity.clock.advance(MILLISECOND)
    with pytest.raises(CredentialsRefused):
        await identity.sign_in(user, user.temporary_password)


async def test_a_password_of_one_s_own_does_not_expire(identity: Identity) -> None:
    user, _ = await identity.settled_user()
    identity.clock.advance(timedelta(days=365))
    opened = await identity.sign_in(user)
    assert not opened.session.password_change_required
    assert opened.previous_sign_in_time == START


async def test_an_account_that_calls_too_often_waits_until_there_is_room_for_one_more(
    settings: IdentitySettings,
) -> None:
    rate = settings.model_copy(update={"sessions": SessionSettings(calls_per_minute=3)})
    async with compose(rate) as identity:
        _, token = await identity.settled_user()
        # The same token several times in a batch counts each time.
        verdicts = await identity.authenticate_all([token] * 4)
        assert [verdict.decision for verdict in verdicts] == [*[Decision.ACCEPTED] * 3, Decision.RATE_LIMITED]
        assert verdicts[3].standing is None
        assert verdicts[3].retry_after == timedelta(seconds=20)
        identity.clock.advance(timedelta(seconds=20) - MILLISECOND)
        assert (await identity.authenticate(token)).retry_after == MILLISECOND
        identity.clock.advance(MILLISECOND)
        assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
        assert (await identity.authenticate(token)).decision is Decision.RATE_LIMITED


async def test_the_rate_is_the_account_s_whatever_its_sessions(settings: IdentitySettings) -> None:
    rate = settings.model_copy(update={"sessions": SessionSettings(calls_per_minute=3)})
    async with compose(rate) as identity:
        user, token = await identity.settled_user()
        await identity.authenticate_all([token] * 3)
        again = await identity.sign_in(user)
        assert (await identity.authenticate(again.session.token)).decision is Decision.RATE_LIMITED
        _, other = await identity.settled_user()
        assert (await identity.authenticate(other)).decision is Decision.ACCEPTED


async def test_a_session_ends_at_closing_time_at_the_latest_art_5(settings: IdentitySettings) -> None:
    hours = settings.model_copy(update={"hours": HoursSettings(always_open=False)})
    async with compose(hours) as identity:
        user, _ = await identity.settled_user()
        identity.clock.advance(timedelta(hours=9))  # 19:00 in Paris
        session = (await identity.sign_in(user)).session
        assert session.expire_time == datetime(2026, 11, 23, 22, tzinfo=UTC)
        for _ in range(23):
            identity.clock.advance(timedelta(minutes=10))
            assert (await identity.authenticate(session.token)).decision is Decision.ACCEPTED
        identity.clock.set(session.expire_time - MILLISECOND)
        assert (await identity.authenticate(session.token)).decision is Decision.ACCEPTED
        identity.clock.advance(MILLISECOND)
        assert (await identity.authenticate(session.token)).decision is Decision.REFUSED


async def test_what_is_left_is_told_without_prolonging_it(identity: Identity) -> None:
    _, token = await identity.settled_user()
    assert (await identity.authenticate(token)).remaining == IDLE
    identity.clock.advance(IDLE - timedelta(minutes=2, seconds=1))
    view = await identity.look_at(token)
    assert view.remaining == timedelta(minutes=2, seconds=1)
    assert not view.expiring_soon
    identity.clock.advance(timedelta(seconds=1))
    view = await identity.look_at(token)
    assert view.remaining == timedelta(minutes=2)
    assert view.expiring_soon
    identity.clock.advance(timedelta(minutes=2))
    with pytest.raises(SessionNotValid):
        await identity.look_at(token)


HOUR = timedelta(hours=1)


async def test_a_session_found_over_is_not_reborn_when_the_clock_goes_back(identity: Identity) -> None:
    _, token = await identity.settled_user()
    identity.clock.advance(HOUR)
    assert (await identity.authenticate(token)).decision is Decision.REFUSED
    identity.clock.advance(-HOUR)
    # Not from the address that was counted while the clock was ahead: its limit would speak first.
    assert (await identity.authenticate(token, ELSEWHERE)).decision is Decision.REFUSED


async def test_a_clock_that_goes_back_an_hour_prolongs_no_session(identity: Identity) -> None:
    _, token = await identity.settled_user()
    identity.clock.advance(-HOUR)
    assert (await identity.authenticate(token)).decision is Decision.REFUSED
    identity.clock.advance(HOUR)
    assert (await identity.authenticate(token)).decision is Decision.REFUSED


async def test_a_session_used_while_the_clock_was_ahead_ends_when_it_goes_back(identity: Identity) -> None:
    _, token = await identity.settled_user()
    identity.clock.advance(timedelta(minutes=14))
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    identity.clock.advance(-timedelta(minutes=14))
    assert (await identity.authenticate(token, ELSEWHERE)).decision is Decision.REFUSED


async def test_servers_whose_clocks_differ_by_seconds_agree_on_a_session(identity: Identity) -> None:
    _, token = await identity.settled_user()
    for _ in range(10):
        identity.clock.advance(timedelta(seconds=20))
        assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
        identity.clock.advance(-timedelta(seconds=20))
        assert (await identity.authenticate(token)).decision is Decision.ACCEPTED


async def test_a_clock_that_went_an_hour_ahead_does_not_limit_the_account_afterwards(
    settings: IdentitySettings,
) -> None:
    rate = settings.model_copy(update={"sessions": SessionSettings(calls_per_minute=3)})
    async with compose(rate) as identity:
        user, _ = await identity.settled_user()
        identity.clock.advance(HOUR)
        token = (await identity.sign_in(user)).session.token
        await identity.authenticate_all([token] * 3)
        identity.clock.advance(-HOUR)
        token = (await identity.sign_in(user)).session.token
        assert (await identity.authenticate(token, ELSEWHERE)).retry_after == timedelta(seconds=20)
        identity.clock.advance(timedelta(minutes=1))
        verdicts = await identity.authenticate_all([token] * 3, ELSEWHERE)
        assert verdicts[2].decision is Decision.ACCEPTED


async def test_a_revoked_session_is_refused_even_while_it_calls_too_often(settings: IdentitySettings) -> None:
    rate = settings.model_copy(update={"sessions": SessionSettings(calls_per_minute=1)})
    async with compose(rate) as identity:
        user, token = await identity.settled_user()
        await identity.authenticate(token)
        assert (await identity.authenticate(token)).decision is Decision.RATE_LIMITED
        await identity.accounts.revoke_sessions(OfAccount(user.account_id))
        assert (await identity.authenticate(token)).decision is Decision.REFUSED
