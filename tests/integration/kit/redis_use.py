"""Uses of Redis that the tests of its arrangements share."""

import asyncio
from collections.abc import Sequence
from time import monotonic

import pytest

from services.kit.errors import DependencyUnavailable
from services.kit.redis import RedisClient, RedisScript, redis_operation

KEYS = tuple(f"{{identity}}:{name}" for name in ("first", "second", "third"))
COUNT = """
for _, key in ipairs(KEYS) do
    redis.call('INCRBY', key, ARGV[1])
end
return redis.call('MGET', unpack(KEYS))
"""


async def count(client: RedisClient, keys: Sequence[str] = KEYS) -> list[int]:
    """Adds one to each key, by a script that writes; what they are then."""
    with redis_operation("count"):
        return [int(value) for value in await RedisScript(client, COUNT)(keys=keys, args=[1])]


async def read(client: RedisClient, key: str = KEYS[0]) -> int:
    """What the key holds; 0 where there is none."""
    with redis_operation("read"):
        return int(await client.get(key) or 0)


async def seconds_until_unavailable(client: RedisClient) -> float:
    """How long a caller waits until he is told that there is no answer."""
    start = monotonic()
    with pytest.raises(DependencyUnavailable):
        await count(client)
    return monotonic() - start


async def seconds_until_it_counts(client: RedisClient, limit: float = 15) -> float:
    """How long callers are told DependencyUnavailable, and nothing else, until writes work again."""
    start = monotonic()
    while monotonic() < start + limit:
        try:
            await count(client)
        except DependencyUnavailable:
            await asyncio.sleep(0.01)
            continue
        return monotonic() - start
    pytest.fail("writes did not work again")
