"""The limits of accounts, partners and addresses, which all replicas share through a real Valkey (art. 7-2; N5, N8)."""

import asyncio
import hashlib
import itertools
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from redis.crc import key_slot

from services.identity.accounts.domain import UNKNOWN_PARTNER
from services.identity.config import SessionSettings
from services.identity.domain import ClientContext
from services.identity.sessions.domain import CountedUse, OpenedSession, SessionUse
from services.identity.sessions.idle_store import IdleStore
from services.identity.sessions.rates import RateLimit, RateScope
from services.kit.errors import DependencyUnavailable
from services.kit.identifiers import new_token, new_uuid7
from services.kit.redaction import SessionToken
from services.kit.redis import RedisClient, open_redis
from tests.clock import FakeClock
from tests.redis_servers import Standalone, cluster, standalone

START = datetime(2026, 11, 23, 9, 0, 0, 123_000, tzinfo=UTC)
INDEX_KEY = b"index key of the tests: 32 bytes"
MILLISECOND, SECOND, MINUTE = timedelta(milliseconds=1), timedelta(seconds=1), timedelta(minutes=1)
HOUR = timedelta(hours=1)
ACCOUNT, PARTNER, ADDRESS = RateScope
SMALL = SessionSettings(calls_per_minute=6, partner_calls_per_minute=10, address_calls_per_minute=12)
TOWN_HALL = ClientContext(address="198.51.100.7")

_numbers = itertools.count(1)


def somewhere() -> ClientContext:
    """An address that nobody called from before."""
    number = next(_numbers)
    return ClientContext(address=f"10.0.{number // 256}.{number % 256}")


@dataclass(frozen=True)
class Replica:
    """One server's store, with its clock."""

    store: IdleStore
    redis: RedisClient
    clock: FakeClock = field(default_factory=lambda: FakeClock(START))

    async def open(self, account_id: UUID | None = None, partner_id: UUID | None = None) -> SessionToken:
        """A session, of an account and a partner of its own unless they are given."""
        now = self.clock.now()
        opened = OpenedSession(
            token=SessionToken(new_token()),
            session_id=new_uuid7(now),
            account_id=account_id or new_uuid7(now),
            partner_id=partner_id or new_uuid7(now),
            idle_timeout=timedelta(minutes=15),
            open_time=now,
            expire_time=now + timedelta(hours=8),
        )
        await self.store.add(opened)
        return opened.token

    async def use(
        self, token: SessionToken, client: ClientContext | None = TOWN_HALL, count: int = 1
    ) -> CountedUse:
        """What one call of the session meets."""
        (counted,) = await self.use_all([SessionUse(token.digest(), client, count)])
        return counted

    async def use_all(self, uses: Sequence[SessionUse]) -> list[CountedUse]:
        """What the calls of one batch meet."""
        return await self.store.use(uses, self.clock.now())


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Standalone]:
    async with standalone() as running:
        yield running


@asynccontextmanager
async def replica_of(server: Standalone, settings: SessionSettings = SMALL) -> AsyncIterator[Replica]:
    """A server of its own on the Redis that all share."""
    async with open_redis(server.settings) as redis:
        yield Replica(IdleStore(redis, settings, INDEX_KEY), redis)


@pytest.fixture
async def here(server: Standalone) -> AsyncIterator[Replica]:
    async with replica_of(server) as replica:
        await replica.redis.flushdb()
        yield replica


def left(counted: CountedUse) -> dict[RateScope, int]:
    """How much is left of each limit that was told."""
    return {limit.scope: limit.remaining for limit in counted.rate_limits}


async def test_a_call_is_told_what_is_left_and_when_all_of_it_is_there_again(here: Replica) -> None:
    counted = await here.use(await here.open(), count=2)
    assert counted.session is not None
    assert counted.retry_after is None
    assert counted.rate_limits == (
        RateLimit(ACCOUNT, 6, 4, 20 * SECOND),
        RateLimit(PARTNER, 10, 8, 12 * SECOND),
        RateLimit(ADDRESS, 12, 10, 10 * SECOND),
    )


async def test_each_limit_refuses_by_itself_and_tells_the_longest_wait(here: Replica) -> None:
    account_id, partner_id, address = new_uuid7(START), new_uuid7(START), somewhere()
    token = await here.open(account_id, partner_id)
    assert (await here.use(token, address, count=6)).retry_after is None
    assert (await here.use(token, address)).retry_after == 10 * SECOND

    colleague = await here.open(partner_id=partner_id)
    assert (await here.use(colleague, address, count=4)).retry_after is None
    # The colleague has room, and so has the address; the partner has none.
    refused = await here.use(colleague, address)
    assert refused.retry_after == 6 * SECOND
    assert left(refused) == {ACCOUNT: 2, PARTNER: 0, ADDRESS: 2}
    # Both his account and his partner keep him waiting: the longer of the two counts.
    assert (await here.use(token, address)).retry_after == 10 * SECOND

    neighbour = await here.open()
    assert (await here.use(neighbour, address, count=2)).retry_after is None
    assert (await here.use(neighbour, address)).retry_after == 5 * SECOND
    assert (await here.use(neighbour, somewhere())).retry_after is None


async def test_a_call_takes_from_all_of_its_limits_or_from_none(here: Replica) -> None:
    partner_id = new_uuid7(START)
    busy, colleague = await here.open(partner_id=partner_id), await here.open(partner_id=partner_id)
    await here.use(busy, count=5)
    for _ in range(20):
        assert (await here.use(busy, count=2)).retry_after == 10 * SECOND
    assert left(await here.use(colleague)) == {ACCOUNT: 5, PARTNER: 4, ADDRESS: 6}


async def test_the_calls_of_one_batch_count_one_after_the_other(here: Replica) -> None:
    account_id = new_uuid7(START)
    tokens = [await here.open(account_id), await here.open(account_id)]
    uses = [SessionUse(token.digest(), TOWN_HALL) for token in [*tokens * 3, tokens[0]]]
    counted = await here.use_all(uses)
    assert [left(one).get(ACCOUNT) for one in counted] == [5, 4, 3, 2, 1, 0, 0]
    assert [one.retry_after for one in counted] == [*[None] * 6, 10 * SECOND]


async def test_more_than_a_limit_is_asked_for_takes_all_of_it(here: Replica) -> None:
    token = await here.open()
    counted = await here.use(token, count=500)
    assert counted.retry_after is None
    assert left(counted) == {ACCOUNT: 0, PARTNER: 0, ADDRESS: 0}
    here.clock.advance(MINUTE - MILLISECOND)
    assert (await here.use(token, count=500)).retry_after == MILLISECOND
    here.clock.advance(MILLISECOND)
    assert (await here.use(token, count=500)).retry_after is None


async def test_a_consultation_that_was_counted_before_counts_nothing_and_keeps_the_session_alive(
    here: Replica,
) -> None:
    token = await here.open()
    await here.use(token, count=500)
    here.clock.advance(10 * MINUTE)
    await here.use(token, count=500)
    for _ in range(3):
        here.clock.advance(20 * SECOND)
        counted = await here.use(token, count=0)
        assert counted.session is not None
        assert counted.session.idle_expire_time == here.clock.now() + 15 * MINUTE
        assert (counted.retry_after, counted.rate_limits) == (None, ())
    assert left(await here.use(token)) == {ACCOUNT: 5, PARTNER: 9, ADDRESS: 11}
    assert (await here.use(SessionToken("never issued"), count=0)).session is None
    assert left(await here.use(token)) == {ACCOUNT: 4, PARTNER: 8, ADDRESS: 10}


async def test_a_call_beyond_a_limit_does_not_keep_the_session_alive(here: Replica) -> None:
    token = await here.open()
    for _ in range(6):
        here.clock.advance(SECOND)
        await here.use(token)
    last_used = here.clock.now()
    here.clock.advance(SECOND)
    refused = await here.use(token)
    assert refused.retry_after == 4 * SECOND
    assert refused.session is not None
    assert refused.session.idle_expire_time == last_used + 15 * MINUTE


async def test_guessing_tokens_costs_the_address_and_ends_before_a_session_is_looked_at(
    here: Replica,
) -> None:
    token, address = await here.open(), somewhere()
    for _ in range(6):
        assert await here.use(SessionToken("never issued"), address, count=500) == CountedUse(None)
        here.clock.advance(5 * SECOND)
    guesses = [SessionUse(SessionToken(f"guess {n}").digest(), address) for n in range(12)]
    assert await here.use_all(guesses) == [CountedUse(None)] * 12
    # A token that opens a session is answered as one that opens none.
    told = CountedUse(None, 5 * SECOND, (RateLimit(ADDRESS, 12, 0, MINUTE),))
    assert await here.use(SessionToken("never issued"), address) == await here.use(token, address) == told
    assert left(await here.use(token, somewhere())) == {ACCOUNT: 5, PARTNER: 9, ADDRESS: 11}


async def test_one_network_of_ipv6_is_one_address(here: Replica) -> None:
    token = await here.open()
    for host in range(12):
        await here.use(SessionToken("never issued"), ClientContext(address=f"2001:db8:0:1:{host:x}::1"))
    assert (await here.use(token, ClientContext(address="2001:db8:0:1:ffff::2"))).retry_after == 5 * SECOND
    assert (await here.use(token, ClientContext(address="2001:db8:0:2::1"))).retry_after is None


async def test_calls_from_nowhere_known_share_one_limit(here: Replica) -> None:
    for address in ("", "unix:", "nowhere"):
        await here.use(SessionToken("never issued"), ClientContext(address=address))
    assert left(await here.use(await here.open(), ClientContext()))[ADDRESS] == 8


async def test_a_gateway_that_tells_no_client_is_limited_by_account_and_partner(here: Replica) -> None:
    token = await here.open()
    assert left(await here.use(token, None)) == {ACCOUNT: 5, PARTNER: 9}
    assert (await here.use(token, None, count=6)).retry_after == 10 * SECOND


async def test_a_session_of_the_release_before_counts_for_its_account_and_address(here: Replica) -> None:
    account_id, partner_id = new_uuid7(START), new_uuid7(START)
    before, after = [await here.open(account_id, partner_id) for _ in range(2)]
    await here.redis.hdel(f"{{identity}}:session:{before.digest().hex()}", "partner_id")
    counted = await here.use(before)
    assert counted.session is not None
    assert left(counted) == {ACCOUNT: 5, ADDRESS: 11}
    assert left(await here.use(after)) == {ACCOUNT: 4, PARTNER: 9, ADDRESS: 10}


async def test_accounts_whose_partner_is_not_known_do_not_limit_one_another(here: Replica) -> None:
    token = await here.open(partner_id=UNKNOWN_PARTNER)
    assert left(await here.use(token)) == {ACCOUNT: 5, ADDRESS: 11}


async def test_replicas_share_every_limit(here: Replica, server: Standalone) -> None:
    partner_id = new_uuid7(START)
    tokens = [await here.open(partner_id=partner_id) for _ in range(4)]
    async with replica_of(server) as there:
        counted = await asyncio.gather(
            *(replica.use(token) for _ in range(3) for replica in (here, there) for token in tokens)
        )
        accepted = [one for one in counted if one.retry_after is None]
        assert len(accepted) == 10
        assert sorted(left(one)[PARTNER] for one in accepted) == [*range(10)]
        here.clock.advance(6 * SECOND)
        there.clock.advance(6 * SECOND)
        assert (await there.use(tokens[0])).retry_after is None
        assert (await here.use(tokens[1])).retry_after == 6 * SECOND


async def test_a_clock_that_goes_back_limits_nobody_for_longer_than_a_window(here: Replica) -> None:
    token, client = await here.open(), somewhere()
    here.clock.advance(HOUR)
    later = await here.open()
    await here.use(later, client, count=3)
    here.clock.advance(-HOUR)
    assert (await here.use(token, client)).retry_after == 5 * SECOND
    for _ in range(12):
        here.clock.advance(5 * SECOND)
        assert (await here.use(SessionToken("never issued"), client)).retry_after is None
    here.clock.advance(MINUTE)
    assert left(await here.use(token, client)) == {ACCOUNT: 5, PARTNER: 9, ADDRESS: 11}


async def test_a_limit_that_is_set_lower_holds_at_once(here: Replica, server: Standalone) -> None:
    token = await here.open()
    await here.use(token, count=5)
    lower = SessionSettings(calls_per_minute=3, partner_calls_per_minute=10, address_calls_per_minute=12)
    async with replica_of(server, lower) as there:
        counted = await there.use(token)
    assert counted.retry_after == 10 * SECOND
    assert counted.rate_limits[0] == RateLimit(ACCOUNT, 3, 0, 50 * SECOND)


async def test_every_key_of_a_limit_expires_and_none_holds_an_address(here: Replica) -> None:
    client = ClientContext(address="203.0.113.9")
    token = await here.open()
    await here.use(token, client, count=6)
    await here.use(token, client)
    keys = [key async for key in here.redis.scan_iter(match="*:rate:*")]
    assert len(keys) == 3
    for key in keys:
        assert 0 < await here.redis.pttl(key) <= MINUTE // MILLISECOND
    kept = " ".join([f"{key!r} {await here.redis.get(key)!r}" for key in keys])
    for trace in (client.address, "cb007109", hashlib.sha256(bytes([203, 0, 113, 9])).hexdigest()):
        assert trace not in kept


async def test_a_cluster_serves_a_batch_of_many_partners_and_addresses() -> None:
    async with cluster() as nodes, open_redis(nodes.settings) as redis:
        replica = Replica(IdleStore(redis, SMALL, INDEX_KEY), redis)
        tokens = [await replica.open() for _ in range(20)]
        uses = [SessionUse(token.digest(), somewhere()) for token in tokens]
        counted = await replica.use_all(uses)
        assert [left(one) for one in counted] == [{ACCOUNT: 5, PARTNER: 9, ADDRESS: 11}] * 20
        slots = {key_slot(key) async for key in redis.scan_iter(count=1000)}
        assert slots == {key_slot(b"{identity}")}


async def test_without_redis_nothing_is_unlimited_n8() -> None:
    async with standalone() as server, replica_of(server) as replica:
        token = await replica.open()
        await replica.use(token, count=6)
        assert (await replica.use(token)).retry_after == 10 * SECOND
        server.server.kill()
        for client, count in itertools.product((TOWN_HALL, None), (0, 1)):
            with pytest.raises(DependencyUnavailable):
                await replica.use(token, client, count)


# The script against what it promises: within no stretch of time more than the limit, and what refills meanwhile.


class Promise:
    """One limit, told by all that it let through: (when in ms, how many)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: list[tuple[int, int]] = []

    def room(self, now: int) -> int:
        """How many fit at `now`, so that no stretch that ends now holds too many."""
        stretches = (
            self._limit
            + Fraction((now - begin) * self._limit, 60_000)
            - sum(count for time, count in self._taken if time >= begin)
            for begin, _ in self._taken
        )
        return math.floor(min(stretches, default=Fraction(self._limit)))

    def cost(self, count: int) -> int:
        """More than the limit asks for all of it."""
        return min(count, self._limit)

    def take(self, now: int, count: int) -> None:
        """Lets through."""
        self._taken.append((now, self.cost(count)))


# Limits that divide a minute, so that the promise is one of whole milliseconds.
HISTORIES = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 4_999, 5_000, 6_000, 9_999, 10_000, 60_000]) | st.integers(0, 30_000),
        st.integers(0, 3),  # whose session; two accounts of each partner
        st.integers(0, 1),  # from which address
        st.sampled_from([0, 1, 1, 1, 2, 5, 6, 11, 500]),
        st.integers(0, 1),  # which replica is asked
    ),
    max_size=60,
)


@examples(max_examples=60, deadline=None, suppress_health_check=[*HealthCheck])
@given(history=HISTORIES)
async def test_no_stretch_of_time_holds_more_than_a_limit_and_nobody_is_refused_before(
    here: Replica, server: Standalone, history: Sequence[tuple[int, int, int, int, int]]
) -> None:
    partners, addresses = [new_uuid7(START) for _ in range(2)], [somewhere() for _ in range(2)]
    tokens = [await here.open(partner_id=partner_id) for partner_id in [*partners, *partners]]
    accounts = [Promise(6) for _ in tokens]
    of_partners, of_addresses = [Promise(10) for _ in partners], [Promise(12) for _ in addresses]
    async with replica_of(server) as there:
        there.clock.set(here.clock.now())
        now = 0
        for wait_ms, who, where, count, replica in history:
            now += wait_ms
            for clock in (here.clock, there.clock):
                clock.advance(wait_ms * MILLISECOND)
            promises = (accounts[who], of_partners[who % 2], of_addresses[where])
            counted = await (here, there)[replica].use(tokens[who], addresses[where], count)
            if counted.session is None and counted.retry_after is None:
                break  # it was idle for too long
            fits = all(promise.room(now) >= promise.cost(count) for promise in promises)
            assert (counted.retry_after is None) is (fits or count == 0)
            if fits:
                _take(promises, now, count)
                assert [*left(counted).values()] == [promise.room(now) for promise in promises if count]


def _take(promises: Sequence[Promise], now: int, count: int) -> None:
    if count:
        for promise in promises:
            promise.take(now, count)


async def test_who_waits_as_long_as_he_was_told_is_let_through(here: Replica) -> None:
    uneven = SessionSettings(calls_per_minute=7, partner_calls_per_minute=11, address_calls_per_minute=13)
    replica = Replica(IdleStore(here.redis, uneven, INDEX_KEY), here.redis, here.clock)
    token = await replica.open()
    await replica.use(token, count=7)
    for count in (1, 3, 5, 7, 2):
        wait = (await replica.use(token, count=count)).retry_after
        assert wait is not None
        replica.clock.advance(wait - MILLISECOND)
        assert (await replica.use(token, count=count)).retry_after == MILLISECOND
        replica.clock.advance(MILLISECOND)
        assert (await replica.use(token, count=count)).retry_after is None
