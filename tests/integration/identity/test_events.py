"""Security events: one for each act, in the act's own transaction; append-only; kept for months, not for ever."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors
from pydantic import ValidationError

from msa.identity.v1 import security_event_service_pb2 as pb
from services.identity.config import EventSettings, IdentitySettings
from services.identity.events.domain import SecurityEvent, SecurityEventKind
from services.identity.events.handler import SecurityEventHandler
from services.identity.events.service import SecurityEvents
from services.identity.events.store import SecurityEventStore
from services.kit import telemetry
from services.kit.clock import SystemClock
from services.kit.config import DatabaseSettings
from services.kit.database import ConstraintViolated, Database, connection_parameters, open_database
from services.kit.errors import DependencyUnavailable, InvalidField
from services.kit.migrate import OwnerSettings
from tests.clock import FakeClock
from tests.stack import Stack

# Six months are 181 to 184 days.
STILL_YOUNG = timedelta(days=180)
OLD_ENOUGH = timedelta(days=185)
TRACE_ID = f"{0xABC:032x}"
KIND = SecurityEventKind

CHANGES = (
    "UPDATE security_events SET network_prefix = ''",
    "UPDATE security_events SET network_prefix = '' WHERE false",
    "TRUNCATE security_events",
)


@dataclass(frozen=True)
class Record:
    """The record of one account's events, at the present of the machine: by that PostgreSQL tells which are young."""

    database: Database
    store: SecurityEventStore
    clock: FakeClock
    account_id: UUID

    def events(self, age: timedelta = timedelta(0)) -> SecurityEvents:
        """What makes events that happened so long ago."""
        return SecurityEvents(self.store, FakeClock(self.clock.now() - age))

    def new(self, kind: SecurityEventKind = KIND.SIGNED_IN, age: timedelta = timedelta(0)) -> SecurityEvent:
        """An event of the account, not stored yet."""
        return self.events(age).new(kind, account_id=self.account_id)

    async def add(
        self, kind: SecurityEventKind = KIND.SIGNED_IN, age: timedelta = timedelta(0)
    ) -> SecurityEvent:
        """An event of the account, stored."""
        event = self.new(kind, age)
        await self.store.record([event])
        return event

    async def act(self, *events: SecurityEvent, failure: Exception | None = None) -> None:
        """A transaction that writes the events one by one, and fails at its end where it is told to."""
        async with self.database.transaction("act") as connection:
            for event in events:
                await self.store.add(connection, [event])
            if failure:
                raise failure

    async def shown(self) -> Sequence[SecurityEvent]:
        """The account's events, newest first."""
        return await self.store.list_before(self.account_id, None, 500)

    async def refused_since(self, age: timedelta) -> int:
        """How many sign-ins were refused since so long ago."""
        async with self.database.transaction("count_refused") as connection:
            return await self.store.count_refused_since(connection, self.account_id, self.clock.now() - age)


@pytest.fixture
async def record(settings: IdentitySettings) -> AsyncIterator[Record]:
    async with open_database(settings.database) as database:
        yield Record(database, SecurityEventStore(database), FakeClock(SystemClock().now()), uuid4())


@asynccontextmanager
async def connected(settings: DatabaseSettings) -> AsyncIterator[psycopg.AsyncConnection]:
    """The database as one of its roles sees it."""
    parameters = connection_parameters(settings)
    async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("statement", [*CHANGES, "SET session_replication_role = replica"])
async def test_the_service_s_role_has_no_right_to_alter_an_event(
    record: Record, settings: IdentitySettings, statement: str
) -> None:
    event = await record.add()
    async with connected(settings.database) as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            await connection.execute(statement.encode())
    assert await record.shown() == [event]


@pytest.mark.parametrize("statement", CHANGES)
async def test_the_owner_is_refused_to_alter_an_event(record: Record, stack: Stack, statement: str) -> None:
    event = await record.add(age=OLD_ENOUGH)
    async with connected(stack.settings("identity_owner", OwnerSettings).database) as connection:
        with pytest.raises(errors.RestrictViolation):
            await connection.execute(statement.encode())
    assert await record.shown() == [event]


@pytest.mark.parametrize("role", ["identity", "identity_owner"])
async def test_nobody_removes_an_event_younger_than_six_months(
    record: Record, stack: Stack, settings: IdentitySettings, role: str
) -> None:
    young = await record.add(age=STILL_YOUNG)
    await record.add(age=OLD_ENOUGH)
    owner = stack.settings("identity_owner", OwnerSettings).database
    async with connected(settings.database if role == "identity" else owner) as connection:
        with pytest.raises(errors.RestrictViolation):
            await connection.execute("DELETE FROM security_events WHERE account_id = %s", [record.account_id])
        removed = await connection.execute(
            "DELETE FROM security_events WHERE account_id = %s AND event_id <> %s",
            [record.account_id, young.event_id],
        )
    assert removed.rowcount == 1
    assert await record.shown() == [young]


async def test_not_even_a_session_that_replays_changes_alters_an_event(settings: IdentitySettings) -> None:
    async with connected(settings.database) as connection:
        triggers = await connection.execute(
            "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'security_events'::regclass"
        )
        # "A": always, whatever session_replication_role says.
        assert dict(await triggers.fetchall()) == {
            "security_events_append_only": "A",
            "security_events_are_kept": "A",
        }


async def test_events_are_kept_for_a_year_and_then_removed(record: Record) -> None:
    retention = EventSettings().retention
    kept = await record.add(age=retention - timedelta(seconds=1))
    await record.add(age=retention + timedelta(seconds=1))
    await record.events().purge(retention)
    assert retention == timedelta(days=365)
    assert await record.shown() == [kept]


async def test_the_shortest_retention_meets_no_event_too_young(record: Record) -> None:
    with pytest.raises(ValidationError):
        EventSettings(retention_days=183)
    retention = EventSettings(retention_days=184).retention
    kept = await record.add(age=retention - timedelta(hours=1))
    await record.add(age=retention + timedelta(hours=1))
    await record.events().purge(retention)
    assert await record.shown() == [kept]


async def test_however_many_are_old_all_are_removed_by_bounded_statements(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    execute = Database.execute

    async def noted(database: Database, operation: str, *arguments: object) -> int:
        statements.append(operation)
        return await execute(database, operation, *arguments)  # type: ignore[arg-type]  # handed on as they came

    await record.store.record([record.new(age=timedelta(days=400)) for _ in range(2500)])
    monkeypatch.setattr(Database, "execute", noted)
    await record.events().purge(timedelta(days=365))
    assert await record.shown() == []
    # The last one finds that nothing is left.
    assert statements == ["purge_security_events"] * 4


async def test_there_is_no_act_without_its_event(record: Record) -> None:
    earlier, act = await record.add(), record.new(KIND.SIGNED_OUT)
    with pytest.raises(ConstraintViolated):
        # An event that cannot be stored, for its identifier is taken, undoes the rest.
        await record.act(act, earlier)
    assert await record.shown() == [earlier]


async def test_there_is_no_event_without_its_act(record: Record) -> None:
    event = record.new()
    with pytest.raises(DependencyUnavailable):
        await record.act(event, record.new(), failure=DependencyUnavailable())
    assert await record.shown() == []
    await record.act(event)
    assert await record.shown() == [event]


async def test_without_postgres_nothing_is_recorded_in_silence(
    record: Record, settings: IdentitySettings
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        away = settings.database.model_copy(update={"port": probe.getsockname()[1]})
    async with open_database(away) as database:
        with pytest.raises(DependencyUnavailable):
            await SecurityEventStore(database).record([record.new()])
        with pytest.raises(DependencyUnavailable):
            await SecurityEventStore(database).list_before(None, None, 1)


async def test_an_event_tells_when_where_and_in_which_trace(record: Record) -> None:
    session_id, device_id = uuid4(), uuid4()
    with telemetry.server_span("call", [f"00-{TRACE_ID}-00000000000000aa-01"], {}):
        event = record.events().new(
            KIND.SESSIONS_REVOKED,
            account_id=record.account_id,
            session_id=session_id,
            network_prefix="192.0.2.0/24",
            device_id=device_id,
            scope="caisse:21",
        )
    await record.store.record([event])
    assert await record.shown() == [
        SecurityEvent(
            event_id=event.event_id,
            event_time=record.clock.now(),
            kind=KIND.SESSIONS_REVOKED,
            account_id=record.account_id,
            session_id=session_id,
            network_prefix="192.0.2.0/24",
            device_id=device_id,
            trace_id=TRACE_ID,
            scope="caisse:21",
        )
    ]


async def test_refused_sign_ins_are_counted_since_the_last_one(record: Record) -> None:
    for minutes, kind in (
        (50, KIND.SIGN_IN_REFUSED),
        (40, KIND.SIGNED_IN),
        (30, KIND.SIGN_IN_REFUSED),
        (20, KIND.CREDENTIAL_CHANGE_REFUSED),
        (10, KIND.SIGN_IN_REFUSED),
    ):
        await record.add(kind, timedelta(minutes=minutes))
    other = record.events().new(KIND.SIGN_IN_REFUSED, account_id=uuid4())
    await record.store.record([other, record.events().new(KIND.SIGN_IN_REFUSED)])
    assert await record.refused_since(timedelta(minutes=40)) == 2
    assert await record.refused_since(timedelta(minutes=10)) == 0
    assert await record.refused_since(timedelta(minutes=10, microseconds=1)) == 1
    assert await record.refused_since(timedelta(days=1)) == 3


async def test_a_count_within_the_transaction_of_a_refusal_sees_it(record: Record) -> None:
    async with record.database.transaction("refuse") as connection:
        await record.store.add(connection, [record.new(KIND.SIGN_IN_REFUSED)])
        since = record.clock.now() - timedelta(minutes=1)
        assert await record.store.count_refused_since(connection, record.account_id, since) == 1


async def _listed(record: Record, **fields: object) -> pb.ListSecurityEventsResponse:
    request = pb.ListSecurityEventsRequest(**fields)  # type: ignore[arg-type]  # each test names its own
    return await SecurityEventHandler(record.events()).ListSecurityEvents(request, object())


async def test_a_page_shows_the_newest_first_and_leads_to_the_next(record: Record) -> None:
    added = [await record.add(age=timedelta(minutes=minutes)) for minutes in range(5)]
    seen: list[str] = []
    token, pages = "", 0
    while pages == 0 or token:
        page = await _listed(record, account_id=str(record.account_id), page_size=2, page_token=token)
        assert len(page.events) <= 2
        seen += [event.event_id for event in page.events]
        token, pages = page.next_page_token, pages + 1
    assert seen == [str(event.event_id) for event in added]
    assert pages == 3


async def test_without_an_account_all_events_are_shown(record: Record) -> None:
    other = record.events().new(KIND.SIGN_IN_REFUSED, network_prefix="192.0.2.0/24")
    mine = await record.add()
    await record.store.record([other])
    shown = [event.event_id for event in (await _listed(record, page_size=500)).events]
    assert {str(other.event_id), str(mine.event_id)} <= set(shown)
    assert shown == sorted(shown, reverse=True)
    assert len((await _listed(record)).events) <= 50


@pytest.mark.parametrize("kind", KIND)
async def test_every_kind_is_stored_and_shown_as_in_the_contract(
    record: Record, kind: SecurityEventKind
) -> None:
    event = await record.add(kind)
    (shown,) = (await _listed(record, account_id=str(record.account_id))).events
    assert pb.SecurityEventKind.Name(shown.kind) == f"SECURITY_EVENT_KIND_{kind}"
    assert shown.event_time.ToDatetime(event.event_time.tzinfo) == event.event_time
    assert (shown.session_id, shown.device_id, shown.network_prefix, shown.scope) == ("", "", "", "")


def test_there_is_no_kind_but_those_of_the_contract() -> None:
    assert {"UNSPECIFIED", *KIND} == {
        name.removeprefix("SECURITY_EVENT_KIND_") for name in pb.SecurityEventKind.DESCRIPTOR.values_by_name
    }


@pytest.mark.parametrize(
    ("fields", "broken"),
    [
        ({"account_id": "12"}, "account_id"),
        ({"page_size": 501}, "page_size"),
        ({"page_size": -1}, "page_size"),
        ({"page_token": "é"}, "page_token"),
        ({"page_token": "AAAA"}, "page_token"),
    ],
)
async def test_a_field_that_breaks_a_rule_is_named(
    record: Record, fields: dict[str, object], broken: str
) -> None:
    with pytest.raises(InvalidField) as raised:
        await _listed(record, **fields)
    assert [violation.field for violation in raised.value.violations] == [broken]
