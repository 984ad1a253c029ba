"""Guessing is bounded, on a real Valkey of the tests' own (CNIL deliberation 2022-100; N5, N8)."""

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from redis.crc import key_slot

from services.identity.attempts.domain import (
    AnyBrowser,
    Attempt,
    HeldSession,
    KnownDevice,
    Subject,
    TooManySignIns,
)
from services.identity.attempts.service import SignInGuard
from services.identity.attempts.store import AttemptCounter
from services.identity.config import SignInSettings
from services.identity.domain import CredentialsRefused
from services.identity.passwords.domain import SignInsOverloaded
from services.identity.second_factor.domain import SecondFactorRequired
from services.kit.clock import epoch_ms
from services.kit.config import RedisSettings
from services.kit.errors import DependencyUnavailable, DomainError
from services.kit.redis import RedisClient, open_redis
from tests.clock import FakeClock
from tests.redis_servers import Standalone, cluster, standalone

START = datetime(2026, 11, 23, 9, 0, 0, 123_000, tzinfo=UTC)
INDEX_KEY = b"index key of the tests: 32 bytes"
MILLISECOND, SECOND = timedelta(milliseconds=1), timedelta(seconds=1)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST_DELAY, LONGEST_DELAY = 90 * SECOND, 15 * MINUTE
DEFAULTS = SignInSettings()
# For tests of one account: nothing but its own failures binds it.
WIDE = SignInSettings(network_failures_per_hour=100_000, global_failures_per_minute=100_000)

OWNER = "x21-4f7k2m"
SOMEBODY = AnyBrowser(OWNER, "203.0.113.0/24")
DEVICE = KnownDevice(OWNER, UUID("01a207a2-3280-742e-a654-9f19a2b484c0"))
OTHER_DEVICE = KnownDevice(OWNER, UUID("01a207a2-3280-7fe9-a2fb-88af0a7aa51a"))
SESSION = HeldSession(OWNER)
OTHER_SESSION = HeldSession("x21-999999")

_numbers = itertools.count(1)


def stranger(network_prefix: str = "203.0.113.0/24") -> AnyBrowser:
    """Somebody who tries a login that nobody tried before."""
    return AnyBrowser(f"x21-{next(_numbers):06}", network_prefix)


@dataclass(frozen=True)
class Replica:
    """One server's guard."""

    guard: SignInGuard
    counter: AttemptCounter
    clock: FakeClock
    redis: RedisClient

    async def refused(self, subject: Subject) -> Attempt:
        """A wrong password."""
        with pytest.raises(CredentialsRefused):
            async with self.guard.attempt(subject) as attempt:
                raise CredentialsRefused
        return attempt

    async def fail(self, subject: Subject) -> bool:
        """A wrong password; whether it was let through, which only the server knows."""
        return not (await self.refused(subject)).locked

    async def fail_often(self, subject: Subject, times: int) -> list[bool]:
        """Wrong passwords one after the other; which were let through."""
        return [await self.fail(subject) for _ in range(times)]

    async def succeed(self, subject: Subject) -> bool:
        """The right password; whether it opens."""
        try:
            async with self.guard.attempt(subject):
                pass
        except CredentialsRefused:
            return False
        return True

    async def stop(
        self, subject: Subject, error: BaseException, before: Callable[[], None] = lambda: None
    ) -> None:
        """A try that ends by an error."""

        async def attempt() -> None:
            async with self.guard.attempt(subject):
                before()
                raise error

        with pytest.raises(type(error)):
            await attempt()

    async def retry_after(self, subject: Subject) -> timedelta:
        """A try for which there are too many; how long its caller is told to wait."""
        with pytest.raises(TooManySignIns) as limited:
            await self.fail(subject)
        assert limited.value.retry_after_seconds is not None
        return timedelta(seconds=limited.value.retry_after_seconds)


@asynccontextmanager
async def replica_of(
    redis: RedisSettings, settings: SignInSettings = WIDE, clock: FakeClock | None = None
) -> AsyncIterator[Replica]:
    """A server with connections of its own."""
    clock = clock or FakeClock(START)
    async with open_redis(redis) as client:
        counter = AttemptCounter(client, settings, INDEX_KEY)
        yield Replica(SignInGuard(counter, clock), counter, clock, client)


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Standalone]:
    async with standalone() as running:
        yield running


@pytest.fixture
async def here(server: Standalone) -> AsyncIterator[Replica]:
    await server.server.call("FLUSHALL")
    async with replica_of(server.settings) as replica:
        yield replica


@pytest.fixture
async def limited(server: Standalone) -> AsyncIterator[Replica]:
    """With the limits that are the default."""
    await server.server.call("FLUSHALL")
    async with replica_of(server.settings, DEFAULTS) as replica:
        yield replica


# An account


async def test_after_five_failures_the_right_password_is_refused_like_a_wrong_one(here: Replica) -> None:
    assert await here.fail_often(SOMEBODY, 5) == [True] * 5
    assert not await here.fail(SOMEBODY)
    assert not await here.succeed(SOMEBODY)
    here.clock.advance(FIRST_DELAY)
    assert await here.succeed(SOMEBODY)


@pytest.mark.parametrize("subject", [SOMEBODY, DEVICE, SESSION])
async def test_the_delay_grows_with_every_failure_and_25_a_day_are_all(
    here: Replica, subject: Subject
) -> None:
    assert await here.fail_often(subject, 5) == [True] * 5
    for seconds in (90, 180, 360, 720, *[900] * 16):
        here.clock.advance(seconds * SECOND - MILLISECOND)
        assert not await here.fail(subject)
        here.clock.advance(MILLISECOND)
        assert await here.fail(subject)
    # The first five came at START. They count for a day, and for the hour by which a clock may be wrong.
    here.clock.advance(START + DAY + HOUR - MILLISECOND - here.clock.now())
    assert not await here.fail(subject)
    here.clock.advance(MILLISECOND)
    assert await here.fail_often(subject, 2) == [True, False]
    here.clock.advance(LONGEST_DELAY)
    assert await here.succeed(subject)


async def test_who_keeps_trying_while_it_is_locked_locks_it_no_longer(here: Replica) -> None:
    await here.fail_often(SOMEBODY, 5)
    for _ in range(30):
        here.clock.advance(SECOND)
        assert not await here.fail(SOMEBODY)
    here.clock.advance(FIRST_DELAY - 30 * SECOND)
    assert await here.succeed(SOMEBODY)


async def test_the_right_password_forgets_the_failures(here: Replica) -> None:
    for _ in range(3):
        assert await here.fail_often(SOMEBODY, 4) == [True] * 4
        assert await here.succeed(SOMEBODY)


async def test_a_part_of_the_credentials_forgets_no_failures_and_is_none(here: Replica) -> None:
    await here.fail_often(SESSION, 3)
    for _ in range(10):
        async with here.guard.attempt(SESSION, forgets=False):
            pass
    assert await here.fail_often(SESSION, 3) == [True, True, False]


async def test_one_account_s_failures_are_no_other_s(here: Replica) -> None:
    await here.fail_often(SOMEBODY, 6)
    assert await here.succeed(AnyBrowser("x21-4f7k2n", SOMEBODY.network_prefix))
    assert not await here.succeed(AnyBrowser(OWNER, "198.51.100.0/24"))


async def test_the_failure_that_locks_is_told_once(here: Replica) -> None:
    async def told(times: int) -> list[bool]:
        return [(await here.refused(SOMEBODY)).locks_account for _ in range(times)]

    assert await told(8) == [False] * 4 + [True] + [False] * 3
    for _ in range(20):
        here.clock.advance(LONGEST_DELAY)
        assert await told(2) == [False] * 2
    here.clock.advance(2 * DAY)
    assert await told(6) == [False] * 4 + [True, False]
    await here.guard.unlock(OWNER)
    assert await told(6) == [False] * 4 + [True, False]


@pytest.mark.parametrize("subject", [DEVICE, SESSION])
async def test_a_device_or_session_that_is_locked_locks_no_account(here: Replica, subject: Subject) -> None:
    tries = [await here.refused(subject) for _ in range(8)]
    assert [attempt.locked for attempt in tries] == [False] * 5 + [True] * 3
    assert not any(attempt.locks_account for attempt in tries)
    assert not await here.guard.is_locked(OWNER)
    assert await here.fail_often(SOMEBODY, 6) == [True] * 5 + [False]


async def test_a_lock_is_shown_while_it_holds_and_showing_it_counts_nothing(here: Replica) -> None:
    await here.fail_often(SOMEBODY, 4)
    assert [await here.guard.is_locked(OWNER) for _ in range(9)] == [False] * 9
    await here.fail(SOMEBODY)
    assert await here.guard.is_locked(OWNER)
    assert not await here.guard.is_locked("x21-4f7k2n")
    here.clock.advance(FIRST_DELAY)
    assert not await here.guard.is_locked(OWNER)


@pytest.mark.alone
async def test_a_burst_does_not_slip_through_nor_does_one_over_two_servers(
    here: Replica, server: Standalone
) -> None:
    let_through = 0

    async def guess(replica: Replica) -> None:
        nonlocal let_through
        async with replica.guard.attempt(SOMEBODY) as attempt:
            let_through += not attempt.locked
            await asyncio.sleep(0.2)  # the hash
            raise CredentialsRefused

    async with replica_of(server.settings) as there:
        guesses = (guess(replica) for replica in [here, there] * 100)
        outcomes = await asyncio.gather(*guesses, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [CredentialsRefused] * 200
    assert let_through == 5


async def test_servers_share_what_they_counted(here: Replica, server: Standalone) -> None:
    async with replica_of(server.settings) as there:
        await here.fail_often(SOMEBODY, 3)
        assert await there.fail_often(SOMEBODY, 3) == [True, True, False]
        assert await here.guard.is_locked(OWNER)
        await there.guard.unlock(OWNER)
        assert await here.succeed(SOMEBODY)


# A known device, a session, and the caisse


async def test_the_owner_gets_in_from_a_known_device_while_his_account_is_under_attack(
    limited: Replica,
) -> None:
    await limited.fail_often(SOMEBODY, 100)
    assert await limited.guard.is_locked(OWNER)
    assert await limited.retry_after(SOMEBODY)
    assert await limited.succeed(DEVICE)
    # His sign-in gives the attacker no new tries.
    assert not await limited.fail(AnyBrowser(OWNER, "198.51.100.0/24"))


async def test_a_known_device_is_bound_by_its_own_failures(here: Replica) -> None:
    assert await here.fail_often(DEVICE, 6) == [True] * 5 + [False]
    assert not await here.succeed(DEVICE)
    assert await here.succeed(OTHER_DEVICE)
    assert await here.succeed(SOMEBODY)
    assert await here.succeed(KnownDevice("x21-4f7k2n", DEVICE.device_id))
    assert not await here.succeed(DEVICE)
    here.clock.advance(FIRST_DELAY)
    assert await here.succeed(DEVICE)


async def test_wrong_current_passwords_bind_the_sessions_of_the_account_and_nobody_else(
    here: Replica,
) -> None:
    assert await here.fail_often(SESSION, 6) == [True] * 5 + [False]
    for other in (OTHER_SESSION, DEVICE, SOMEBODY):
        assert await here.succeed(other)
    assert not await here.succeed(SESSION)


async def test_what_devices_and_sessions_do_counts_for_no_network(limited: Replica) -> None:
    for _ in range(400):
        await limited.fail(KnownDevice(OWNER, uuid4()))
        await limited.fail(HeldSession(f"x21-{next(_numbers):06}"))
    kinds = {key.split(b":")[2] for key in await _keys(limited)}
    assert kinds == {b"device", b"session"}
    assert await limited.succeed(SOMEBODY)


@pytest.mark.parametrize("subject", [SOMEBODY, DEVICE, SESSION])
async def test_the_caisse_unlocks_an_account_with_its_devices_and_sessions(
    here: Replica, subject: Subject
) -> None:
    await here.fail_often(subject, 6)
    await here.guard.unlock("x21-4f7k2n")
    assert not await here.succeed(subject)
    await here.guard.unlock(OWNER)
    assert await here.fail_often(subject, 6) == [True] * 5 + [False]


@pytest.mark.parametrize("subject", [SOMEBODY, DEVICE, SESSION])
async def test_an_unlocked_account_can_be_locked_though_the_clock_goes_back(
    here: Replica, subject: Subject
) -> None:
    await here.guard.unlock(OWNER)
    here.clock.advance(-HOUR)
    assert await here.fail_often(subject, 6) == [True] * 5 + [False]


# Networks, and all together


async def test_a_network_has_100_failures_and_as_many_again_in_an_hour(limited: Replica) -> None:
    for _ in range(100):
        assert await limited.fail(stranger())
    assert await limited.retry_after(stranger()) == 36 * SECOND
    limited.clock.advance(36 * SECOND - MILLISECOND)
    assert await limited.retry_after(stranger()) == MILLISECOND
    limited.clock.advance(MILLISECOND)
    assert await limited.fail(stranger())
    assert await limited.retry_after(stranger()) == 36 * SECOND
    # Who kept still has saved nothing up.
    limited.clock.advance(2 * DAY)
    for _ in range(100):
        assert await limited.fail(stranger())
    assert await limited.retry_after(stranger()) == 36 * SECOND


async def test_an_unknown_network_is_one_like_any_other(limited: Replica) -> None:
    for _ in range(100):
        await limited.fail(stranger(""))
    assert await limited.retry_after(stranger("")) == 36 * SECOND
    assert await limited.fail(stranger("203.0.113.0/24"))


async def test_all_together_have_300_failures_and_as_many_again_in_a_minute(limited: Replica) -> None:
    for number in range(300):
        assert await limited.fail(stranger(f"198.51.{number}.0/24"))
    assert await limited.retry_after(stranger("192.0.2.0/24")) == 200 * MILLISECOND
    limited.clock.advance(200 * MILLISECOND)
    assert await limited.fail(stranger("192.0.2.0/24"))
    assert await limited.retry_after(stranger("192.0.2.0/24")) == 200 * MILLISECOND


async def test_whom_both_bind_waits_for_the_longer_one(here: Replica) -> None:
    both = SignInSettings(network_failures_per_hour=2, global_failures_per_minute=2)
    guard = SignInGuard(AttemptCounter(here.redis, both, INDEX_KEY), here.clock)
    strict = replace(here, guard=guard)
    for _ in range(2):
        await strict.fail(stranger())
    assert await strict.retry_after(stranger()) == 30 * MINUTE
    assert await strict.retry_after(stranger("192.0.2.0/24")) == 30 * SECOND


async def test_who_has_to_wait_makes_nobody_wait_longer(limited: Replica) -> None:
    for _ in range(100):
        await limited.fail(stranger())
    for _ in range(500):
        assert await limited.retry_after(SOMEBODY) == 36 * SECOND
    assert await limited.fail(stranger("192.0.2.0/24"))
    limited.clock.advance(36 * SECOND)
    assert await limited.succeed(SOMEBODY)


async def test_sign_ins_that_succeed_count_for_no_network(limited: Replica) -> None:
    for _ in range(99):
        await limited.fail(stranger())
    for _ in range(300):
        assert await limited.succeed(stranger())
    assert await limited.fail(stranger())
    assert await limited.retry_after(stranger())


async def test_a_lock_shows_in_no_limit_of_a_network(limited: Replica) -> None:
    """Else one could read off the limit which tries were looked at."""
    outcomes = await limited.fail_often(SOMEBODY, 100)
    assert outcomes == [True] * 5 + [False] * 95
    assert await limited.retry_after(SOMEBODY) == 36 * SECOND
    assert await limited.retry_after(stranger()) == 36 * SECOND
    assert await limited.retry_after(AnyBrowser("no login at all", SOMEBODY.network_prefix)) == 36 * SECOND


# How a try ends


@pytest.mark.parametrize("error", [SecondFactorRequired(), DependencyUnavailable(), SignInsOverloaded()])
async def test_where_nothing_was_decided_nothing_is_counted(limited: Replica, error: Exception) -> None:
    await limited.fail_often(SOMEBODY, 3)
    for _ in range(200):
        await limited.stop(SOMEBODY, error)
    assert await limited.fail_often(SOMEBODY, 3) == [True, True, False]
    for _ in range(94):
        await limited.fail(stranger())
    assert await limited.retry_after(stranger())


@pytest.mark.parametrize("error", [SignInsOverloaded(), DependencyUnavailable()])
async def test_who_is_turned_away_learns_nothing_of_a_lock(here: Replica, error: DomainError) -> None:
    async def turned_away() -> None:
        async with here.guard.attempt(SOMEBODY) as attempt:
            assert attempt.locked
            raise error

    await here.fail_often(SOMEBODY, 6)
    with pytest.raises(type(error)):
        await turned_away()


async def test_a_try_that_is_given_up_counts_for_its_network_alone(limited: Replica) -> None:
    for _ in range(100):
        await limited.stop(SOMEBODY, asyncio.CancelledError())
    assert not await limited.guard.is_locked(OWNER)
    assert await limited.fail_often(DEVICE, 6) == [True] * 5 + [False]
    assert await limited.retry_after(stranger()) == 36 * SECOND


async def test_a_call_that_is_cancelled_gives_its_try_up(here: Replica) -> None:
    async def hang() -> None:
        async with here.guard.attempt(SOMEBODY):
            await asyncio.sleep(60)

    for _ in range(9):
        call = asyncio.create_task(hang())
        await asyncio.sleep(0.02)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert await here.fail_often(SOMEBODY, 6) == [True] * 5 + [False]


async def test_a_try_that_fails_otherwise_stays_counted(here: Replica) -> None:
    for _ in range(5):
        await here.stop(SOMEBODY, RuntimeError())
    assert not await here.fail(SOMEBODY)


async def test_a_locked_account_does_not_tell_that_only_the_second_factor_is_missing(here: Replica) -> None:
    await here.fail_often(SOMEBODY, 5)
    with pytest.raises(CredentialsRefused):
        async with here.guard.attempt(SOMEBODY):
            raise SecondFactorRequired
    # That a store is away tells nothing of the password.
    await here.stop(SOMEBODY, DependencyUnavailable())
    here.clock.advance(FIRST_DELAY)
    await here.stop(SOMEBODY, SecondFactorRequired())


async def test_a_try_that_is_sent_twice_counts_once(
    limited: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a connection that died, when nobody knows whether the script ran."""
    await limited.fail_often(SOMEBODY, 3)
    attempt_id = uuid4()
    with monkeypatch.context() as patch:
        patch.setattr("services.identity.attempts.store.new_uuid7", lambda _: attempt_id)
        tries = [await limited.counter.begin(SOMEBODY, START) for _ in range(9)]
    assert not any(attempt.locked for attempt in tries)
    for _ in range(3):
        await limited.counter.withdraw(tries[0])
    assert await limited.fail_often(SOMEBODY, 3) == [True, True, False]
    for _ in range(94):
        await limited.fail(stranger())
    assert await limited.retry_after(stranger())


async def test_who_has_to_wait_has_locked_nothing(limited: Replica) -> None:
    for _ in range(100):
        await limited.fail(stranger())
    limited.clock.advance(36 * SECOND - 10 * MILLISECOND)
    for milliseconds in range(10, 0, -1):
        attempt = await limited.counter.begin(stranger(), limited.clock.now())
        assert attempt.retry_after == milliseconds * MILLISECOND
        assert not attempt.locks_account
        assert not attempt.locked
        limited.clock.advance(MILLISECOND)


# Redis


async def test_without_redis_nobody_is_let_through() -> None:
    async with standalone() as alone, replica_of(alone.settings) as replica:
        await replica.fail_often(SOMEBODY, 5)
        alone.server.kill()
        for subject in (SOMEBODY, DEVICE, SESSION):
            entered = False
            with pytest.raises(DependencyUnavailable):
                async with replica.guard.attempt(subject):
                    entered = True
            assert not entered
        for question in (replica.guard.is_locked(OWNER), replica.guard.unlock(OWNER)):
            with pytest.raises(DependencyUnavailable):
                await question
        await alone.server.restart()
        assert not await replica.succeed(SOMEBODY)


async def test_a_success_that_cannot_be_recorded_is_none() -> None:
    async with standalone() as alone, replica_of(alone.settings) as replica:
        for forgets in (True, False):
            with pytest.raises(DependencyUnavailable):
                async with replica.guard.attempt(SOMEBODY, forgets=forgets):
                    alone.server.kill()
            await alone.server.restart()
        for error in (CredentialsRefused, SecondFactorRequired, asyncio.CancelledError):
            await replica.stop(SOMEBODY, error(), before=alone.server.kill)
            await alone.server.restart()
        assert not await replica.fail(SOMEBODY)


async def test_a_try_costs_one_round_trip_to_begin_and_a_refusal_none(
    limited: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    await limited.succeed(SOMEBODY)
    commands = _commands_of(limited.redis, monkeypatch)
    await limited.fail_often(SOMEBODY, 7)
    await limited.fail(DEVICE)
    assert commands == ["EVALSHA"] * 8
    await limited.succeed(stranger())
    await limited.stop(stranger(), SecondFactorRequired())
    await limited.guard.is_locked(OWNER)
    await limited.guard.unlock(OWNER)
    assert {*commands[8:]} <= {"EVALSHA", "EVAL"}


def _commands_of(redis: RedisClient, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    commands: list[str] = []
    original: Callable[..., Any] = redis.execute_command

    async def counting(*args: object, **options: object) -> object:
        commands.append(str(args[0]))
        return await original(*args, **options)

    monkeypatch.setattr(redis, "execute_command", counting)
    return commands


async def test_nothing_in_redis_tells_a_login_a_device_a_session_or_a_network(limited: Replica) -> None:
    told = await _everything_kept(limited)
    secrets = (OWNER.encode(), b"203.0.113", *_ids(DEVICE.device_id))
    for secret in secrets:
        assert secret not in told
    assert b"{identity}:attempts:login:" in told


async def test_one_text_has_another_name_for_each_use(limited: Replica) -> None:
    """A login that is tried as a network, say, tells by its name that they are the same."""
    await limited.fail(AnyBrowser(OWNER, OWNER))
    await limited.guard.unlock(OWNER)
    await limited.fail(AnyBrowser(OWNER, OWNER))
    names = {key.rpartition(b":")[2] for key in await _keys(limited)}
    assert len(names) == 4  # of the login, of its unlocking, of the network, and "global"


async def test_another_index_key_names_everything_otherwise(limited: Replica) -> None:
    await limited.fail(SOMEBODY)
    before = {*await _keys(limited)}
    await limited.redis.flushall()
    await AttemptCounter(limited.redis, DEFAULTS, b"another index key of 32 bytes...").begin(SOMEBODY, START)
    assert {*await _keys(limited)} & before == {b"{identity}:attempts:global"}


async def test_every_key_expires_and_none_grows_with_the_tries(limited: Replica) -> None:
    await _everything_kept(limited)
    before = await _keys(limited)
    for _ in range(40):
        limited.clock.advance(LONGEST_DELAY)
        for subject in (SOMEBODY, DEVICE, SESSION):
            await limited.fail_often(subject, 2)
    assert {*await _keys(limited)} == {*before}
    for key in before:
        assert 0 < await limited.redis.pttl(key) <= (DAY + HOUR + MINUTE) // MILLISECOND
    kinds = {key.split(b":")[2]: key for key in before}
    for kind in (b"login", b"device", b"session"):
        assert await limited.redis.zcard(kinds[kind]) == 25
    for kind in (b"network", b"global"):
        assert await limited.redis.hlen(kinds[kind]) == 2
    assert {*kinds} == {b"login", b"device", b"session", b"network", b"global", b"cleared"}


async def test_all_keys_of_a_script_are_in_one_slot(limited: Replica) -> None:
    await _everything_kept(limited)
    keys = await _keys(limited)
    assert len(keys) == 6
    assert {key_slot(key) for key in keys} == {key_slot(b"{identity}")}


async def test_a_cluster_counts_as_one_server_does() -> None:
    async with cluster() as nodes, replica_of(nodes.settings, DEFAULTS) as replica:
        assert await replica.fail_often(SOMEBODY, 6) == [True] * 5 + [False]
        assert await replica.guard.is_locked(OWNER)
        assert await replica.fail_often(DEVICE, 6) == [True] * 5 + [False]
        assert await replica.fail_often(SESSION, 6) == [True] * 5 + [False]
        await replica.guard.unlock(OWNER)
        for subject in (SOMEBODY, DEVICE, SESSION):
            assert await replica.succeed(subject)
        for _ in range(94):
            await replica.fail(stranger())
        assert await replica.retry_after(stranger()) == 36 * SECOND


async def _keys(replica: Replica) -> list[bytes]:
    return [key async for key in replica.redis.scan_iter()]


async def _everything_kept(replica: Replica) -> bytes:
    """What Redis holds once each kind of thing was counted there."""
    await replica.guard.unlock(OWNER)
    for subject in (SOMEBODY, DEVICE, SESSION):
        await replica.fail_often(subject, 6)
    kept: list[object] = []
    for key in await _keys(replica):
        match await replica.redis.type(key):
            case b"zset":
                kept += [key, *itertools.chain(*await replica.redis.zrange(key, 0, -1, withscores=True))]
            case b"hash":
                kept += [key, *itertools.chain(*(await replica.redis.hgetall(key)).items())]
            case b"string":
                kept += [key, await replica.redis.get(key)]
    return b"\n".join(each if isinstance(each, bytes) else repr(each).encode() for each in kept)


def _ids(identifier: UUID) -> list[bytes]:
    return [str(identifier).encode(), identifier.hex.encode(), identifier.bytes]


# Clocks


async def test_a_day_s_tries_stay_a_day_s_though_the_clock_is_an_hour_wrong(here: Replica) -> None:
    for _ in range(25):
        await here.fail(SOMEBODY)
        here.clock.advance(LONGEST_DELAY)
    for hours in (1, -2, 1):
        here.clock.advance(hours * HOUR)
        assert not await here.fail(SOMEBODY)
    # A day after the first of them, or so says a clock that is an hour ahead.
    here.clock.advance(START + DAY - MILLISECOND + HOUR - here.clock.now())
    assert not await here.fail(SOMEBODY)
    here.clock.advance(MILLISECOND)
    assert await here.fail(SOMEBODY)


async def test_a_clock_that_goes_back_ends_no_delay_and_locks_until_it_has_caught_up(here: Replica) -> None:
    await here.fail_often(SOMEBODY, 5)
    here.clock.advance(-HOUR)
    assert not await here.fail(SOMEBODY)
    here.clock.advance(HOUR + FIRST_DELAY - MILLISECOND)
    assert not await here.fail(SOMEBODY)
    here.clock.advance(MILLISECOND)
    assert await here.succeed(SOMEBODY)


async def test_what_a_clock_lets_through_an_hour_early_it_does_not_let_through_again(here: Replica) -> None:
    await here.fail_often(SOMEBODY, 5)
    here.clock.advance(HOUR)
    assert await here.fail_often(SOMEBODY, 2) == [True, False]
    here.clock.advance(-HOUR)
    for minutes in (0, 30, 30, 2):
        here.clock.advance(minutes * MINUTE)
        assert not await here.fail(SOMEBODY)
    here.clock.advance(MINUTE)
    assert await here.fail(SOMEBODY)


async def test_servers_whose_clocks_differ_let_through_no_more_than_the_one_ahead(
    here: Replica, server: Standalone
) -> None:
    ahead = FakeClock(START + HOUR)
    async with replica_of(server.settings, clock=ahead) as there:
        both = [await replica.fail(SOMEBODY) for _ in range(5) for replica in (here, there)]
        assert both.count(True) == 5
        for _ in range(9):
            for clock in (here.clock, ahead):
                clock.advance(10 * SECOND - MILLISECOND)
            assert [await here.fail(SOMEBODY), await there.fail(SOMEBODY)] == [False, False]
        for clock in (here.clock, ahead):
            clock.advance(9 * MILLISECOND)
        assert [await here.fail(SOMEBODY), await there.fail(SOMEBODY)] == [False, True]


async def test_a_network_gains_nothing_by_clocks_that_differ(limited: Replica, server: Standalone) -> None:
    ahead = FakeClock(START + HOUR)
    async with replica_of(server.settings, DEFAULTS, ahead) as there:
        for _ in range(50):
            assert await there.fail(stranger())
            assert await limited.fail(stranger())
        assert await limited.retry_after(stranger()) == 36 * SECOND
        assert await there.retry_after(stranger()) == 36 * SECOND
        ahead.advance(36 * SECOND)
        assert await there.fail(stranger())
        # The clock that was ahead is set right: what it gave an hour early, it takes back.
        ahead.advance(-HOUR)
        assert await there.retry_after(stranger()) == 36 * SECOND
        ahead.advance(HOUR + 36 * SECOND)
        assert await there.fail(stranger())


WRONG_CLOCKS = st.lists(
    # Minutes that pass, and by how many minutes the clock of the server that is asked is ahead.
    st.tuples(st.sampled_from([0, 5, 16, 16, 40]), st.sampled_from([0, 0, 7, 60, 60])),
    min_size=150,
    max_size=150,
)


@examples(max_examples=30, deadline=None, suppress_health_check=[*HealthCheck])
@given(steps=WRONG_CLOCKS)
async def test_no_clock_within_an_hour_gives_a_26th_try_in_24_hours_or_locks_for_ever(
    here: Replica, steps: Sequence[tuple[int, int]]
) -> None:
    subject, time = stranger(), START
    let_through = []
    for minutes, ahead in steps:
        time += minutes * MINUTE
        here.clock.advance(time + ahead * MINUTE - here.clock.now())
        if await here.fail(subject):
            let_through.append(time)
    assert len(let_through) >= 5
    for first, twenty_sixth in zip(let_through, let_through[25:], strict=False):
        assert twenty_sixth - first >= DAY
    here.clock.advance(time + DAY + 2 * HOUR - here.clock.now())
    assert await here.succeed(subject)


# The script against a model in plain words


class Model:
    """What may happen to one account, told by whole milliseconds."""

    def __init__(self) -> None:
        self.tries: list[int] = []
        self.unlocked = -math.inf

    def lets_through(self, clock: int) -> bool:
        now = max([clock, *self.tries, self.unlocked + 1])
        self.tries = [each for each in self.tries if now - each < 25 * 3_600_000]
        failures = len(self.tries)
        if failures >= 25:
            return False
        delay = 0 if failures < 5 else min(90_000 * 2 ** (failures - 5), 900_000)
        if self.tries and now < max(self.tries) + delay:
            return False
        self.tries.append(int(now))
        return True

    def unlock(self, clock: int) -> None:
        self.tries, self.unlocked = [], clock


HISTORIES = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 89_999, 90_000, 180_000, 900_000, 900_000, 3_600_000, -3_600_000])
        | st.integers(-4_000_000, 40_000_000),
        st.sampled_from(["fail"] * 12 + ["succeed", "withdraw", "unlock"]),
    ),
    max_size=100,
)


@examples(max_examples=60, deadline=None, suppress_health_check=[*HealthCheck])
@given(history=HISTORIES)
async def test_the_script_does_what_the_rule_says(here: Replica, history: Sequence[tuple[int, str]]) -> None:
    subject, model = stranger(), Model()
    for wait_ms, act in history:
        here.clock.advance(wait_ms * MILLISECOND)
        clock = epoch_ms(here.clock.now())
        if act == "unlock":
            await here.guard.unlock(subject.login)
            model.unlock(clock)
            continue
        attempt = await here.counter.begin(subject, here.clock.now())
        assert attempt.locked != model.lets_through(clock)
        assert attempt.locks_account == (not attempt.locked and len(model.tries) == 5)
        if act == "succeed" and not attempt.locked:
            await here.counter.succeed(attempt)
            model.tries = []
        if act == "withdraw" and not attempt.locked:
            await here.counter.withdraw(attempt)
            model.tries.pop()
