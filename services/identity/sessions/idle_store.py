"""The limits of time and rate of sessions in Redis, under the SHA-256 of their token: one script for a batch.

Accounts and partners are known by their id, addresses by an HMAC. Each limit of rate is one number that expires, the
time at which all of it is there again (the generic cell rate algorithm). All keys begin with `{identity}`, one hash
tag: Redis Cluster serves a script with all of them.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from struct import Struct
from typing import Any

from services.identity.accounts.domain import UNKNOWN_PARTNER
from services.identity.config import SessionSettings
from services.identity.partner_access import address_block
from services.identity.sessions.domain import CountedUse, LiveSession, OpenedSession, SessionUse
from services.identity.sessions.rates import Rate, RateLimit, RateScope
from services.kit.clock import epoch_ms, from_epoch_ms
from services.kit.errors import DependencyUnavailable
from services.kit.keys import derived_key
from services.kit.redis import RedisClient, RedisScript, redis_operation

# Where a session's end is decided (art. 7-1): against the caller's clock. The TTL, a minute later, only cleans up.
# One that is found over is removed, so that no clock that goes back brings it back; one whose last use lies in the
# future is over, so that it gains no time by such a clock.
_SESSIONS = """
local now, idle_ms, tolerance_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local function find(key)
    local found = redis.call('HMGET', key, 'last_used_ms', 'expire_ms', 'account_id', 'partner_id')
    if not found[1] then
        return nil
    end
    local last_used, expire = tonumber(found[1]), tonumber(found[2])
    if now >= last_used + idle_ms or now >= expire or now + tolerance_ms < last_used then
        redis.call('DEL', key)
        return nil
    end
    return {last_used = last_used, expire = expire, account_id = found[3], partner_id = found[4]}
end
"""
_LOOK_AT = f"""{_SESSIONS}
local session = find(KEYS[1])
return session and {{session.last_used + idle_ms, session.expire}}
"""
# A use takes from all of its limits or from none: from none where one of them has no room, or where it was counted
# before. The limit of the address speaks before the session is looked at, and a token that opens none costs it one:
# guessing is limited like anything else. One that asks for more than a limit takes all of it.
#
# A limit is read once a batch and written once. Whole microseconds, which a double holds exactly.
#
# The answer is one string of numbers, for our client reads a list of thousands more slowly than the script makes it. Of
# each use: whether its session lives (1), is over (0) or was not looked at (-1); when inactivity and when age ends it;
# how long to wait; of each limit how much is left, -1 where it does not bind, and how long until all of it is there.
_USE = f"""{_SESSIONS}
local rates, uses = cjson.decode(ARGV[4]), cjson.decode(ARGV[5])
local now_us = now * 1000
local meters, used = {{}}, {{}}

local function meter(key, rate)
    local found = meters[key]
    if not found then
        local kept, latest = tonumber(redis.call('GET', key) or now_us), now_us + rate.capacity_us
        found = {{key = key, rate = rate, full_at = math.min(math.max(kept, now_us), latest)}}
        meters[key] = found
        -- No later than all of the limit makes it: a clock that went back limits nobody for longer.
        if kept > latest then
            used[key] = found
        end
    end
    return found
end

local function cost_us(limited, count)
    return math.min(count, limited.rate.limit) * limited.rate.cost_us
end

local function wait_us(limited, count)
    if not limited then
        return 0
    end
    return math.max(0, limited.full_at + cost_us(limited, count) - now_us - limited.rate.capacity_us)
end

local function take(limited, count)
    if limited then
        limited.full_at = limited.full_at + cost_us(limited, count)
        used[limited.key] = limited
    end
end

local function left(limited)
    if not limited then
        return -1, 0
    end
    local debt_us = limited.full_at - now_us
    return math.floor((limited.rate.capacity_us - debt_us) / limited.rate.cost_us), math.ceil(debt_us / 1000)
end

local function answer(state, session, wait, account, partner, address)
    local idle_at = session and session.last_used + idle_ms or 0
    local account_left, account_ms = left(account)
    local partner_left, partner_ms = left(partner)
    local address_left, address_ms = left(address)
    return struct.pack(
        '>i8i8i8i8i8i8i8i8i8i8', state, idle_at, session and session.expire or 0, math.ceil(wait / 1000),
        account_left, account_ms, partner_left, partner_ms, address_left, address_ms
    )
end

local function use(key, count, address_key)
    local address = count > 0 and address_key and meter(address_key, rates.address)
    local wait = wait_us(address, count)
    if wait > 0 then
        return answer(-1, nil, wait, nil, nil, address)
    end
    local session = find(key)
    if not session then
        take(address, 1)
        return answer(0, nil, 0)
    end
    local account = count > 0 and meter('{{identity}}:rate:account:' .. session.account_id, rates.account)
    local partner = count > 0 and session.partner_id
        and meter('{{identity}}:rate:partner:' .. session.partner_id, rates.partner)
    wait = math.max(wait_us(account, count), wait_us(partner, count))
    if wait == 0 then
        take(account, count)
        take(partner, count)
        take(address, count)
        session.last_used = math.max(session.last_used, now)
        redis.call('HSET', key, 'last_used_ms', session.last_used)
        redis.call('PEXPIRE', key, math.min(idle_ms, session.expire - now) + 60000)
    end
    return answer(1, session, wait, account, partner, address)
end

local answers = {{}}
for position = 1, #uses / 2 do
    -- How many it asks for, and where the key of its address stands.
    local count, address = uses[position * 2 - 1], uses[position * 2]
    answers[position] = use(KEYS[position], count, KEYS[address])
end
for key, limited in pairs(used) do
    redis.call('SET', key, string.format('%.0f', limited.full_at), 'PX', math.ceil(limited.rate.capacity_us / 1000))
end
return table.concat(answers)
"""
_ANSWER = Struct(">10q")
_LIVES = 1
_BINDS_NOT = -1
_CLEAN_UP_MARGIN = timedelta(minutes=1)
_MILLISECOND = timedelta(milliseconds=1)
_ADDRESS_PURPOSE = b"msa.identity.sessions.address"


class IdleStore:
    """When each session was last used, and how much may still be asked for. A token is known only by its digest."""

    def __init__(self, client: RedisClient, settings: SessionSettings, index_key: bytes) -> None:
        self._client = client
        self._settings = settings
        self._address_digest_key = derived_key(index_key, _ADDRESS_PURPOSE)
        self._rates = {
            RateScope.ACCOUNT: Rate(settings.calls_per_minute),
            RateScope.PARTNER: Rate(settings.partner_calls_per_minute),
            RateScope.ADDRESS: Rate(settings.address_calls_per_minute),
        }
        self._rates_argument = json.dumps(
            {
                scope.name.lower(): {
                    "limit": rate.limit,
                    "cost_us": rate.cost_us,
                    "capacity_us": rate.capacity_us,
                }
                for scope, rate in self._rates.items()
            }
        )
        self._look_at = RedisScript(client, _LOOK_AT)
        self._use = RedisScript(client, _USE)

    async def add(self, opened: OpenedSession) -> None:
        """Keeps a session from its beginning on."""
        fields: dict[Any, Any] = {
            "account_id": str(opened.account_id),
            "last_used_ms": epoch_ms(opened.open_time),
            "expire_ms": epoch_ms(opened.expire_time),
        }
        if opened.partner_id != UNKNOWN_PARTNER:
            fields["partner_id"] = str(opened.partner_id)
        lifetime = min(self._settings.idle_timeout, opened.expire_time - opened.open_time) + _CLEAN_UP_MARGIN
        key = _key(opened.token.digest())
        with redis_operation("add_session"):
            async with self._client.pipeline(transaction=True) as pipeline:
                await pipeline.hset(key, mapping=fields)
                await pipeline.pexpire(key, lifetime)
                await pipeline.execute()

    async def use(self, uses: Sequence[SessionUse], now: datetime) -> list[CountedUse]:
        """Counts each use and slides the idle limit of its session. One round trip for all, in their order.

        One beyond a limit of rate is neither counted nor slides anything; one that was counted before only slides.
        """
        keys = [_key(use.token_digest) for use in uses]
        address_keys = self._address_keys(uses)
        places = {key: place for place, key in enumerate(address_keys.values(), len(keys) + 1)}
        asked = [
            number
            for use in uses
            for number in (
                use.consultation_count,
                0 if use.client is None else places[address_keys[use.client.address]],
            )
        ]
        with redis_operation("use_sessions"):
            answers: bytes = await self._use(
                keys=[*keys, *places], args=[*self._times(now), self._rates_argument, json.dumps(asked)]
            )
        return [self._counted_use(*numbers) for numbers in _ANSWER.iter_unpack(answers)]

    async def look_at(self, digest: bytes, now: datetime) -> LiveSession | None:
        """The session without counting or sliding anything; None where it is over or unknown."""
        with redis_operation("look_at_session"):
            found = await self._look_at(keys=[_key(digest)], args=self._times(now))
        return None if found is None else LiveSession(*map(from_epoch_ms, found))

    async def remove(self, digests: Sequence[bytes]) -> None:
        """Forgets sessions that are over for good. Where Redis is away it keeps them: PostgreSQL refuses them."""
        if digests:
            with suppress(DependencyUnavailable), redis_operation("remove_sessions"):
                await self._client.delete(*map(_key, digests))

    def _times(self, now: datetime) -> list[int]:
        settings = self._settings
        return [
            epoch_ms(now),
            settings.idle_timeout // _MILLISECOND,
            settings.clock_tolerance // _MILLISECOND,
        ]

    def _address_keys(self, uses: Sequence[SessionUse]) -> Mapping[str, str]:
        """The key of each address; that of an IPv6 address is its network's, and all that are none have one."""
        addresses = {use.client.address for use in uses if use.client is not None}
        return {address: self._address_key(address) for address in addresses}

    def _address_key(self, address: str) -> str:
        digest = hmac.digest(self._address_digest_key, address_block(address), "sha256")
        return f"{{identity}}:rate:address:{digest.hex()}"

    def _counted_use(
        self, state: int, idle_expire_ms: int, expire_ms: int, wait_ms: int, *left: int
    ) -> CountedUse:
        session = None
        if state == _LIVES:
            session = LiveSession(from_epoch_ms(idle_expire_ms), from_epoch_ms(expire_ms))
        return CountedUse(
            session=session,
            retry_after=wait_ms * _MILLISECOND if wait_ms else None,
            rate_limits=tuple(
                RateLimit(scope, rate.limit, remaining, reset_ms * _MILLISECOND)
                for (scope, rate), remaining, reset_ms in zip(
                    self._rates.items(), left[::2], left[1::2], strict=True
                )
                if remaining != _BINDS_NOT
            ),
        )


def _key(digest: bytes) -> str:
    return f"{{identity}}:session:{digest.hex()}"
