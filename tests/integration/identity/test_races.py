"""No session wins a race against its end, whatever becomes of Redis (N3, ADR 0007).

`--races N` says how many sessions race in each arrangement. The watch is watched: with either store's check taken out,
it finds those who got in.
"""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.identity.config import IdentitySettings, SessionSettings
from services.identity.sessions.domain import CountedUse, LiveSession, SessionUse, Standing
from services.identity.sessions.idle_store import IdleStore
from services.identity.sessions.store import SessionStore
from services.kit.config import RedisSettings
from services.kit.redaction import SessionToken
from tests.integration.identity.composed import Identity, compose, session_key
from tests.integration.identity.races import (
    ENDINGS,
    Watch,
    ask_once,
    asked_all_the_while,
    end_each,
    settle,
    start,
)
from tests.redis_servers import sentinel, standalone

# As many as end within the five seconds for which a replica that was cut off can still be promoted.
ROUND = 50
SABOTAGED = 20
# Who asks without a pause is to be told whether his session lives, not that he asks too often.
UNLIMITED = SessionSettings(
    calls_per_minute=10**9, partner_calls_per_minute=10**9, address_calls_per_minute=10**9
)
Sabotage = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture
def races(request: pytest.FixtureRequest) -> int:
    """How many sessions race."""
    asked: int = request.config.getoption("--races")
    return asked


@asynccontextmanager
async def on(settings: IdentitySettings, redis: RedisSettings) -> AsyncIterator[Identity]:
    """identity on another Redis."""
    async with compose(settings.model_copy(update={"redis": redis, "sessions": UNLIMITED})) as identity:
        yield identity


async def race(settings: IdentitySettings, races: int) -> Watch:
    """One Redis, which nothing happens to."""
    watch = Watch()
    async with standalone() as redis, on(settings, redis.settings) as identity:
        users = await settle(identity, min(ROUND, races))
        for _, end in zip(range(0, races, ROUND), itertools.cycle(ENDINGS), strict=False):
            racers = await start(identity, users)
            async with asked_all_the_while(identity, racers, watch):
                await end(identity, racers, watch)
                await ask_once(identity, [racer.token for racer in racers], watch)
    return watch


async def race_under_failover(settings: IdentitySettings, races: int) -> Watch:
    """The replica misses what ended the sessions; the primary dies; the replica takes over."""
    watch, brought_back = Watch(), 0
    for _ in range(0, races, ROUND):
        async with sentinel() as redis, on(settings, redis.settings) as identity:
            racers = await start(identity, await settle(identity, min(ROUND, races)))
            await redis.caught_up()
            async with asked_all_the_while(identity, racers, watch):
                await redis.cut_replication()
                await end_each(identity, racers, watch)
                await redis.fail_over()
                brought_back += await _answered(identity, [racer.token for racer in racers], watch)
    assert brought_back > 0
    return watch


async def race_emptied(settings: IdentitySettings, races: int) -> Watch:
    """Redis is killed and comes back with nothing: it knows no session from before."""
    watch = Watch()
    async with standalone() as redis, on(settings, redis.settings) as identity:
        users = await settle(identity, min(ROUND, races))
        for _ in range(0, races, ROUND):
            racers = await start(identity, users)
            async with asked_all_the_while(identity, racers, watch):
                await end_each(identity, racers[::2], watch)
                redis.server.kill()
                await redis.server.restart(empty=True)
                watch.end([racer.token for racer in racers])
                await _answered(identity, [racer.token for racer in racers], watch)
    return watch


async def _answered(identity: Identity, tokens: Sequence[SessionToken], watch: Watch) -> int:
    """Asks until Redis answers again; how many of the sessions it holds."""
    before = watch.answered
    while watch.answered < before + len(tokens):
        await ask_once(identity, tokens, watch)
    return sum([await identity.redis.exists(session_key(token)) for token in tokens])


@pytest.mark.parametrize("arrangement", [race, race_under_failover, race_emptied])
async def test_no_session_wins_a_race_against_its_end(
    settings: IdentitySettings,
    races: int,
    arrangement: Callable[[IdentitySettings, int], Awaitable[Watch]],
) -> None:
    watch = await arrangement(settings, races)
    assert len(watch.over) >= races
    # They did race: most were let in before they were over.
    assert watch.accepted > 0
    assert watch.won_too_late == []


def _without_postgres(patch: pytest.MonkeyPatch) -> None:
    standings = SessionStore.standings

    async def believed(store: SessionStore, digests: Collection[bytes]) -> Mapping[bytes, Standing]:
        found = await standings(store, digests)
        return {digest: replace(standing, current=True) for digest, standing in found.items()}

    patch.setattr(SessionStore, "standings", believed)


def _without_redis(patch: pytest.MonkeyPatch) -> None:
    use = IdleStore.use

    async def believed(store: IdleStore, uses: Sequence[SessionUse], now: datetime) -> list[CountedUse]:
        hour = now + timedelta(hours=1)
        alive = LiveSession(hour, hour)
        return [replace(counted, session=counted.session or alive) for counted in await use(store, uses, now)]

    patch.setattr(IdleStore, "use", believed)


@pytest.mark.parametrize(
    ("arrangement", "sabotage"),
    [(race, _without_postgres), (race_under_failover, _without_postgres), (race_emptied, _without_redis)],
)
async def test_the_watch_sees_who_gets_in_where_a_store_is_not_asked(
    settings: IdentitySettings,
    monkeypatch: pytest.MonkeyPatch,
    arrangement: Callable[[IdentitySettings, int], Awaitable[Watch]],
    sabotage: Sabotage,
) -> None:
    sabotage(monkeypatch)
    watch = await arrangement(settings, SABOTAGED)
    assert watch.won_too_late
