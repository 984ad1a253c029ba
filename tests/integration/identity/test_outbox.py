"""The outbox: every message reaches a mailer at least once, and no two mailers at once."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from google.protobuf.duration_pb2 import Duration

from msa.identity.v1 import outbox_service_pb2 as pb
from services.identity.config import IdentitySettings
from services.identity.outbox.domain import NewDormancyWarning
from services.identity.outbox.handler import OutboxHandler
from services.identity.outbox.service import OutboxService
from services.identity.outbox.store import OutboxStore
from services.kit.database import connection_parameters, open_database
from services.kit.errors import DependencyUnavailable, InvalidField
from services.kit.identifiers import new_uuid7
from tests.clock import FakeClock
from tests.integration.identity.composed import Identity

NOW = datetime(2019, 6, 3, 9, tzinfo=UTC)
DISABLE_DATE = date(2019, 7, 3)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
RETENTION = timedelta(days=365)


@dataclass(frozen=True)
class Outbox:
    """The outbox with what fills it and whom it serves."""

    identity: Identity
    store: OutboxStore
    service: OutboxService
    clock: FakeClock

    async def add(self, count: int = 1, apart: timedelta = MILLISECOND) -> list[UUID]:
        """Writes so many messages, each to a user of its own, in the order in which they are written."""
        added = []
        for _ in range(count):
            self.clock.advance(apart)
            added.append(await self.write((await self.identity.new_user()).account_id))
        return added

    async def write(self, account_id: UUID) -> UUID:
        """Writes a message to a user."""
        account, now = await self.identity.accounts.get(account_id), self.clock.now()
        warning = NewDormancyWarning(new_uuid7(now), account_id, account.used_time, DISABLE_DATE, 30, now)
        await self.store.add([warning])
        return warning.message_id

    async def lease(self, maximum: int = 500, lease: timedelta = MINUTE) -> list[UUID]:
        """What a mailer is handed."""
        leased = await self.service.lease(maximum, lease.total_seconds())
        return [message.message_id for message in leased]


@pytest.fixture
async def outbox(identity: Identity) -> Outbox:
    """In which nothing waits, at `NOW`: long ago, so that no account of another test is concerned."""
    store = OutboxStore(identity.database)
    composed = Outbox(identity, store, OutboxService(store, identity.clock), identity.clock)
    # By then no lease of another test lasts.
    identity.clock.advance(NOW + timedelta(days=30) - identity.clock.now())
    while waiting := await composed.lease():
        await composed.service.acknowledge(waiting)
    identity.clock.advance(NOW - identity.clock.now())
    return composed


async def test_a_message_is_leased_again_until_it_is_acknowledged(outbox: Outbox) -> None:
    (message,) = await outbox.add()
    for _ in range(3):
        assert await outbox.lease() == [message]
        outbox.clock.advance(MINUTE - timedelta(microseconds=1))
        assert await outbox.lease() == []
        outbox.clock.advance(timedelta(microseconds=1))
    await outbox.service.acknowledge([message])
    assert await outbox.lease() == []
    outbox.clock.advance(timedelta(days=3))
    assert await outbox.lease() == []


async def test_an_acknowledgement_may_come_late_twice_or_for_nothing(outbox: Outbox) -> None:
    message, other = await outbox.add(2)
    assert await outbox.lease(lease=SECOND) == [message, other]
    outbox.clock.advance(MINUTE)
    for _ in range(2):
        await outbox.service.acknowledge([message, uuid4(), message])
    await outbox.service.acknowledge([])
    assert await outbox.lease() == [other]


@pytest.mark.parametrize("apart", [MILLISECOND, -MILLISECOND])
async def test_the_oldest_messages_are_leased_first(outbox: Outbox, apart: timedelta) -> None:
    messages = sorted(await outbox.add(5, apart))
    assert await outbox.lease(maximum=2) == messages[:2]
    assert await outbox.lease(maximum=2) == messages[2:4]
    assert await outbox.lease() == messages[4:]
    outbox.clock.advance(MINUTE)
    assert await outbox.lease() == messages


async def test_a_lease_is_for_50_messages_and_a_minute_unless_said_otherwise(outbox: Outbox) -> None:
    messages = await outbox.add(51)
    assert [message.message_id for message in await outbox.service.lease(0, None)] == messages[:50]
    outbox.clock.advance(MINUTE - SECOND)
    assert await outbox.lease() == messages[50:]
    outbox.clock.advance(SECOND)
    assert await outbox.lease() == messages[:50]


async def test_no_two_mailers_hold_the_same_message(outbox: Outbox) -> None:
    messages = await outbox.add(40)
    held: Sequence[list[UUID]] = await asyncio.gather(*(outbox.lease(maximum=10) for _ in range(8)))
    assert all(len(leased) <= 10 for leased in held)
    rest = await outbox.lease()
    assert sorted([*rest, *(message for leased in held for message in leased)]) == messages


async def test_a_mailer_does_not_wait_for_another(outbox: Outbox) -> None:
    first, second = await outbox.add(2)
    async with outbox.identity.database.transaction("other_mailer") as connection:
        await connection.execute(
            "SELECT message_id FROM outbox_messages WHERE message_id = %s FOR UPDATE", [first]
        )
        async with asyncio.timeout(0.8):
            assert await outbox.lease() == [second]
    assert await outbox.lease() == [first]


async def test_a_warning_is_written_once(outbox: Outbox) -> None:
    user = await outbox.identity.new_user()
    first = await outbox.write(user.account_id)
    await outbox.write(user.account_id)
    assert await outbox.lease() == [first]
    await outbox.service.acknowledge([first])
    await outbox.write(user.account_id)
    assert await outbox.lease() == []


async def test_what_is_long_over_is_removed_delivered_or_not(outbox: Outbox) -> None:
    delivered, undelivered = await outbox.add(2)
    await outbox.service.acknowledge([delivered])
    for days, left in ((30 + 365, {delivered, undelivered}), (30 + 365 + 1, set())):
        outbox.clock.advance(NOW + timedelta(days=days) - outbox.clock.now())
        await outbox.service.purge(RETENTION)
        assert await _present(outbox, delivered, undelivered) == left


@dataclass(frozen=True)
class _Found:
    message_id: UUID


async def _present(outbox: Outbox, *message_ids: UUID) -> set[UUID]:
    rows = await outbox.identity.database.fetch_all(
        "find_messages",
        _Found,
        "SELECT message_id FROM outbox_messages WHERE message_id = ANY (%s)",
        [list(message_ids)],
    )
    return {row.message_id for row in rows}


async def test_a_message_says_what_the_contract_says(outbox: Outbox) -> None:
    user = await outbox.identity.new_user()
    message_id = await outbox.write(user.account_id)
    handler = OutboxHandler(outbox.service)
    (message,) = (await handler.LeaseMessages(pb.LeaseMessagesRequest(), object())).messages
    assert message.message_id == str(message_id)
    assert (message.account_id, message.habilitation_id) == (str(user.account_id), str(user.habilitation_id))
    assert message.create_time.ToDatetime(UTC) == outbox.clock.now()
    warning = message.dormancy_warning
    assert (warning.disable_date.year, warning.disable_date.month, warning.disable_date.day) == (2019, 7, 3)
    assert warning.days_before == 30
    await handler.AcknowledgeMessages(
        pb.AcknowledgeMessagesRequest(message_ids=[message.message_id]), object()
    )
    outbox.clock.advance(MINUTE)
    assert await outbox.lease() == []


@pytest.mark.parametrize(
    ("lease", "held_for"),
    [
        (Duration(seconds=1), SECOND),
        (Duration(seconds=1, nanos=500_000_000), 1.5 * SECOND),
        (Duration(seconds=3600), 60 * MINUTE),
    ],
)
async def test_a_lease_lasts_as_long_as_was_asked(
    outbox: Outbox, lease: Duration, held_for: timedelta
) -> None:
    messages = await outbox.add()
    request = pb.LeaseMessagesRequest(lease=lease)
    assert (await OutboxHandler(outbox.service).LeaseMessages(request, object())).messages
    outbox.clock.advance(held_for - MILLISECOND)
    assert await outbox.lease() == []
    outbox.clock.advance(MILLISECOND)
    assert await outbox.lease() == messages


@pytest.mark.parametrize(
    ("request_message", "violation"),
    [
        (pb.LeaseMessagesRequest(maximum=501), ("maximum", "RANGE")),
        (pb.LeaseMessagesRequest(maximum=-1), ("maximum", "RANGE")),
        (pb.LeaseMessagesRequest(lease=Duration()), ("lease", "RANGE")),
        (pb.LeaseMessagesRequest(lease=Duration(nanos=999_999_999)), ("lease", "RANGE")),
        (pb.LeaseMessagesRequest(lease=Duration(seconds=-60)), ("lease", "RANGE")),
        (pb.LeaseMessagesRequest(lease=Duration(seconds=3600, nanos=1_000)), ("lease", "RANGE")),
        (pb.LeaseMessagesRequest(lease=Duration(seconds=2**63 - 1)), ("lease", "RANGE")),
    ],
)
async def test_a_lease_that_breaks_a_rule_takes_nothing(
    outbox: Outbox, request_message: pb.LeaseMessagesRequest, violation: tuple[str, str]
) -> None:
    messages = await outbox.add()
    with pytest.raises(InvalidField) as raised:
        await OutboxHandler(outbox.service).LeaseMessages(request_message, object())
    assert [(each.field, each.rule) for each in raised.value.violations] == [violation]
    assert await outbox.lease() == messages


@pytest.mark.parametrize(
    ("message_ids", "violation"),
    [
        (["not a UUID"], ("message_ids[1]", "UUID")),
        ([str(UUID(int=number)) for number in range(500)], ("message_ids", "BATCH_SIZE")),
    ],
)
async def test_an_acknowledgement_that_breaks_a_rule_ends_nothing(
    outbox: Outbox, message_ids: list[str], violation: tuple[str, str]
) -> None:
    (message,) = await outbox.add()
    handler = OutboxHandler(outbox.service)
    request = pb.AcknowledgeMessagesRequest(message_ids=[str(message), *message_ids])
    with pytest.raises(InvalidField) as raised:
        await handler.AcknowledgeMessages(request, object())
    assert [(each.field, each.rule) for each in raised.value.violations] == [violation]
    assert await outbox.lease() == [message]
    most = [str(message), *(str(UUID(int=number)) for number in range(499))]
    await handler.AcknowledgeMessages(pb.AcknowledgeMessagesRequest(message_ids=most), object())
    outbox.clock.advance(MINUTE)
    assert await outbox.lease() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE outbox_messages SET account_id = account_id",
        "UPDATE outbox_messages SET disable_date = disable_date",
        "UPDATE outbox_messages SET used_time = used_time",
        "UPDATE outbox_messages SET unusual_use_id = unusual_use_id",
        "TRUNCATE outbox_messages",
    ],
)
def test_the_service_s_role_can_do_no_more_than_it_needs(settings: IdentitySettings, statement: str) -> None:
    parameters = connection_parameters(settings.database)
    with (
        psycopg.connect(**parameters, autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


async def test_without_postgres_nothing_is_handed_out(settings: IdentitySettings) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        away = settings.database.model_copy(update={"port": probe.getsockname()[1]})
    async with open_database(away) as database:
        service = OutboxService(OutboxStore(database), FakeClock(NOW))
        for call in (service.lease(1, None), service.acknowledge([uuid4()])):
            with pytest.raises(DependencyUnavailable):
                await call
