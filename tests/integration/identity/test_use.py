"""Unusual use suspends an account before its report is acknowledged (art. 7-2; N3), and a caisse lifts it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import grpc
import pytest
from structlog.testing import capture_logs

from msa.identity.v1 import account_service_pb2 as account_pb
from msa.identity.v1 import use_service_pb2 as pb
from msa.identity.v1.account_service_pb2_grpc import AccountServiceStub
from msa.identity.v1.use_service_pb2_grpc import UseServiceStub
from services.identity.config import IdentitySettings
from services.identity.events.domain import SecurityEventKind
from services.identity.sessions.domain import Decision
from services.identity.use.domain import (
    DEFAULT_NOTICE_SCORE,
    DEFAULT_SUSPENSION_SCORE,
    NEVER,
    UnusualUse,
    UnusualUseKind,
    UseCount,
    UsePolicy,
)
from services.kit.database import StatementFailed
from services.kit.errors import InvalidField, RecordChanged, RecordNotFound
from services.kit.etags import etag_of
from tests.integration.identity.composed import Identity, User, compose
from tests.stack import Stack

KIND = SecurityEventKind
NETWORK = "198.51.100.0/24"
MANY_UNKNOWN = 150
RETENTION = timedelta(days=365)


@dataclass(frozen=True)
class _Sums:
    consultations: int
    unknown: int


@dataclass(frozen=True)
class _Rows:
    rows: int


async def report(
    identity: Identity, user: User, consultations: int, unknown: int = 0, network: str = NETWORK
) -> None:
    """What a gateway reports of one account."""
    await identity.parts.use.record([UseCount(user.account_id, network, consultations, unknown)])


async def found(identity: Identity, user: User, caisse_code: str = "21") -> Sequence[UnusualUse]:
    """What was unusual about the account, newest first."""
    return (await identity.parts.use.page(caisse_code, user.account_id, 500, "")).records


async def kinds(identity: Identity, user: User) -> list[SecurityEventKind]:
    """The events of the account that tell of its use."""
    told = {KIND.UNUSUAL_USE_NOTICED, KIND.USE_SUSPENDED, KIND.USE_SUSPENSION_LIFTED}
    return [event.kind for event in await identity.events(user.account_id) if event.kind in told]


async def sums(identity: Identity, user: User) -> _Sums:
    """What was counted of the account."""
    counted = await identity.database.fetch_one(
        "sum_use",
        _Sums,
        """
        SELECT coalesce(sum(consultation_count), 0)::integer AS consultations,
            coalesce(sum(not_found_count), 0)::integer AS unknown
        FROM use_counts WHERE account_id = %s
        """,
        [user.account_id],
    )
    assert counted is not None
    return counted


async def work(identity: Identity, user: User, days: int, an_hour: int) -> None:
    """Lets the user work for days, so that his partner has a habit; the clock ends where it began."""
    now = identity.clock.now()
    for ago in range(days + 1, 1, -1):
        for hours in (0, 1, 2, 3):
            turn(identity, now - timedelta(days=ago) + timedelta(hours=hours))
            await report(identity, user, an_hour)
    turn(identity, now)


def turn(identity: Identity, instant: datetime) -> None:
    """Turns the clock."""
    identity.clock.advance(instant - identity.clock.now())


async def test_trying_out_nirs_is_refused_from_the_next_call_on_art_7_2_n3(identity: Identity) -> None:
    user, token = await identity.settled_user()
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    with capture_logs() as lines:
        await report(identity, user, MANY_UNKNOWN, MANY_UNKNOWN)
    assert (await identity.authenticate(token)).decision is Decision.USE_SUSPENDED
    # Both of one instant, in no order.
    assert sorted(await kinds(identity, user)) == [KIND.UNUSUAL_USE_NOTICED, KIND.USE_SUSPENDED]
    (unusual,) = await found(identity, user)
    assert (unusual.score, unusual.suspended, unusual.lift_time) == (100, True, None)
    assert (unusual.partner_id, unusual.event_time) == (user.partner_id, identity.clock.now())
    reason, *_ = unusual.reasons
    assert (reason.kind, reason.points) == (UnusualUseKind.UNKNOWN_NIRS, 100)
    assert (reason.observed_count, reason.expected_count) == (150, 21)
    suspended = {
        "event": "use_unusual",
        "log_level": "info",
        "account_id": str(user.account_id),
        "suspended": True,
        "call_trace_id": "",
    }
    assert suspended in lines


async def test_another_account_of_the_partner_goes_on(identity: Identity) -> None:
    user, _ = await identity.settled_user()
    _, other = await identity.settled_user(user.partner_id)
    await report(identity, user, MANY_UNKNOWN, MANY_UNKNOWN)
    assert (await identity.authenticate(other)).decision is Decision.ACCEPTED


async def test_a_lift_opens_the_session_again_and_what_was_before_counts_no_more(identity: Identity) -> None:
    user, token = await identity.settled_user()
    await report(identity, user, MANY_UNKNOWN, MANY_UNKNOWN)
    identity.clock.advance(timedelta(minutes=5))
    lifted = await identity.parts.use.lift(user.account_id)
    assert lifted.lift_time == identity.clock.now()
    assert [each.lift_time for each in await found(identity, user)] == [lifted.lift_time]
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    await report(identity, user, 30, 5)
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    assert len(await found(identity, user)) == 1
    # But what comes after is judged as ever.
    identity.clock.advance(timedelta(minutes=5))
    await report(identity, user, MANY_UNKNOWN, MANY_UNKNOWN)
    assert (await identity.authenticate(token)).decision is Decision.USE_SUSPENDED
    told = await kinds(identity, user)
    assert told[2] is KIND.USE_SUSPENSION_LIFTED
    for both in (told[:2], told[3:]):
        assert sorted(both) == [KIND.UNUSUAL_USE_NOTICED, KIND.USE_SUSPENDED]


async def test_where_nothing_stands_there_is_nothing_to_lift(identity: Identity) -> None:
    user = await identity.new_user()
    for account_id in (user.account_id, uuid4()):
        with pytest.raises(RecordNotFound):
            await identity.parts.use.lift(account_id)
    assert await kinds(identity, user) == []


async def test_gateways_that_report_at_once_lose_nothing_and_suspend_once(
    identity: Identity, settings: IdentitySettings
) -> None:
    users = [await identity.new_user() for _ in range(8)]
    async with compose(settings) as another:
        gateways = (identity, another)

        async def reports(gateway: Identity, turns: int) -> None:
            for _ in range(turns):
                counts = [UseCount(user.account_id, NETWORK, 10, 9) for user in users]
                await gateway.parts.use.record(counts if gateway is identity else counts[::-1])

        await asyncio.gather(*(reports(gateway, 10) for gateway in gateways for _ in range(2)))
    for user in users:
        assert await sums(identity, user) == _Sums(400, 360)
        assert [each.suspended for each in await found(identity, user)].count(True) == 1
        assert (await kinds(identity, user)).count(KIND.USE_SUSPENDED) == 1


async def test_counts_of_one_report_are_added_up(identity: Identity) -> None:
    user = await identity.new_user()
    counts = [UseCount(user.account_id, f"203.0.{number}.0/24", 3, 1) for number in range(4)]
    await identity.parts.use.record([*counts, *counts])
    assert await sums(identity, user) == _Sums(24, 8)
    await identity.parts.use.record([UseCount(uuid4(), NETWORK, 5, 0), UseCount(user.account_id, "", 1, 0)])
    assert await sums(identity, user) == _Sums(25, 8)


async def test_a_caisse_is_told_once_an_hour_until_it_comes_to_a_suspension(identity: Identity) -> None:
    user, token = await identity.settled_user()
    for _ in range(3):
        await report(identity, user, 200)
        identity.clock.advance(timedelta(minutes=1))
    (told,) = await found(identity, user)
    assert told.score >= DEFAULT_NOTICE_SCORE
    assert not told.suspended
    assert [reason.kind for reason in told.reasons] == [UnusualUseKind.VOLUME]
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    await report(identity, user, MANY_UNKNOWN, MANY_UNKNOWN)
    assert [each.suspended for each in await found(identity, user)] == [True, False]
    identity.clock.advance(timedelta(hours=1))
    await report(identity, user, 1)
    assert len(await found(identity, user)) == 2


async def test_much_work_is_held_against_the_partners_habit(identity: Identity) -> None:
    busy, quiet = await identity.new_user(), await identity.new_user()
    await work(identity, busy, 21, 300)
    await work(identity, quiet, 21, 2)
    before = [len(await found(identity, user)) for user in (busy, quiet)]
    for user in (busy, quiet):
        await report(identity, user, 700)
    assert [len(await found(identity, user)) for user in (busy, quiet)] == [before[0], before[1] + 1]


async def test_networks_of_a_day_are_counted_and_removed_after_it(identity: Identity) -> None:
    user = await identity.new_user()
    for number in range(12):
        await report(identity, user, 1, 0, f"203.0.{number}.0/24")
    (told,) = await found(identity, user)
    networks = next(each for each in told.reasons if each.kind is UnusualUseKind.MANY_NETWORKS)
    assert 10 <= networks.observed_count <= 12
    identity.clock.advance(timedelta(hours=25))
    await identity.parts.use.purge(RETENTION)
    left = await identity.database.fetch_one(
        "count_networks",
        _Rows,
        "SELECT count(*) AS rows FROM use_networks WHERE account_id = %s",
        [user.account_id],
    )
    assert left == _Rows(0)
    assert await sums(identity, user) == _Sums(12, 0)


async def test_counts_go_after_35_days_and_what_was_unusual_with_the_security_events(
    identity: Identity,
) -> None:
    user, kept = await identity.new_user(), await identity.new_user()
    for each in (user, kept):
        await report(identity, each, MANY_UNKNOWN, MANY_UNKNOWN)
    await identity.parts.use.lift(user.account_id)
    identity.clock.advance(timedelta(days=36))
    await identity.parts.use.purge(RETENTION)
    assert await sums(identity, user) == _Sums(0, 0)
    assert len(await found(identity, user)) == 1
    identity.clock.advance(RETENTION)
    await identity.parts.use.purge(RETENTION)
    assert await found(identity, user) == []
    # What an account is still suspended for stays.
    assert [each.suspended for each in await found(identity, kept)] == [True]


async def policies_set(identity: Identity) -> list[str]:
    """The scopes of every such event; other tests have theirs."""
    scopes: list[str] = []
    token = ""
    while True:
        page = await identity.parts.events.page(None, 500, token)
        scopes += [each.scope for each in page.records if each.kind is KIND.USE_POLICY_SET]
        if not (token := page.next_page_token):
            return scopes


async def test_a_caisse_sets_its_thresholds_and_the_record_tells_of_it(identity: Identity) -> None:
    use = identity.parts.use
    assert await use.policy("31") == UsePolicy("31", DEFAULT_NOTICE_SCORE, DEFAULT_SUSPENSION_SCORE)
    await use.set_policy(UsePolicy("31", 10, 20))
    await use.set_policy(UsePolicy("31", 100, NEVER))
    assert await use.policy("31") == UsePolicy("31", 100, NEVER, version=2)
    user, token = await identity.settled_user(caisse_code="31")
    await report(identity, user, MANY_UNKNOWN, MANY_UNKNOWN)
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    assert [each.suspended for each in await found(identity, user, "31")] == [False]
    assert (await policies_set(identity)).count("caisse:31") == 2
    await use.set_policy(UsePolicy("31", 20, 30))
    await report(identity, user, 1)
    assert (await identity.authenticate(token)).decision is Decision.USE_SUSPENDED


async def test_of_agents_who_set_one_caisse_s_thresholds_at_once_one_is_heard_and_the_others_are_told(
    identity: Identity, settings: IdentitySettings
) -> None:
    async with compose(settings) as another:
        for _ in range(3):
            read = await identity.parts.use.policy("33")
            outcomes = await asyncio.gather(
                *(
                    server.parts.use.set_policy(UsePolicy("33", 40 + number, 80), etag_of(read.version))
                    for number, server in enumerate([identity, another] * 3)
                ),
                return_exceptions=True,
            )
            (heard,) = [each for each in outcomes if isinstance(each, UsePolicy)]
            assert [type(each) for each in outcomes if each is not heard] == [RecordChanged] * 5
            assert await identity.parts.use.policy("33") == heard
            assert heard.version == read.version + 1
    assert (await policies_set(identity)).count("caisse:33") == 3


async def test_what_was_unusual_is_shown_page_by_page_and_to_its_caisse_only(identity: Identity) -> None:
    users = [await identity.new_user(caisse_code="48") for _ in range(5)]
    for user in users:
        await report(identity, user, MANY_UNKNOWN, MANY_UNKNOWN)
        identity.clock.advance(timedelta(milliseconds=2))
    seen: list[UUID] = []
    token = ""
    while True:
        page = await identity.parts.use.page("48", None, 2, token)
        seen += [each.account_id for each in page.records]
        token = page.next_page_token
        if not token:
            break
    assert seen[:5] == [user.account_id for user in reversed(users)]
    assert await found(identity, users[0]) == []


@pytest.mark.parametrize(("caisse_code", "size", "token"), [("2", 0, ""), ("21", 501, ""), ("21", 0, "b3Bz")])
async def test_a_page_that_cannot_be_is_refused(
    identity: Identity, caisse_code: str, size: int, token: str
) -> None:
    with pytest.raises(InvalidField):
        await identity.parts.use.page(caisse_code, None, size, token)


async def test_the_services_role_changes_no_count_that_was_and_no_record(identity: Identity) -> None:
    """Least privilege: what was noticed is never altered, and a suspension only lifted."""
    for statement in (
        "UPDATE unusual_uses SET score = 0",
        "UPDATE use_suspensions SET account_id = gen_random_uuid()",
        "UPDATE use_counts SET begin_time = now()",
        "TRUNCATE use_counts",
    ):
        with pytest.raises(StatementFailed) as refused:
            await identity.database.execute("alter_use", statement)
        assert refused.value.sqlstate == "42501"


async def test_a_lift_and_a_report_at_once_leave_one_truth(
    identity: Identity, settings: IdentitySettings
) -> None:
    user, token = await identity.settled_user()
    await report(identity, user, MANY_UNKNOWN, MANY_UNKNOWN)
    async with compose(settings) as another:
        await asyncio.gather(
            identity.parts.use.lift(user.account_id), *(report(another, user, 1, 1) for _ in range(5))
        )
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    assert len(await found(identity, user)) == 1


async def test_over_the_wire_a_gateway_reports_and_the_caisse_looks_and_lifts(stack: Stack) -> None:
    async with stack.channel("identity", "gateway") as gateway, stack.channel("identity") as agent:
        new = account_pb.CreateAccountRequest(
            habilitation_id=str(uuid4()), partner_id=str(uuid4()), caisse_code="21"
        )
        user = (await AccountServiceStub(agent).CreateAccount(new)).account
        counts = [
            pb.UseCount(
                account_id=user.account_id,
                network_prefix=NETWORK,
                consultation_count=150,
                not_found_count=150,
            )
        ]
        await UseServiceStub(gateway).RecordUse(pb.RecordUseRequest(counts=counts))
        stub = UseServiceStub(agent)
        listed = await stub.ListUnusualUses(
            pb.ListUnusualUsesRequest(caisse_code=user.caisse_code, account_id=user.account_id)
        )
        (unusual,) = listed.unusual_uses
        assert (unusual.suspended, unusual.score, unusual.HasField("lift_time")) == (True, 100, False)
        assert unusual.reasons[0].kind == pb.UNUSUAL_USE_KIND_UNKNOWN_NIRS
        lifted = await stub.LiftUseSuspension(pb.LiftUseSuspensionRequest(account_id=user.account_id))
        assert lifted.unusual_use.HasField("lift_time")
        policy = pb.UsePolicy(caisse_code="97", notice_score=30, suspension_score=101)
        in_force = (await stub.SetUsePolicy(pb.SetUsePolicyRequest(policy=policy))).policy
        policy.etag = "1"
        assert in_force == policy
        assert (await stub.GetUsePolicy(pb.GetUsePolicyRequest(caisse_code="97"))).policy == policy
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.RecordUse(pb.RecordUseRequest(counts=counts))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
