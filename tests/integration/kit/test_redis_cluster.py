"""In a cluster: the client finds the node that has the keys, wherever they go."""

import asyncio

from redis.crc import key_slot

from deploy.local.settings import HOST
from services.kit.redis import open_redis
from tests.integration.kit.redis_use import (
    KEYS,
    count,
    seconds_until_it_counts,
    seconds_until_unavailable,
)
from tests.redis_servers import PASSWORD, Cluster, cluster

KEY = KEYS[0]
SLOT = key_slot(KEY.encode())


async def test_keys_on_their_way_to_another_node_are_found_before_during_and_after(
    clustered: Cluster,
) -> None:
    async with open_redis(clustered.settings) as client:
        before = await count(client)
        source, (target, *_) = await clustered.owner(KEY), await clustered.others(KEY)
        names = [f"{{identity}}:{number}" for number in range(40)]
        for number, name in enumerate(names):
            await client.set(name, number)

        async def all_found() -> bool:
            found = await asyncio.gather(*(client.get(name) for name in names))
            return [int(value or -1) for value in found] == [*range(40)]

        await target.call("CLUSTER", "SETSLOT", SLOT, "IMPORTING", await source.call("CLUSTER", "MYID"))
        await source.call("CLUSTER", "SETSLOT", SLOT, "MIGRATING", await target.call("CLUSTER", "MYID"))
        assert await all_found()
        await source.call("MIGRATE", HOST, target.port, "", 0, 5000, "AUTH", PASSWORD, "KEYS", *names[:20])
        assert await all_found()
        await source.call(
            "MIGRATE", HOST, target.port, "", 0, 5000, "AUTH", PASSWORD, "KEYS", *names[20:], *KEYS
        )
        assert await all_found()
        for node in (target, source):
            await node.call("CLUSTER", "SETSLOT", SLOT, "NODE", await target.call("CLUSTER", "MYID"))
        assert await all_found()
        assert await clustered.owner(KEY) is target
        assert await count(client) == [value + 1 for value in before]


async def test_a_node_that_hangs_costs_a_caller_one_time_out(clustered: Cluster) -> None:
    async with open_redis(clustered.settings) as client:
        await count(client)
        with (await clustered.owner(KEY)).paused():
            assert await seconds_until_unavailable(client) < 1
        assert await seconds_until_it_counts(client) < 10


async def test_the_keys_are_served_while_a_node_has_them() -> None:
    async with cluster(replica_of=KEY) as servers, open_redis(servers.settings) as client:
        owner, replica = await servers.owner(KEY), servers.nodes[-1]
        other, third = (node for node in servers.nodes if node not in {owner, replica})
        assert await count(client) == [1, 1, 1]
        owner.kill()
        assert await seconds_until_unavailable(client) < 0.5
        assert await seconds_until_it_counts(client) < 10
        assert await servers.owner(KEY) is replica
        await servers.agreed(KEY)
        other.kill()
        addresses = ",".join(node.address for node in (owner, other, third))
        settings = servers.settings.model_copy(update={"url": f"redis+cluster://{addresses}"})
        async with open_redis(settings) as newcomer:
            assert await count(newcomer)
        replica.kill()
        assert await seconds_until_unavailable(client) < 0.5
