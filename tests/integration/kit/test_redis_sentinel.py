"""Behind Sentinels: the client follows the primary, and never takes a replica for it."""

import asyncio
from time import monotonic

import pytest

from services.kit.errors import DependencyUnavailable
from services.kit.redis import RedisClient, open_redis
from tests.integration.kit.redis_use import (
    KEYS,
    count,
    read,
    seconds_until_it_counts,
    seconds_until_unavailable,
)
from tests.redis_servers import PASSWORD, SERVICE, Watched, divided, sentinel


async def ask_anew(client: RedisClient) -> None:
    """Drops the connections, so that the next call asks where the primary is."""
    await client.connection_pool.disconnect()


async def test_after_a_failover_the_client_writes_to_the_new_primary_which_lacks_what_it_missed() -> None:
    async with sentinel() as servers, open_redis(servers.settings) as client:
        old = await servers.primary()
        assert await count(client) == [1, 1, 1]
        await servers.caught_up()
        await servers.cut_replication()
        assert await count(client) == [2, 2, 2]
        old.kill()
        assert await seconds_until_it_counts(client) < 10
        new = await servers.promoted(old)
        assert await new.call("GET", "{identity}:first") == "2"
        await old.restart()
        await ask_anew(client)
        assert await count(client) == [3, 3, 3]


async def test_a_primary_that_was_demoted_is_not_used_though_sentinel_still_names_it() -> None:
    async with sentinel() as servers, open_redis(servers.settings) as client:
        old, replica = await servers.primary(), await servers.replica()
        await count(client)
        await old.call("REPLICAOF", *replica.address.split(":"))
        with pytest.raises(DependencyUnavailable):
            await count(client)
        with pytest.raises(DependencyUnavailable):
            await read(client)
        assert await servers.primary() is old


async def test_sentinels_that_hang_or_died_are_done_without(watched: Watched) -> None:
    first, second, third = watched.sentinels
    async with open_redis(watched.settings) as client:
        with first.paused():
            start = monotonic()
            await count(client)
            assert monotonic() - start < 0.5
        first.kill()
        await ask_anew(client)
        await asyncio.gather(*(count(client) for _ in range(40)))
        await first.restart()
        second.kill()
        third.kill()
        await ask_anew(client)
        await asyncio.gather(*(count(client) for _ in range(40)))
        first.kill()
        assert await count(client), "a connection that is open needs no Sentinel"
        await ask_anew(client)
        assert await seconds_until_unavailable(client) < 0.5
        for server in watched.sentinels:
            await server.restart()
        assert await count(client)


async def test_a_sentinel_that_was_cut_off_does_not_lead_to_the_primary_of_old() -> None:
    async with divided() as servers, open_redis(servers.settings) as client:
        old, new = servers.servers
        assert await servers.primary() is old, "says the first Sentinel"
        for _ in range(5):
            await count(client)
            await ask_anew(client)
        assert await new.call("GET", KEYS[0]) == "5"
        assert await old.call("GET", KEYS[0]) is None


async def name_the_first(servers: Watched) -> None:
    """All Sentinels of a divided house come to name the first server."""
    for watcher in servers.sentinels[1:]:
        await watcher.call("SENTINEL REMOVE", SERVICE)
        await watcher.call("SENTINEL MONITOR", SERVICE, *servers.servers[0].address.split(":"), 2)
        await watcher.call("SENTINEL SET", SERVICE, "auth-pass", PASSWORD)


async def test_a_demotion_that_the_sentinels_know_of_is_nobody_s_loss() -> None:
    async with divided() as servers, open_redis(servers.settings) as client:
        new, old = servers.servers
        await count(client)
        await name_the_first(servers)
        await old.call("REPLICAOF", *new.address.split(":"))
        assert await count(client) == [1, 1, 1]


async def test_when_one_connection_learns_of_another_primary_all_leave_the_old_one() -> None:
    async with divided() as servers, open_redis(servers.settings) as client:
        new, old = servers.servers
        await asyncio.gather(count(client), count(client))
        await name_the_first(servers)
        first, _ = [line["id"] for line in await old.call("CLIENT LIST") if line["cmd"].startswith("eval")]
        await old.call("CLIENT", "KILL", "ID", first)
        await asyncio.gather(count(client), count(client))
        learnt = int(await new.call("GET", KEYS[0]))
        await asyncio.gather(count(client), count(client))
        assert int(await new.call("GET", KEYS[0])) == learnt + 2


async def test_many_connections_that_broke_at_once_ask_the_sentinels_once(watched: Watched) -> None:
    async def heard() -> int:
        told = [await sentinel.info("stats") for sentinel in watched.sentinels]
        return sum(stats["total_commands_processed"] for stats in told)

    async with open_redis(watched.settings) as client:
        await asyncio.gather(*(count(client) for _ in range(32)))
        await ask_anew(client)
        before = await heard()
        await asyncio.gather(*(count(client) for _ in range(32)))
        assert await heard() - before < 60
