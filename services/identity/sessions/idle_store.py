"""The limits of time and rate of sessions in Redis, under the SHA-256 of their token: one script for a batch."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.identity.config import SessionSettings
from services.identity.sessions.domain import LiveSession
from services.kit.clock import epoch_ms, from_epoch_ms
from services.kit.errors import DependencyUnavailable
from services.kit.redis import RedisClient, RedisScript, redis_operation

# Where a session's end is decided (art. 7-1): against the caller's clock. The TTL, a minute later, only cleans up.
# One that is found over is removed, so that no clock that goes back brings it back; one whose last use lies in the
# future is over, so that it gains no time by such a clock.
# The rate is that of the account (the generic cell rate algorithm: one number, the time at which it is idle again).
_EXAMINE = """
local now, idle_ms, tolerance_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local call_ms, burst_ms, use = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1'

local function wait_ms(account_id)
    local key = '{identity}:calls:' .. account_id
    local idle_at = tonumber(redis.call('GET', key) or now)
    -- No later than a full minute of calls makes it: a clock that went back limits nobody for longer.
    idle_at = math.min(math.max(idle_at, now), now + burst_ms)
    local wait = math.max(0, math.ceil(idle_at + call_ms - now - burst_ms))
    if wait == 0 then
        idle_at = idle_at + call_ms
    end
    redis.call('SET', key, string.format('%.3f', idle_at), 'PX', burst_ms)
    return wait
end

local function examine(key)
    local found = redis.call('HMGET', key, 'account_id', 'last_used_ms', 'expire_ms')
    if not found[1] then
        return false
    end
    local last_used, expire = tonumber(found[2]), tonumber(found[3])
    if now >= last_used + idle_ms or now >= expire or now + tolerance_ms < last_used then
        redis.call('DEL', key)
        return false
    end
    local retry_ms = 0
    if use then
        retry_ms = wait_ms(found[1])
        if retry_ms == 0 then
            last_used = math.max(last_used, now)
            redis.call('HSET', key, 'last_used_ms', last_used)
            redis.call('PEXPIRE', key, math.min(idle_ms, expire - now) + 60000)
        end
    end
    return {last_used + idle_ms, expire, retry_ms}
end

local results = {}
for position, key in ipairs(KEYS) do
    results[position] = examine(key)
end
return results
"""
_CLEAN_UP_MARGIN = timedelta(minutes=1)
_MINUTE_MS = 60_000


class IdleStore:
    """When each session was last used. A token is known only by its digest."""

    def __init__(self, client: RedisClient, settings: SessionSettings) -> None:
        self._client = client
        self._settings = settings
        self._examine = RedisScript(client, _EXAMINE)

    async def add(self, digest: bytes, account_id: UUID, now: datetime, expire_time: datetime) -> None:
        """Keeps a session that begins at `now`."""
        fields: Mapping[Any, Any] = {
            "account_id": str(account_id),
            "last_used_ms": epoch_ms(now),
            "expire_ms": epoch_ms(expire_time),
        }
        lifetime = min(self._settings.idle_timeout, expire_time - now) + _CLEAN_UP_MARGIN
        with redis_operation("add_session"):
            async with self._client.pipeline(transaction=True) as pipeline:
                await pipeline.hset(_key(digest), mapping=fields)
                await pipeline.pexpire(_key(digest), lifetime)
                await pipeline.execute()

    async def use(self, digests: Sequence[bytes], now: datetime) -> list[LiveSession | None]:
        """Counts a call of each session and slides its idle limit; None for one that is over or unknown.

        A session beyond its account's rate is neither counted nor slid. One round trip for all, in their order.
        """
        return await self._run("use_sessions", digests, now, use=True)

    async def look_at(self, digest: bytes, now: datetime) -> LiveSession | None:
        """The session without counting or sliding anything; None where it is over or unknown."""
        (session,) = await self._run("look_at_session", [digest], now, use=False)
        return session

    async def remove(self, digests: Sequence[bytes]) -> None:
        """Forgets sessions that are over for good. Where Redis is away it keeps them: PostgreSQL refuses them."""
        if digests:
            with suppress(DependencyUnavailable), redis_operation("remove_sessions"):
                await self._client.delete(*map(_key, digests))

    async def _run(
        self, operation: str, digests: Sequence[bytes], now: datetime, *, use: bool
    ) -> list[LiveSession | None]:
        settings = self._settings
        arguments = [
            epoch_ms(now),
            settings.idle_timeout // timedelta(milliseconds=1),
            settings.clock_tolerance // timedelta(milliseconds=1),
            _MINUTE_MS / settings.calls_per_minute,
            _MINUTE_MS,
            int(use),
        ]
        with redis_operation(operation):
            rows = await self._examine(keys=[_key(digest) for digest in digests], args=arguments)
        return [None if row is None else _live_session(*row) for row in rows]


def _key(digest: bytes) -> str:
    return f"{{identity}}:session:{digest.hex()}"


def _live_session(idle_expire_ms: int, expire_ms: int, retry_ms: int) -> LiveSession:
    return LiveSession(
        idle_expire_time=from_epoch_ms(idle_expire_ms),
        expire_time=from_epoch_ms(expire_ms),
        retry_after=timedelta(milliseconds=retry_ms) if retry_ms else None,
    )
