"""Wrong passwords per login in Redis, over a sliding window. A login is known only by its index."""

import hmac
from datetime import datetime, timedelta

from services.identity.config import SignInSettings
from services.kit.clock import epoch_ms
from services.kit.redis import RedisClient, RedisScript, redis_operation

# An attempt counts while it is being checked too, so that a burst of guesses does not slip through.
_BEGIN = """
local now, window_ms, maximum = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window_ms)
if redis.call('ZCARD', KEYS[1]) >= maximum then
    local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
    return tonumber(oldest[2]) + window_ms - now
end
redis.call('ZADD', KEYS[1], now, ARGV[4])
redis.call('PEXPIRE', KEYS[1], window_ms + 60000)
return 0
"""


class AttemptStore:
    """The attempts to prove a password that failed or are under way, per login, existing or not.

    `index_key` hides the logins from who reads Redis: they are short enough to be guessed from a plain digest.
    """

    def __init__(self, client: RedisClient, settings: SignInSettings, index_key: bytes) -> None:
        self._client = client
        self._index_key = index_key
        self._settings = settings
        self._begin = RedisScript(client, _BEGIN)

    async def begin(self, login: str, attempt_id: str, now: datetime) -> timedelta | None:
        """Counts an attempt; where there are too many already, how long to wait instead."""
        window_ms = self._settings.failure_window // timedelta(milliseconds=1)
        with redis_operation("begin_attempt"):
            wait_ms = await self._begin(
                keys=[self._key(login)],
                args=[epoch_ms(now), window_ms, self._settings.maximum_failures, attempt_id],
            )
        return timedelta(milliseconds=wait_ms) if wait_ms else None

    async def withdraw(self, login: str, attempt_id: str) -> None:
        """Uncounts an attempt that nothing was decided about."""
        with redis_operation("withdraw_attempt"):
            await self._client.zrem(self._key(login), attempt_id)

    async def clear(self, login: str) -> None:
        """Forgets the failures: the right password was given."""
        with redis_operation("clear_attempts"):
            await self._client.delete(self._key(login))

    def _key(self, login: str) -> str:
        return f"attempts:{hmac.digest(self._index_key, login.encode(), 'sha256').hex()}"
