"""Sessions in Redis, under the SHA-256 of their token: a hash each, read and slid by one script for a batch."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.identity.config import SessionSettings
from services.identity.domain import LiveSession, SessionHolder
from services.kit.clock import epoch_ms, from_epoch_ms
from services.kit.redaction import SessionToken
from services.kit.redis import RedisClient, RedisScript, redis_operation

# Where a session's end is decided (art. 7-1): against the caller's clock. The TTL, a minute later, only cleans up.
_EXAMINE = """
local now, idle_ms, calls_per_minute = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local slide = ARGV[4] == '1'

local function examine(key)
    local found = redis.call('HMGET', key, 'account_id', 'generation', 'last_used_ms', 'expire_ms',
        'window_start_ms', 'window_calls')
    if not found[1] then
        return false
    end
    local last_used, expire = tonumber(found[3]), tonumber(found[4])
    local window_start, calls = tonumber(found[5]), tonumber(found[6])
    if now >= last_used + idle_ms or now >= expire then
        return false
    end
    local retry_ms = 0
    if slide then
        if now >= window_start + 60000 then
            window_start, calls = now, 0
        end
        if calls >= calls_per_minute then
            retry_ms = window_start + 60000 - now
        else
            last_used = math.max(last_used, now)
            redis.call('HSET', key, 'last_used_ms', last_used, 'window_start_ms', window_start,
                'window_calls', calls + 1)
            redis.call('PEXPIRE', key, math.min(idle_ms, expire - now) + 60000)
        end
    end
    return {found[1], found[2], last_used + idle_ms, expire, retry_ms}
end

local results = {}
for position, key in ipairs(KEYS) do
    results[position] = examine(key)
end
return results
"""
_CLEAN_UP_MARGIN = timedelta(minutes=1)


class SessionStore:
    """The sessions. A token is known only by its digest."""

    def __init__(self, client: RedisClient, settings: SessionSettings) -> None:
        self._client = client
        self._settings = settings
        self._examine = RedisScript(client, _EXAMINE)

    async def add(
        self, token: SessionToken, holder: SessionHolder, now: datetime, expire_time: datetime
    ) -> None:
        """Keeps a session that begins at `now`."""
        key = _key(token)
        fields: Mapping[Any, Any] = {
            "account_id": str(holder.account_id),
            "generation": holder.generation,
            "create_ms": epoch_ms(now),
            "last_used_ms": epoch_ms(now),
            "expire_ms": epoch_ms(expire_time),
            "window_start_ms": epoch_ms(now),
            "window_calls": 0,
        }
        lifetime = min(self._settings.idle_timeout, expire_time - now) + _CLEAN_UP_MARGIN
        with redis_operation("add_session"):
            async with self._client.pipeline(transaction=True) as pipeline:
                await pipeline.hset(key, mapping=fields)
                await pipeline.pexpire(key, lifetime)
                await pipeline.execute()

    async def use(self, tokens: Sequence[SessionToken], now: datetime) -> list[LiveSession | None]:
        """Counts a call of each session and slides its idle limit; None for one that is over or unknown.

        A session beyond its rate is neither counted nor slid. One round trip for all tokens, in their order.
        """
        return await self._run("use_sessions", tokens, now, slide=True)

    async def look_at(self, token: SessionToken, now: datetime) -> LiveSession | None:
        """The session without counting or sliding anything; None where it is over or unknown."""
        (session,) = await self._run("look_at_session", [token], now, slide=False)
        return session

    async def holder(self, token: SessionToken) -> SessionHolder | None:
        """Whose session it is or was, whatever the clock says; None where nothing is kept."""
        with redis_operation("find_holder"):
            found: list[Any] = await self._client.hmget(_key(token), ["account_id", "generation"])
        return None if found[0] is None else _holder(*found)

    async def remove(self, token: SessionToken) -> None:
        """Forgets a session."""
        with redis_operation("remove_session"):
            await self._client.delete(_key(token))

    async def _run(
        self, operation: str, tokens: Sequence[SessionToken], now: datetime, *, slide: bool
    ) -> list[LiveSession | None]:
        keys = [_key(token) for token in tokens]
        idle_ms = self._settings.idle_timeout // timedelta(milliseconds=1)
        arguments = [epoch_ms(now), idle_ms, self._settings.calls_per_minute, int(slide)]
        with redis_operation(operation):
            rows = await self._examine(keys=keys, args=arguments)
        return [None if row is None else _live_session(*row) for row in rows]


def _key(token: SessionToken) -> str:
    return f"session:{token.digest().hex()}"


def _holder(account_id: bytes, generation: bytes) -> SessionHolder:
    return SessionHolder(UUID(account_id.decode()), int(generation))


def _live_session(
    account_id: bytes, generation: bytes, idle_expire_ms: int, expire_ms: int, retry_ms: int
) -> LiveSession:
    return LiveSession(
        holder=_holder(account_id, generation),
        idle_expire_time=from_epoch_ms(idle_expire_ms),
        expire_time=from_epoch_ms(expire_ms),
        retry_after=timedelta(milliseconds=retry_ms) if retry_ms else None,
    )
