"""Accounts that nobody uses: their users are warned at 60, 30 and 7 days, then they are disabled."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from services.identity.config import IdentitySettings
from services.identity.domain import CredentialsRefused
from services.identity.dormancy import service as dormancy_service
from services.identity.dormancy.domain import UnusedAccount
from services.identity.dormancy.service import DormancyService
from services.identity.dormancy.store import DormancyStore
from services.identity.events.domain import SecurityEventKind
from services.identity.events.service import SecurityEvents
from services.identity.events.store import SecurityEventStore
from services.identity.housekeeping import Housekeeping
from services.identity.outbox.domain import DormancyWarning
from services.identity.outbox.service import OutboxService
from services.identity.outbox.store import OutboxStore
from services.kit.database import Database, open_database
from services.kit.errors import DependencyUnavailable
from services.kit.identifiers import new_uuid7
from tests.integration.identity.composed import Identity, User

# Long ago, so that these accounts are dormant and no other test's are.
LAST_USE = datetime(2020, 3, 10, 9, tzinfo=UTC)
DISABLED_ON = date(2021, 3, 10)
DAY = timedelta(days=1)
RETENTION = timedelta(days=365)
REPLICAS = 8
KIND = SecurityEventKind


@dataclass(frozen=True)
class Dormancy:
    """A server that looks for dormant accounts, and the clock it goes by."""

    identity: Identity
    database: Database
    service: DormancyService
    outbox: OutboxService
    store: DormancyStore
    events: SecurityEvents

    async def look_on(self, day: date) -> None:
        """Looks for dormant accounts at nine o'clock of a day."""
        self.turn_to(datetime(day.year, day.month, day.day, 9, tzinfo=UTC))
        await self.service.look_for_dormant()

    def turn_to(self, instant: datetime) -> None:
        """Turns the clock."""
        self.identity.clock.advance(instant - self.identity.clock.now())

    async def delivered(self, user: User) -> list[DormancyWarning]:
        """Delivers what waits, and tells what of it was for the user."""
        found: list[DormancyWarning] = []
        while leased := await self.outbox.lease(500, None):
            await self.outbox.acknowledge([message.message_id for message in leased])
            mine = [message for message in leased if message.account_id == user.account_id]
            assert {message.habilitation_id for message in mine} <= {user.habilitation_id}
            found += [each.content for each in mine if isinstance(each.content, DormancyWarning)]
        return found

    async def disabled_by(self, user: User) -> list[datetime]:
        """When the events say that the account was disabled as dormant."""
        events = await self.events.page(user.account_id, 500, "")
        return [each.event_time for each in events.records if each.kind is KIND.DORMANT_ACCOUNT_DISABLED]

    async def unused(self, user: User) -> UnusedAccount:
        """The account as a look finds it."""
        return UnusedAccount(user.account_id, (await self.identity.accounts.get(user.account_id)).used_time)


def compose(identity: Identity, database: Database) -> Dormancy:
    """A server of its own, with what it stands on."""
    event_store, outbox_store = SecurityEventStore(database), OutboxStore(database)
    events, store = SecurityEvents(event_store, identity.clock), DormancyStore(database, event_store)
    return Dormancy(
        identity=identity,
        database=database,
        service=DormancyService(store, outbox_store, events, identity.clock),
        outbox=OutboxService(outbox_store, identity.clock),
        store=store,
        events=events,
    )


@pytest.fixture
async def dormancy(identity: Identity) -> Dormancy:
    composed = compose(identity, identity.database)
    composed.turn_to(LAST_USE)
    return composed


async def test_an_unused_account_is_warned_of_at_60_30_and_7_days_then_disabled(dormancy: Dormancy) -> None:
    user = await dormancy.identity.new_user()
    warned: list[tuple[int, int]] = []
    for days_left in range(65, 0, -1):
        await dormancy.look_on(DISABLED_ON - days_left * DAY)
        for warning in await dormancy.delivered(user):
            assert warning.disable_date == DISABLED_ON
            warned.append((days_left, warning.days_before))
    assert warned == [(60, 60), (30, 30), (7, 7)]
    account = await dormancy.identity.accounts.get(user.account_id)
    assert account.disable_time is None

    await dormancy.look_on(DISABLED_ON)
    disabled = await dormancy.identity.accounts.get(user.account_id)
    assert disabled.disable_time == dormancy.identity.clock.now()
    assert disabled.session_generation == account.session_generation + 1
    assert await dormancy.disabled_by(user) == [disabled.disable_time]
    assert await dormancy.delivered(user) == []


async def test_a_dormant_account_opens_nothing_until_the_caisse_issues_a_password(dormancy: Dormancy) -> None:
    user, _ = await dormancy.identity.settled_user()
    await dormancy.look_on(DISABLED_ON)
    with pytest.raises(CredentialsRefused):
        await dormancy.identity.sign_in(user)
    issued = await dormancy.identity.accounts.issue_temporary_password(user.account_id)
    await dormancy.look_on(DISABLED_ON)
    await dormancy.identity.sign_in(user, issued.password)


async def test_what_is_disabled_already_is_left_as_it_is(dormancy: Dormancy) -> None:
    user = await dormancy.identity.new_user()
    await dormancy.identity.accounts.disable(user.account_id)
    before = await dormancy.identity.accounts.get(user.account_id)
    for days_left in (60, 30, 7, 0):
        await dormancy.look_on(DISABLED_ON - days_left * DAY)
        assert await dormancy.delivered(user) == []
    assert await dormancy.identity.accounts.get(user.account_id) == before
    assert await dormancy.disabled_by(user) == []


async def test_after_a_long_absence_only_the_most_urgent_warning_is_sent(dormancy: Dormancy) -> None:
    user = await dormancy.identity.new_user()
    await dormancy.look_on(DISABLED_ON - 5 * DAY)
    assert [warning.days_before for warning in await dormancy.delivered(user)] == [7]
    await dormancy.look_on(DISABLED_ON - 4 * DAY)
    assert await dormancy.delivered(user) == []


async def test_a_warning_that_was_not_delivered_gives_way_to_a_more_urgent_one(dormancy: Dormancy) -> None:
    user = await dormancy.identity.new_user()
    await dormancy.look_on(DISABLED_ON - 60 * DAY)
    await dormancy.look_on(DISABLED_ON - 30 * DAY)
    assert [warning.days_before for warning in await dormancy.delivered(user)] == [30]


async def test_a_sign_in_puts_off_the_day_and_voids_the_warnings_that_wait(dormancy: Dormancy) -> None:
    user, _ = await dormancy.identity.settled_user()
    await dormancy.look_on(DISABLED_ON - 60 * DAY)
    await dormancy.identity.sign_in(user)
    assert await dormancy.delivered(user) == []
    for day in (DISABLED_ON - 30 * DAY, DISABLED_ON):
        await dormancy.look_on(day)
        assert await dormancy.delivered(user) == []
    assert (await dormancy.identity.accounts.get(user.account_id)).disable_time is None
    # 12 months after the sign-in, which was on 9 January 2021.
    await dormancy.look_on(date(2021, 11, 10))
    (warning,) = await dormancy.delivered(user)
    assert (warning.days_before, warning.disable_date) == (60, date(2022, 1, 9))


async def test_a_password_that_the_caisse_issues_counts_as_use(dormancy: Dormancy) -> None:
    user = await dormancy.identity.new_user()
    await dormancy.look_on(DISABLED_ON - 7 * DAY)
    await dormancy.identity.accounts.issue_temporary_password(user.account_id)
    assert await dormancy.delivered(user) == []
    await dormancy.look_on(DISABLED_ON)
    assert (await dormancy.identity.accounts.get(user.account_id)).disable_time is None
    # The next time, no warning is held back by the one of this time, more urgent though that was.
    await dormancy.look_on(date(2022, 1, 2))
    (warning,) = await dormancy.delivered(user)
    assert (warning.days_before, warning.disable_date) == (60, date(2022, 3, 3))


async def test_a_warning_to_who_was_disabled_meanwhile_is_void(dormancy: Dormancy) -> None:
    user = await dormancy.identity.new_user()
    await dormancy.look_on(DISABLED_ON - 7 * DAY)
    await dormancy.identity.accounts.disable(user.account_id)
    assert await dormancy.delivered(user) == []


async def test_who_is_used_at_that_moment_is_not_disabled(dormancy: Dormancy) -> None:
    user = await dormancy.identity.new_user()
    found = await dormancy.unused(user)
    dormancy.turn_to(LAST_USE + 400 * DAY)
    event = dormancy.events.new(KIND.DORMANT_ACCOUNT_DISABLED, account_id=user.account_id)
    async with dormancy.database.transaction("sign_in") as connection:
        await connection.execute(
            "UPDATE accounts SET used_time = %s WHERE account_id = %s",
            [dormancy.identity.clock.now(), user.account_id],
        )
        # Found unused before the commit, it is judged anew after it.
        disabling = asyncio.create_task(dormancy.store.disable(found, event))
        await _wait_until_it_waits(dormancy.database)
    assert await disabling is False
    assert (await dormancy.identity.accounts.get(user.account_id)).disable_time is None
    assert await dormancy.disabled_by(user) == []


@dataclass(frozen=True)
class _Waiting:
    statements: int


async def _wait_until_it_waits(database: Database) -> None:
    async with asyncio.timeout(5):
        while True:
            waiting = await database.fetch_one(
                "count_waiting", _Waiting, "SELECT count(*) AS statements FROM pg_locks WHERE NOT granted"
            )
            if waiting and waiting.statements:
                return
            await asyncio.sleep(0.01)


@pytest.fixture
async def replicas(identity: Identity, settings: IdentitySettings) -> AsyncIterator[Sequence[Dormancy]]:
    """Servers with connections of their own."""
    async with AsyncExitStack() as resources:
        yield [
            compose(
                identity,
                await resources.enter_async_context(
                    open_database(settings.database.model_copy(update={"pool_max_size": 2}))
                ),
            )
            for _ in range(REPLICAS)
        ]


async def test_however_many_servers_look_each_thing_is_done_once(
    dormancy: Dormancy, replicas: Sequence[Dormancy]
) -> None:
    users = [await dormancy.identity.new_user() for _ in range(20)]
    generations = {
        user.account_id: (await dormancy.identity.accounts.get(user.account_id)).session_generation
        for user in users
    }
    dormancy.turn_to(LAST_USE + 360 * DAY)
    await asyncio.gather(*(replica.service.look_for_dormant() for replica in replicas))
    leased = await dormancy.outbox.lease(500, None)
    mine = [message.account_id for message in leased if message.account_id in generations]
    assert sorted(mine) == sorted(generations)

    dormancy.turn_to(LAST_USE + 365 * DAY)
    await asyncio.gather(*(replica.service.look_for_dormant() for replica in replicas))
    for user in users:
        account = await dormancy.identity.accounts.get(user.account_id)
        assert account.disable_time == dormancy.identity.clock.now()
        assert account.session_generation == generations[user.account_id] + 1
        assert len(await dormancy.disabled_by(user)) == 1


async def test_all_are_found_however_many_there_are(
    dormancy: Dormancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the same instant, so that pages part within it.
    users = [await dormancy.identity.new_user() for _ in range(7)]
    monkeypatch.setattr(dormancy_service, "_PAGE_SIZE", 2)
    await dormancy.look_on(DISABLED_ON - DAY)
    warned = {message.account_id for message in await dormancy.outbox.lease(500, None)}
    assert {user.account_id for user in users} <= warned
    await dormancy.look_on(DISABLED_ON)
    for user in users:
        assert (await dormancy.identity.accounts.get(user.account_id)).disable_time is not None


async def test_what_fails_does_not_keep_the_rest_from_being_done(dormancy: Dormancy) -> None:
    user = await dormancy.identity.new_user()
    old = SecurityEvents(SecurityEventStore(dormancy.database), dormancy.identity.clock).new(
        KIND.SIGNED_IN, account_id=new_uuid7(LAST_USE)
    )
    await SecurityEventStore(dormancy.database).record([old])
    dormancy.turn_to(LAST_USE + 400 * DAY)

    async def purge_sessions() -> None:
        raise DependencyUnavailable

    housekeeping = Housekeeping(
        dormancy.service,
        dormancy.events,
        dormancy.outbox,
        dormancy.identity.parts.use,
        purge_sessions,
        RETENTION,
    )
    with capture_logs() as lines:
        await housekeeping.run()
    assert [(line["work"], line["error_type"]) for line in lines if line["event"] == "work_failed"] == [
        ("purge_sessions", "DependencyUnavailable")
    ]
    assert {
        "account_id": str(user.account_id),
        "event": "dormant_account_disabled",
        "log_level": "info",
    } in lines
    assert (await dormancy.events.page(old.account_id, 1, "")).records == []


async def test_the_server_s_housekeeping_looks_for_dormant_accounts(dormancy: Dormancy) -> None:
    user = await dormancy.identity.new_user()
    dormancy.turn_to(LAST_USE + 365 * DAY)
    await dormancy.identity.parts.housekeeping.run()
    account = await dormancy.identity.accounts.get(user.account_id)
    assert account.disable_time == dormancy.identity.clock.now()
