"""Tries that failed or are under way, counted in Redis across all servers.

Logins, devices and networks are known only by their HMAC. Every key expires; none grows with the number of
tries. All begin with `{identity}`, one hash tag: Redis Cluster serves a script with all of them.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.identity.attempts.domain import (
    FAILURES_COUNT_FOR,
    AnyBrowser,
    Attempt,
    Delays,
    HeldSession,
    KnownDevice,
    Subject,
    Verdict,
)
from services.identity.config import SignInSettings
from services.kit.clock import epoch_ms
from services.kit.identifiers import new_uuid7
from services.kit.keys import derived_key
from services.kit.redis import RedisClient, RedisScript, redis_operation

# A subject is a sorted set of its tries. The delays come from the caller, those after 0, 1, 2 … failures; there is none
# after as many as a day may have.
#
# Clocks: a subject's time is that of its latest try, or of its unlocking, where the caller's clock is behind. So a
# clock that went back, or the slower one of two servers, lets nothing through earlier; it locks for as long as it is
# behind, and no longer than until the keys expire, by the clock of Redis. A clock that goes forth ends the delay in
# force, but the tries of a day stay those of any 24 hours: failures count for longer, by what a clock may be wrong.
_STANDING = """
local memory_ms, delays_ms = tonumber(ARGV[1]), cjson.decode(ARGV[2])

local function standing(tries, unlocked, now)
    local latest = tonumber(redis.call('ZRANGE', tries, -1, -1, 'WITHSCORES')[2]) or 0
    local unlocked_ms = tonumber(redis.call('GET', unlocked)) or 0
    now = math.max(now, latest, unlocked_ms + 1)
    redis.call('ZREMRANGEBYSCORE', tries, '-inf', math.max(now - memory_ms, unlocked_ms))
    local failures = redis.call('ZCARD', tries)
    local delay_ms = delays_ms[failures + 1]
    local locked = not delay_ms or now < latest + delay_ms
    return locked, failures, now
end
"""
_IS_LOCKED = f"""{_STANDING}
return standing(KEYS[1], KEYS[2], tonumber(ARGV[3])) and 1 or 0
"""
# A try counts while it is being checked too, so that a burst of them does not slip through. One that is locked costs a
# hash and looks like any other: to networks it counts as any other.
#
# Networks, and all together, are backlogs: each try adds to one, time takes from it, and it never exceeds its capacity.
_BEGIN = f"""{_STANDING}
local tries, unlocked, attempt = KEYS[1], KEYS[2], ARGV[4]
local locked, failures, now = standing(tries, unlocked, tonumber(ARGV[3]))
if redis.call('ZSCORE', tries, attempt) then
    return {{'ALLOWED', failures}}  -- the connection died, and the same try was sent again
end

local backlogs, wait_ms = {{}}, 0
for position = 3, #KEYS do
    local cost_ms, capacity_ms = tonumber(ARGV[position * 2 - 1]), tonumber(ARGV[position * 2])
    local found = redis.call('HMGET', KEYS[position], 'time_ms', 'backlog_ms')
    local time_ms, backlog_ms = tonumber(ARGV[3]), cost_ms
    if found[1] then
        time_ms = math.max(time_ms, found[1])
        backlog_ms = math.max(0, found[2] - (time_ms - found[1])) + cost_ms
    end
    wait_ms = math.max(wait_ms, backlog_ms - capacity_ms)
    backlogs[position] = {{time_ms, backlog_ms, capacity_ms}}
end
if wait_ms > 0 then
    return {{'TOO_MANY', wait_ms}}
end

for position = 3, #KEYS do
    local time_ms, backlog_ms, capacity_ms = unpack(backlogs[position])
    redis.call('HSET', KEYS[position], 'time_ms', time_ms, 'backlog_ms', backlog_ms)
    redis.call('PEXPIRE', KEYS[position], capacity_ms + 60000)
end
if locked then
    return {{'LOCKED', 0}}
end
redis.call('ZADD', tries, now, attempt)
redis.call('PEXPIRE', tries, memory_ms + 60000)
return {{'ALLOWED', failures + 1}}
"""
_UNCOUNT = """
if redis.call('ZREM', KEYS[1], ARGV[1]) == 1 then
    for position = 2, #KEYS do
        local backlog_ms = redis.call('HGET', KEYS[position], 'backlog_ms')
        if backlog_ms then
            redis.call('HSET', KEYS[position], 'backlog_ms', math.max(0, backlog_ms - ARGV[position + 1]))
        end
    end
end
if ARGV[2] == 'forget' then
    redis.call('DEL', KEYS[1])
end
"""
# The keys of an account's devices and sessions are not known here: what is older than the mark counts no more.
_CLEAR = """
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
"""
_MILLISECOND = timedelta(milliseconds=1)
_MEMORY_MS = FAILURES_COUNT_FOR // _MILLISECOND
_GLOBAL_KEY = "{identity}:attempts:global"


@dataclass(frozen=True)
class _Backlog:
    """Takes `limit` tries at once, and as many again in each `window`."""

    cost_ms: int
    capacity_ms: int

    @classmethod
    def of(cls, limit: int, window: timedelta) -> "_Backlog":
        cost_ms = -(window // -(limit * _MILLISECOND))
        return cls(cost_ms, cost_ms * limit)


class AttemptCounter:
    """The tries to prove a password. Each call is one round trip, and raises DependencyUnavailable (N8)."""

    def __init__(self, client: RedisClient, settings: SignInSettings, index_key: bytes) -> None:
        self._delays = Delays(
            free_failures=settings.free_failures,
            first=timedelta(seconds=settings.first_delay_seconds),
            longest=timedelta(seconds=settings.maximum_delay_seconds),
            maximum_tries=settings.maximum_tries_per_day,
        )
        delays = [
            self._delays.after(failures) // _MILLISECOND for failures in range(self._delays.maximum_tries)
        ]
        self._rule = (_MEMORY_MS, json.dumps(delays))
        self._network_backlog = _Backlog.of(settings.network_failures_per_hour, timedelta(hours=1))
        self._global_backlog = _Backlog.of(settings.global_failures_per_minute, timedelta(minutes=1))
        self._digest_keys = {
            kind: derived_key(index_key, f"msa.identity.attempts.{kind}".encode())
            for kind in ("login", "device", "session", "network", "cleared")
        }
        self._begin = RedisScript(client, _BEGIN)
        self._is_locked = RedisScript(client, _IS_LOCKED)
        self._uncount = RedisScript(client, _UNCOUNT)
        self._clear = RedisScript(client, _CLEAR)

    async def begin(self, subject: Subject, now: datetime) -> Attempt:
        """Counts a try, unless its subject is locked or too many fail."""
        attempt_id, backlogs = new_uuid7(now), self._backlogs(subject)
        bounds = [bound for backlog in backlogs.values() for bound in (backlog.cost_ms, backlog.capacity_ms)]
        with redis_operation("begin_attempt"):
            told, number = await self._begin(
                keys=[self._tries_key(subject), self._cleared_key(subject.login), *backlogs],
                args=[*self._rule, epoch_ms(now), attempt_id.bytes, *bounds],
            )
        verdict = Verdict(told.decode())
        return Attempt(
            attempt_id=attempt_id,
            subject=subject,
            verdict=verdict,
            locks_account=verdict is Verdict.ALLOWED and self._locks_account(subject, number),
            retry_after=number * _MILLISECOND if verdict is Verdict.TOO_MANY else None,
        )

    async def succeed(self, attempt: Attempt) -> None:
        """Forgets the subject's failures; to networks this try was none."""
        with redis_operation("succeed_attempt"):
            await self._remove(attempt, self._backlogs(attempt.subject), "forget")

    async def withdraw(self, attempt: Attempt) -> None:
        """Uncounts a try about which nothing was decided."""
        with redis_operation("withdraw_attempt"):
            await self._remove(attempt, self._backlogs(attempt.subject), "keep")

    async def abandon(self, attempt: Attempt) -> None:
        """Uncounts a try that its caller gave up: the subject is not to blame, but to networks it counts."""
        with redis_operation("abandon_attempt"):
            await self._remove(attempt, {}, "keep")

    async def clear(self, login: str, now: datetime) -> None:
        """Forgets the failures of an account, of its devices and of its sessions: a caisse agent unlocked it."""
        with redis_operation("clear_attempts"):
            await self._clear(
                keys=[self._tries_key(AnyBrowser(login)), self._cleared_key(login)],
                args=[epoch_ms(now), _MEMORY_MS],
            )

    async def is_locked(self, login: str, now: datetime) -> bool:
        """Whether a try from a browser that is not known would be refused now, whatever the password."""
        with redis_operation("look_at_attempts"):
            locked: int = await self._is_locked(
                keys=[self._tries_key(AnyBrowser(login)), self._cleared_key(login)],
                args=[*self._rule, epoch_ms(now)],
            )
        return locked == 1

    def _locks_account(self, subject: Subject, failures: int) -> bool:
        return isinstance(subject, AnyBrowser) and self._delays.lock_begins_with(failures)

    async def _remove(self, attempt: Attempt, backlogs: Mapping[str, _Backlog], others: str) -> None:
        await self._uncount(
            keys=[self._tries_key(attempt.subject), *backlogs],
            args=[attempt.attempt_id.bytes, others, *(backlog.cost_ms for backlog in backlogs.values())],
        )

    def _backlogs(self, subject: Subject) -> dict[str, _Backlog]:
        """What binds the subject beside its own failures."""
        if not isinstance(subject, AnyBrowser):
            return {}
        network_key = self._key("network", subject.network_prefix.encode())
        return {network_key: self._network_backlog, _GLOBAL_KEY: self._global_backlog}

    def _tries_key(self, subject: Subject) -> str:
        login = subject.login.encode()
        match subject:
            case AnyBrowser():
                return self._key("login", login)
            case KnownDevice(device_id=device_id):
                return self._key("device", device_id.bytes + login)
            case HeldSession():
                return self._key("session", login)

    def _cleared_key(self, login: str) -> str:
        return self._key("cleared", login.encode())

    def _key(self, kind: str, known: bytes) -> str:
        return f"{{identity}}:attempts:{kind}:{hmac.digest(self._digest_keys[kind], known, 'sha256').hex()}"
