"""A caisse is told by mail of each suspension for unusual use: with it, once, and until it is lifted (art. 7-2)."""

import asyncio
from datetime import UTC, timedelta

import pytest

from msa.identity.v1 import outbox_service_pb2 as pb
from msa.identity.v1 import use_service_pb2 as use_pb
from services.identity.config import IdentitySettings
from services.identity.events.domain import SecurityEventKind
from services.identity.events.store import SecurityEventStore
from services.identity.outbox.domain import DormancyWarning, NewDormancyWarning
from services.identity.outbox.handler import OutboxHandler
from services.identity.outbox.store import OutboxStore
from services.identity.sessions.domain import Decision
from services.identity.use.domain import UnusualUse, UseCount, UsePolicy
from services.kit.clock import paris_date
from services.kit.errors import DependencyUnavailable, InvalidField
from services.kit.identifiers import new_uuid7
from tests.integration.identity.composed import Identity, User, compose

NETWORK = "198.51.100.0/24"
TRACE, OTHER_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c"
MANY_UNKNOWN = 150
# One that no other test sets anything for.
CAISSE = "68"
ABOUT_USE = {SecurityEventKind.UNUSUAL_USE_NOTICED, SecurityEventKind.USE_SUSPENDED}
LEASE = timedelta(minutes=1)
RETENTION = timedelta(days=365)


async def report(identity: Identity, *users: User, unknown: int = MANY_UNKNOWN, made: int = 0) -> None:
    """What a gateway reports of accounts."""
    counts = [UseCount(user.account_id, NETWORK, made or unknown, unknown, TRACE) for user in users]
    await identity.parts.use.record(counts)


async def told(identity: Identity, *users: User) -> list[UnusualUse]:
    """What a mailer delivers of these accounts; what it takes beside is delivered too."""
    found: list[UnusualUse] = []
    while leased := await identity.parts.outbox.lease(500, LEASE.total_seconds()):
        await identity.parts.outbox.acknowledge([message.message_id for message in leased])
        contents = [each.content for each in leased if isinstance(each.content, UnusualUse)]
        found += [each for each in contents if each.account_id in {user.account_id for user in users}]
    return found


async def test_a_suspension_is_told_once_with_its_reasons(identity: Identity) -> None:
    user = await identity.new_user(caisse_code=CAISSE)
    await report(identity, user)
    (unusual,) = await told(identity, user)
    assert unusual == (await identity.parts.use.page(CAISSE, user.account_id, 1, "")).records[0]
    assert (unusual.suspended, unusual.caisse_code, unusual.partner_id) == (True, CAISSE, user.partner_id)
    await report(identity, user)
    identity.clock.advance(timedelta(days=2))
    await report(identity, user)
    assert await told(identity, user) == []


async def test_gateways_that_suspend_at_once_tell_of_each_account_once(
    identity: Identity, settings: IdentitySettings
) -> None:
    users = [await identity.new_user(caisse_code=CAISSE) for _ in range(6)]
    async with compose(settings) as another:
        await asyncio.gather(
            *(report(gateway, *users) for gateway in (identity, another) for _ in range(4)),
            *(report(another, user) for user in users),
        )
    found = await told(identity, *users)
    assert sorted(each.account_id for each in found) == sorted(user.account_id for user in users)


async def test_who_is_suspended_anew_after_a_lift_is_told_of_anew(identity: Identity) -> None:
    user = await identity.new_user(caisse_code=CAISSE)
    seen = []
    for _ in range(2):
        await report(identity, user)
        seen += await told(identity, user)
        identity.clock.advance(timedelta(minutes=5))
        await identity.parts.use.lift(user.account_id)
        identity.clock.advance(timedelta(minutes=5))
    assert len({each.unusual_use_id for each in seen}) == 2


async def test_a_suspension_that_was_lifted_before_it_was_told_is_told_no_more(identity: Identity) -> None:
    user, other = [await identity.new_user(caisse_code=CAISSE) for _ in range(2)]
    await report(identity, user, other)
    await identity.parts.use.lift(user.account_id)
    assert [each.account_id for each in await told(identity, user, other)] == [other.account_id]


async def test_what_suspends_nobody_is_told_where_the_caisse_asked_for_it(identity: Identity) -> None:
    use = identity.parts.use
    before = await identity.new_user(caisse_code=CAISSE)
    await report(identity, before, made=200, unknown=0)
    assert await told(identity, before) == []
    try:
        await use.set_policy(UsePolicy(CAISSE, notices_mailed=True))
        assert (await use.policy(CAISSE)).notices_mailed
        user = await identity.new_user(caisse_code=CAISSE)
        for _ in range(3):
            await report(identity, user, made=200, unknown=0)
        assert [each.suspended for each in await told(identity, user)] == [False]
        # A suspension comes on top of it.
        await report(identity, user)
        assert [each.suspended for each in await told(identity, user)] == [True]
    finally:
        await use.set_policy(UsePolicy(CAISSE))
    assert not (await use.policy(CAISSE)).notices_mailed


async def test_no_suspension_without_its_message_and_no_message_without_its_suspension(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, token = await identity.settled_user(caisse_code=CAISSE)

    async def away(*_: object) -> None:
        raise DependencyUnavailable

    for broken, method in ((SecurityEventStore, "add"), (OutboxStore, "add_unusual_use")):
        with monkeypatch.context() as patched:
            patched.setattr(broken, method, away)
            with pytest.raises(DependencyUnavailable):
                await report(identity, user)
        assert await told(identity, user) == []
        assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    # The gateway reports again what was not acknowledged.
    await report(identity, user)
    assert (await identity.authenticate(token)).decision is Decision.USE_SUSPENDED
    assert len(await told(identity, user)) == 1


async def test_a_mailer_that_is_killed_leaves_the_message_to_the_next(identity: Identity) -> None:
    user = await identity.new_user(caisse_code=CAISSE)
    await told(identity)
    await report(identity, user)
    outbox = identity.parts.outbox
    (first,) = await outbox.lease(500, LEASE.total_seconds())
    assert await outbox.lease(500, LEASE.total_seconds()) == []
    identity.clock.advance(LEASE)
    (again,) = await outbox.lease(500, LEASE.total_seconds())
    assert again == first
    await outbox.acknowledge([again.message_id])
    assert await told(identity, user) == []


async def test_unusual_use_goes_before_what_waited_longer(identity: Identity) -> None:
    users = [await identity.new_user(caisse_code=CAISSE) for _ in range(4)]
    await told(identity)
    now = identity.clock.now()
    accounts = [await identity.accounts.get(user.account_id) for user in users[:2]]
    disable_date = paris_date(now) + timedelta(days=30)
    await OutboxStore(identity.database).add(
        [
            NewDormancyWarning(new_uuid7(now), each.account_id, each.used_time, disable_date, 30, now)
            for each in accounts
        ]
    )
    for user in users[2:]:
        identity.clock.advance(timedelta(milliseconds=2))
        await report(identity, user)
    singly = [message for _ in range(4) for message in await identity.parts.outbox.lease(1, 60)]
    assert [each.account_id for each in singly[:2]] == [user.account_id for user in users[2:]]
    assert [type(each.content) for each in singly] == [UnusualUse] * 2 + [DormancyWarning] * 2
    identity.clock.advance(LEASE)
    assert await identity.parts.outbox.lease(500, 60) == singly


async def test_a_message_goes_with_what_it_tells_of(identity: Identity) -> None:
    user, kept = [await identity.new_user(caisse_code=CAISSE) for _ in range(2)]
    await report(identity, user, kept)
    await identity.parts.use.lift(user.account_id)
    identity.clock.advance(RETENTION + timedelta(days=1))
    await identity.parts.use.purge(RETENTION)
    await identity.parts.outbox.purge(RETENTION)
    # What somebody is still suspended for is still to be told.
    assert [each.account_id for each in await told(identity, user, kept)] == [kept.account_id]
    assert (await identity.parts.use.page(CAISSE, user.account_id, 1, "")).records == []


async def test_a_message_says_what_the_contract_says(identity: Identity) -> None:
    user = await identity.new_user(caisse_code=CAISSE)
    await told(identity)
    await report(identity, user)
    handler = OutboxHandler(identity.parts.outbox)
    (message,) = (await handler.LeaseMessages(pb.LeaseMessagesRequest(), object())).messages
    assert (message.account_id, message.habilitation_id) == (str(user.account_id), str(user.habilitation_id))
    assert message.create_time.ToDatetime(UTC) == identity.clock.now()
    unusual = message.unusual_use
    assert (unusual.caisse_code, unusual.partner_id) == (CAISSE, str(user.partner_id))
    assert (unusual.score, unusual.suspended, unusual.HasField("lift_time")) == (100, True, False)
    assert [reason.kind for reason in unusual.reasons[:1]] == [use_pb.UNUSUAL_USE_KIND_UNKNOWN_NIRS]
    await handler.AcknowledgeMessages(
        pb.AcknowledgeMessagesRequest(message_ids=[message.message_id]), object()
    )


async def test_what_was_unusual_and_its_events_lead_to_the_last_call(identity: Identity) -> None:
    user, silent = [await identity.new_user(caisse_code=CAISSE) for _ in range(2)]
    await identity.parts.use.record(
        [
            UseCount(user.account_id, "203.0.113.0/24", 1, 0, OTHER_TRACE),
            UseCount(user.account_id, NETWORK, MANY_UNKNOWN, MANY_UNKNOWN, TRACE),
            UseCount(user.account_id, "", 1, 0),
            UseCount(silent.account_id, NETWORK, MANY_UNKNOWN, MANY_UNKNOWN),
        ]
    )
    for account, trace_id in ((user, TRACE), (silent, "")):
        (unusual,) = (await identity.parts.use.page(CAISSE, account.account_id, 500, "")).records
        assert unusual.trace_id == trace_id
        events = [each for each in await identity.events(account.account_id) if each.kind in ABOUT_USE]
        assert {(each.kind, each.trace_id) for each in events} == {(kind, trace_id) for kind in ABOUT_USE}


@pytest.mark.parametrize("trace_id", ["0", "X" * 32, TRACE.upper(), TRACE + "0", "199029999999999"])
async def test_what_is_no_trace_is_kept_nowhere_n5(identity: Identity, trace_id: str) -> None:
    user = await identity.new_user(caisse_code=CAISSE)
    with pytest.raises(InvalidField) as refused:
        await identity.parts.use.record([UseCount(user.account_id, NETWORK, 1, 0, trace_id)])
    assert [(each.field, each.rule) for each in refused.value.violations] == [
        ("counts[0].trace_id", "TRACE_ID")
    ]
