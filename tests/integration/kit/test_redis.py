"""One client in every arrangement of Redis, and what it does when its server is in trouble (N8)."""

import asyncio
import re

import pytest
from structlog.testing import capture_logs

from deploy.local.errors import LocalStackError
from deploy.local.layout import PROJECT
from deploy.local.valkey import server as server_binary
from services.kit.config import ConfigError, RedisSettings
from services.kit.errors import DependencyUnavailable
from services.kit.redis import open_redis
from tests.integration.kit.redis_use import (
    count,
    read,
    seconds_until_unavailable,
)
from tests.redis_servers import (
    PASSWORD,
    Cluster,
    Server,
    Standalone,
    Watched,
    standalone,
)

WRONG = "x21-wrong-password"
GUIDE = (PROJECT / "docs" / "guides" / "redis.md").read_text()


@pytest.fixture(params=["alone", "watched", "clustered"])
def arrangement(request: pytest.FixtureRequest) -> tuple[RedisSettings, tuple[Server, ...]]:
    """Each arrangement in turn: how to reach it, and the servers that hold data."""
    servers: Standalone | Watched | Cluster = request.getfixturevalue(request.param)
    match servers:
        case Standalone():
            return servers.settings, (servers.server,)
        case Watched():
            return servers.settings, servers.servers
        case Cluster():
            return servers.settings, servers.nodes


Arrangement = tuple[RedisSettings, tuple[Server, ...]]


async def calls(servers: tuple[Server, ...]) -> dict[str, int]:
    """How many scripts all servers together have run, and how many they were sent in vain."""
    evalsha, whole = "cmdstat_evalsha", "cmdstat_eval"
    counted = {"by digest": 0, "whole": 0, "in vain": 0}
    for server in servers:
        said = await server.info("commandstats")
        counted["by digest"] += said.get(evalsha, {}).get("calls", 0)
        counted["whole"] += said.get(whole, {}).get("calls", 0)
        counted["in vain"] += said.get(evalsha, {}).get("rejected_calls", 0)
    return counted


async def test_a_script_has_many_keys_in_one_round_trip(arrangement: Arrangement) -> None:
    settings, servers = arrangement
    async with open_redis(settings) as client:
        before = await count(client)
        started = await calls(servers)
        assert await count(client) == [value + 1 for value in before]
        assert await calls(servers) == {**started, "by digest": started["by digest"] + 1}


async def test_a_server_that_forgot_the_script_is_told_it_again(arrangement: Arrangement) -> None:
    settings, servers = arrangement
    async with open_redis(settings) as client:
        before = await count(client)
        for server in servers:
            await server.call("SCRIPT", "FLUSH", "SYNC")
        assert await count(client) == [value + 1 for value in before]


async def test_commands_and_transactions_are_the_same_everywhere(arrangement: Arrangement) -> None:
    settings, _ = arrangement
    key, other = "{identity}:hash", "{identity}:set"
    async with open_redis(settings) as client:
        async with client.pipeline(transaction=True) as pipeline:
            await pipeline.hset(key, mapping={"one": 1, "two": "deux"})
            await pipeline.pexpire(key, 60_000)
            assert await pipeline.execute() == [2, True]
        assert await client.hmget(key, ["two", "three", "one"]) == [b"deux", None, b"1"]
        assert 0 < await client.pttl(key) <= 60_000
        await client.zadd(other, {"a": 1, "b": 2})
        assert await client.zrem(other, "a") == 1
        assert await client.delete(key, other) == 2


async def test_a_connection_that_died_while_it_idled_is_nobody_s_loss(arrangement: Arrangement) -> None:
    settings, servers = arrangement
    async with open_redis(settings) as client:
        before = await count(client)
        for server in servers:
            await server.call("CLIENT", "KILL", "TYPE", "normal")
        assert await count(client) == [value + 1 for value in before]


async def test_a_flood_is_answered_and_not_turned_away(arrangement: Arrangement) -> None:
    settings, servers = arrangement
    async with open_redis(settings) as client:
        before = await count(client)
        await asyncio.gather(*(count(client) for _ in range(200)))
        assert await count(client) == [value + 201 for value in before]
        connections = [await server.call("CLIENT LIST") for server in servers]
        assert sum(line["cmd"].startswith("eval") for lines in connections for line in lines) <= 16


@pytest.mark.parametrize("which", ["password_file", "sentinel_password_file"])
async def test_a_wrong_password_means_unavailable_and_is_told_to_nobody(
    watched: Watched, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture, which: str
) -> None:
    wrong = tmp_path_factory.mktemp("wrong") / "password"
    wrong.write_text(WRONG)
    with capture_logs() as lines:
        async with open_redis(watched.settings.model_copy(update={which: wrong})) as client:
            with pytest.raises(DependencyUnavailable) as refused:
                await count(client)
    assert [line["event"] for line in lines] == ["redis_unavailable"]
    for told in (repr(lines), caplog.text, repr(refused.value), str(refused.value.__cause__), repr(client)):
        assert WRONG not in told
        assert PASSWORD not in told


@pytest.mark.parametrize("servers", ["alone", "watched"])
async def test_the_database_is_that_of_the_url(request: pytest.FixtureRequest, servers: str) -> None:
    settings: RedisSettings = request.getfixturevalue(servers).settings
    url = f"{settings.url.removesuffix('/0')}/3"
    async with open_redis(settings) as client, open_redis(settings.model_copy(update={"url": url})) as other:
        await client.set("{identity}:here", 1)
        assert await read(client, "{identity}:here") == 1
        assert await read(other, "{identity}:here") == 0


async def test_a_user_who_may_do_what_the_guide_says_may_do_enough(alone: Standalone) -> None:
    (rule,) = re.findall(r"ACL user: (.*)", GUIDE)
    await alone.server.call("ACL", "SETUSER", "qf", "on", f">{PASSWORD}", *rule.split())
    async with open_redis(alone.settings.model_copy(update={"username": "qf"})) as client:
        assert await count(client)
        async with client.pipeline(transaction=True) as pipeline:
            await pipeline.delete("{identity}:a")
            await pipeline.execute()
        with pytest.raises(DependencyUnavailable):
            await read(client, "another")


async def test_a_secret_or_a_ca_that_cannot_be_read_stops_the_start(alone: Standalone) -> None:
    missing = alone.server.folder / "missing"
    for update in ({"password_file": missing}, {"url": "rediss://127.0.0.1", "ca_file": missing}):
        with pytest.raises(ConfigError, match="missing"):
            async with open_redis(alone.settings.model_copy(update=update)):
                pass


async def test_a_server_that_hangs_costs_a_caller_one_time_out(alone: Standalone) -> None:
    async with open_redis(alone.settings) as client:
        await count(client)
        with alone.server.paused():
            # Over a connection that is open, and over one that cannot be opened.
            assert await seconds_until_unavailable(client) < 1
            assert await seconds_until_unavailable(client) < 1
            waits = await asyncio.gather(*(seconds_until_unavailable(client) for _ in range(200)))
            # In a flood, a second to have a connection and one time-out.
            assert max(waits) < 3
        assert await count(client)


async def test_a_server_that_is_away_at_the_start_is_served_when_it_comes() -> None:
    async with standalone() as servers:
        servers.server.kill()
        async with open_redis(servers.settings) as client:
            assert await seconds_until_unavailable(client) < 0.5
            await servers.server.restart()
            assert await count(client) == [1, 1, 1]
            servers.server.kill()
            assert await seconds_until_unavailable(client) < 0.5
            await servers.server.restart()
            assert await count(client) == [2, 2, 2]
            servers.server.kill()
            await servers.server.restart(empty=True)
            assert await count(client) == [1, 1, 1]


async def test_a_replica_is_no_server_to_write_to_or_to_read_from(watched: Watched) -> None:
    replica = await watched.replica()
    settings = watched.settings.model_copy(
        update={"url": f"redis://{replica.address}", "sentinel_password_file": None}
    )
    async with open_redis(settings) as client:
        with pytest.raises(DependencyUnavailable):
            await read(client)
        with pytest.raises(DependencyUnavailable):
            await count(client)


def test_a_chosen_server_that_is_no_program_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QF_REDIS_SERVER", "/nonexistent/redis-server")
    with pytest.raises(LocalStackError, match="QF_REDIS_SERVER"):
        server_binary()
