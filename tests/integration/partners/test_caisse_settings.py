"""What a caisse decides about its service, at chosen instants: what Authorize says of it from the next call on."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import grpc
import pytest
from structlog.testing import capture_logs

from msa.partners.v1 import caisse_settings_service_pb2 as pb
from services.kit.clock import PARIS, SystemClock, paris_date
from services.kit.errors import InvalidField, RecordNotFound
from services.kit.messages import to_date, to_timestamp
from services.partners.agents.domain import AgentNotHabilitated, Caller
from services.partners.caisse_settings.domain import (
    CaisseSettings,
    Maintenance,
    MaintenanceOver,
    MaintenanceOverlaps,
)
from services.partners.caisse_settings.service import Plan
from services.partners.habilitations.domain import Decision, Habilitation
from services.partners.history.domain import Event, EventKind, changes
from tests.clock import FakeClock
from tests.integration.partners.agent import Agent, refused
from tests.integration.partners.register import AGENT, DIRECTOR, SYSTEM, Register

HOUR = timedelta(hours=1)
STRANGER = Caller(SYSTEM, "n.inconnu")


def paris(year: int, month: int, day: int, hour: int) -> datetime:
    """An hour on the clocks of Paris."""
    return datetime(year, month, day, hour, tzinfo=PARIS).astimezone(UTC)


async def user_of(register: Register, caisse_code: str) -> Habilitation:
    return await register.habilitation(await register.convention(caisse_code=caisse_code))


async def plan(
    register: Register, caisse_code: str, start: datetime | None, end: datetime, message: str = "Mise à jour"
) -> Maintenance:
    return (await planned(register, caisse_code, start, end, message)).maintenance


async def planned(
    register: Register, caisse_code: str, start: datetime | None, end: datetime, message: str = "Mise à jour"
) -> Plan:
    return await register.caisse_settings.plan_maintenance(AGENT, caisse_code, start, end, message, "")


async def events(register: Register, caisse_code: str, subject_id: UUID | None = None) -> list[Event]:
    return list((await register.history.list_page(AGENT, caisse_code, subject_id, 500, "")).records)


class TestCaseReference:
    async def test_a_caisse_that_asks_for_the_reference_says_so_from_the_next_authorize_on(
        self, register: Register
    ) -> None:
        user, neighbour = await user_of(register, "24"), await user_of(register, "26")
        assert not (await register.authorization(user)).case_reference_required
        asked = CaisseSettings("24", case_reference_required=True)
        assert await register.caisse_settings.set(AGENT, asked, "suivi des dossiers") == asked
        assert (await register.authorization(user)).case_reference_required
        assert not (await register.authorization(neighbour)).case_reference_required
        await register.caisse_settings.set(AGENT, CaisseSettings("24"), "")
        assert not (await register.authorization(user)).case_reference_required
        assert await register.caisse_settings.get(AGENT, "24") == CaisseSettings("24")

    async def test_nothing_is_asked_where_nothing_was_set(self, register: Register) -> None:
        assert await register.caisse_settings.get(AGENT, "85") == CaisseSettings("85")

    async def test_who_set_it_when_and_why_stays_with_before_and_after(self, register: Register) -> None:
        """Art. 4-1."""
        await register.ensure_agent("24")
        await register.caisse_settings.set(AGENT, CaisseSettings("24"), "remise à zéro")
        await register.caisse_settings.set(
            AGENT, CaisseSettings("24", case_reference_required=True), "contrôle"
        )
        await register.caisse_settings.set(AGENT, CaisseSettings("24"), "remise à zéro")
        set_last, set_before, *_ = await events(register, "24")
        assert set_last.kind == EventKind.CAISSE_SETTINGS_SET
        assert (set_before.reason, set_last.reason) == ("contrôle", "remise à zéro")
        (change,) = changes(set_last)
        assert (change.field, change.before, change.after) == ("case_reference_required", "true", "false")
        assert set_last.agent_id is not None
        assert await events(register, "24", set_last.subject_id) != []

    async def test_two_who_set_at_once_each_leave_what_they_found(self, register: Register) -> None:
        await register.ensure_agent("13")
        both = (CaisseSettings("13", case_reference_required=True), CaisseSettings("13"))
        await asyncio.gather(*(register.caisse_settings.set(AGENT, each, "") for each in both * 3))
        written = [
            each for each in await events(register, "13") if each.kind == EventKind.CAISSE_SETTINGS_SET
        ]
        newer = written[0]
        for older in written[1:]:
            assert newer.state_before == older.state_after
            newer = older


class TestMaintenance:
    async def test_one_that_begins_now_holds_from_the_next_authorize_on(
        self, register: Register, clock: FakeClock
    ) -> None:
        """Art. 5."""
        user, neighbour = await user_of(register, "27"), await user_of(register, "26")
        end = clock.now() + HOUR
        assert (await register.authorization(user)).maintenance_end_time is None
        planned = await plan(register, "27", None, end)
        assert planned.start_time == clock.now()
        verdict = await register.authorization(user)
        assert (verdict.decision, verdict.maintenance_end_time) == (Decision.GRANTED, end)
        assert (await register.authorization(neighbour)).maintenance_end_time is None
        clock.advance(HOUR - timedelta(microseconds=1))
        assert (await register.authorization(user)).maintenance_end_time == end
        clock.advance(timedelta(microseconds=1))
        assert (await register.authorization(user)).maintenance_end_time is None

    async def test_one_to_come_holds_from_its_first_instant_on(
        self, register: Register, clock: FakeClock
    ) -> None:
        """Art. 5: the night on which the clocks go back has an hour more, and so has a maintenance of it."""
        # From midnight to five o'clock in Paris, six hours.
        start, end = datetime(2027, 10, 30, 22, tzinfo=UTC), datetime(2027, 10, 31, 4, tzinfo=UTC)
        clock.advance(start - timedelta(microseconds=1) - clock.now())
        user = await user_of(register, "33")
        await plan(register, "33", start, end)
        assert (await register.authorization(user)).maintenance_end_time is None
        clock.advance(timedelta(microseconds=1))
        assert (await register.authorization(user)).maintenance_end_time == end

    async def test_the_end_of_a_maintenance_comes_with_a_grant_only(
        self, register: Register, clock: FakeClock
    ) -> None:
        user = await user_of(register, "27")
        clock.advance(10 * HOUR)
        await plan(register, "27", None, clock.now() + HOUR)
        await register.suspend(user.partner_id)
        verdict = await register.authorization(user)
        assert (verdict.decision, verdict.maintenance_end_time) == (Decision.PARTNER_SUSPENDED, None)

    async def test_cancelled_while_it_runs_it_ends_now(self, register: Register, clock: FakeClock) -> None:
        """Art. 5."""
        user = await user_of(register, "32")
        planned = await plan(register, "32", None, clock.now() + HOUR)
        clock.advance(HOUR / 2)
        await register.caisse_settings.cancel_maintenance(AGENT, planned.maintenance_id, "terminée plus tôt")
        assert (await register.authorization(user)).maintenance_end_time is None
        assert await register.caisse_settings.list_maintenances(AGENT, "32") == []
        # Its time is free again, and no more than that.
        again = await plan(register, "32", None, clock.now() + HOUR)
        assert again.start_time == planned.start_time + HOUR / 2

    async def test_what_was_planned_stays_in_the_history(self, register: Register, clock: FakeClock) -> None:
        await register.ensure_agent("35")
        planned = await plan(register, "35", clock.now() + HOUR, clock.now() + 2 * HOUR)
        await register.caisse_settings.cancel_maintenance(AGENT, planned.maintenance_id, "reportée")
        cancelled, first = await events(register, "35", planned.maintenance_id)
        assert (first.kind, cancelled.kind) == (
            EventKind.MAINTENANCE_PLANNED,
            EventKind.MAINTENANCE_CANCELLED,
        )
        assert first.state_before is None
        assert first.state_after is not None
        assert first.state_after["end_time"] == planned.end_time.isoformat()
        assert [change.field for change in changes(cancelled)] == ["cancel_time"]
        assert cancelled.reason == "reportée"

    async def test_nothing_is_cancelled_twice_or_when_it_is_over(
        self, register: Register, clock: FakeClock
    ) -> None:
        await register.ensure_agent("35")
        cancelled = await plan(register, "35", clock.now() + 30 * HOUR, clock.now() + 31 * HOUR)
        over = await plan(register, "35", clock.now() + 32 * HOUR, clock.now() + 33 * HOUR)
        await register.caisse_settings.cancel_maintenance(AGENT, cancelled.maintenance_id, "")
        clock.advance(33 * HOUR)
        for maintenance in (cancelled, over):
            with pytest.raises(MaintenanceOver):
                await register.caisse_settings.cancel_maintenance(AGENT, maintenance.maintenance_id, "")
        with pytest.raises(RecordNotFound):
            await register.caisse_settings.cancel_maintenance(AGENT, UUID(int=7), "")

    async def test_those_of_one_caisse_do_not_overlap_and_may_follow_each_other(
        self, register: Register, clock: FakeClock
    ) -> None:
        """Art. 5."""
        await register.ensure_agent("41")
        start = clock.now() + 10 * HOUR
        await plan(register, "41", start, start + 2 * HOUR)
        for shift, length in ((-1, 2), (0, 2), (1, 2), (-1, 5), (1, 1)):
            begin = start + shift * HOUR
            with pytest.raises(MaintenanceOverlaps):
                await plan(register, "41", begin, begin + length * HOUR)
        await plan(register, "41", start - HOUR, start)
        await plan(register, "41", start + 2 * HOUR, start + 3 * HOUR)
        shown = await register.caisse_settings.list_maintenances(AGENT, "41")
        assert [each.start_time - start for each in shown] == [-HOUR, timedelta(), 2 * HOUR]

    async def test_a_month_that_keeps_no_98_percent_is_told_and_planned_all_the_same(
        self, register: Register, clock: FakeClock
    ) -> None:
        """Art. 5: more than 98 % of its opening hours, whatever took the rest, and when."""
        await register.ensure_agent("59")
        start = paris(2027, 3, 8, 5)
        clock.advance(start - clock.now())
        first = await planned(register, "59", start, start + 8 * HOUR)
        assert first.months_below_promise == []
        clock.advance(9 * HOUR)
        # What is over counts, what was cancelled before it began does not.
        cancelled = await planned(register, "59", paris(2027, 3, 9, 5), paris(2027, 3, 9, 9))
        await register.caisse_settings.cancel_maintenance(AGENT, cancelled.maintenance.maintenance_id, "")
        # Of the 558 hours of March, 2 % are 11 h 9 min 36 s.
        limit = paris(2027, 3, 11, 5) + 3 * HOUR + timedelta(minutes=9, seconds=36)
        with capture_logs() as lines:
            more = await planned(register, "59", paris(2027, 3, 11, 5), limit)
        (march,) = more.months_below_promise
        assert (march.month, march.basis_points) == (date(2027, 3, 1), 9_800)
        assert [
            each.maintenance_id for each in await register.caisse_settings.list_maintenances(AGENT, "59")
        ] == [more.maintenance.maintenance_id]
        (warning,) = [line for line in lines if line["event"] == "availability_below_promise"]
        assert (warning["caisse_code"], warning["month"], warning["basis_points"]) == ("59", "2027-03", 9_800)
        # Another month, and another caisse.
        april = await planned(register, "59", paris(2027, 4, 5, 5), paris(2027, 4, 5, 6))
        await register.ensure_agent("69")
        other = await planned(register, "69", paris(2027, 3, 11, 5), limit)
        assert (april.months_below_promise, other.months_below_promise) == ([], [])

    async def test_of_two_agents_who_plan_the_same_time_at_once_one_is_refused(
        self, register: Register, clock: FakeClock
    ) -> None:
        await register.ensure_agent("48")
        start = clock.now() + HOUR
        outcomes = await asyncio.gather(
            *(
                register.caisse_settings.plan_maintenance(caller, "48", start, start + HOUR, "Panne", "")
                for caller in (AGENT, DIRECTOR)
            ),
            return_exceptions=True,
        )
        assert len([outcome for outcome in outcomes if isinstance(outcome, MaintenanceOverlaps)]) == 1
        assert len([outcome for outcome in outcomes if isinstance(outcome, Plan)]) == 1
        assert len(await register.caisse_settings.list_maintenances(AGENT, "48")) == 1

    async def test_two_caisses_are_in_maintenance_at_once(self, register: Register, clock: FakeClock) -> None:
        for caisse_code in ("49", "51"):
            await register.ensure_agent(caisse_code)
            await plan(register, caisse_code, clock.now() + HOUR, clock.now() + 2 * HOUR)
        ahead = {
            each.caisse_code: each.maintenances
            for each in await register.caisse_settings.list_availabilities()
        }
        assert list(ahead) == sorted(caisse.code for caisse in register.registry.caisses.all())
        assert len(ahead["49"]) == len(ahead["51"]) == 1
        assert ahead["85"] == []


class TestWhoActs:
    async def test_only_a_habilitated_agent_of_the_caisse_decides(
        self, register: Register, clock: FakeClock
    ) -> None:
        """Art. 4-1: a stranger, an agent of another caisse, one whose habilitation was withdrawn."""
        await register.ensure_agent("68")
        planned = await plan(register, "68", clock.now() + HOUR, clock.now() + 2 * HOUR)
        agents = (await register.agents.list_page(AGENT, "68", 500, "")).records
        agent = next(each for each in agents if each.identity.agent_name == AGENT.named_agent)
        await register.agents.withdraw(DIRECTOR, agent.agent_id, "départ")
        settings = register.caisse_settings
        for caller in (STRANGER, AGENT):
            with pytest.raises(AgentNotHabilitated):
                await settings.set(caller, CaisseSettings("68", case_reference_required=True), "")
            with pytest.raises(AgentNotHabilitated):
                await settings.plan_maintenance(caller, "68", None, clock.now() + HOUR, "Panne", "")
            with pytest.raises(AgentNotHabilitated):
                await settings.cancel_maintenance(caller, planned.maintenance_id, "")
        assert await settings.get(DIRECTOR, "68") == CaisseSettings("68")
        assert await settings.list_maintenances(DIRECTOR, "68") == [planned]

    async def test_an_agents_own_certificate_reads_his_caisse_only(self, register: Register) -> None:
        """Art. 4-1."""
        stranger = Caller(frozenset({"n-inconnu.agents.qf.internal"}))
        with pytest.raises(AgentNotHabilitated):
            await register.caisse_settings.get(stranger, "21")
        with pytest.raises(AgentNotHabilitated):
            await register.caisse_settings.list_maintenances(stranger, "21")

    async def test_an_unknown_caisse_is_refused(self, register: Register, clock: FakeClock) -> None:
        """Art. 4-7."""
        settings = register.caisse_settings
        for call in (
            settings.get(AGENT, "00"),
            settings.set(AGENT, CaisseSettings("00"), ""),
            settings.plan_maintenance(AGENT, "00", None, clock.now() + HOUR, "Panne", ""),
            settings.list_maintenances(AGENT, "00"),
        ):
            with pytest.raises(InvalidField) as refused:
                await call
            assert refused.value.violations[0].field == "caisse_code"


class TestRunningServer:
    async def test_agent_and_gateway_are_told_the_same(self, agent: Agent) -> None:
        """Art. 4-6, 5: the gateway lists all caisses; a maintenance that begins now is with the next grant."""
        await agent.ensure_agent("72")
        now = SystemClock().now()
        request = pb.PlanMaintenanceRequest(
            caisse_code="72", end_time=to_timestamp(now + HOUR), message="Mise à jour"
        )
        user = await agent.habilitation(await agent.convention(await agent.partner("72")))
        planned = (await agent.settings.PlanMaintenance(request)).maintenance
        (verdict,) = await agent.authorize(user.habilitation_id)
        assert verdict.maintenance_end_time == planned.end_time == request.end_time
        everywhere = await agent.gateway_settings.ListCaisseAvailabilities(
            pb.ListCaisseAvailabilitiesRequest()
        )
        own = next(each for each in everywhere.caisses if each.caisse_code == "72")
        assert (list(own.maintenances), bool(own.name)) == ([planned], True)
        async with refused() as twice:
            await agent.settings.PlanMaintenance(request)
        assert (twice.code, twice.reason) == (grpc.StatusCode.ALREADY_EXISTS, "RECORD_ALREADY_EXISTS")
        cancel = pb.CancelMaintenanceRequest(maintenance_id=planned.maintenance_id)
        await agent.settings.CancelMaintenance(cancel)
        (verdict,) = await agent.authorize(user.habilitation_id)
        assert not verdict.HasField("maintenance_end_time")
        async with refused() as over:
            await agent.settings.CancelMaintenance(cancel)
        assert over.reason == "RECORD_STATE"

    async def test_internal_systems_are_told_of_a_month_that_is_promised_more(self, agent: Agent) -> None:
        """Art. 5: three days of the month after next, from half past four on, are nine tenths of it at most."""
        await agent.ensure_agent("64")
        day = paris_date(SystemClock().now() + timedelta(days=62)).replace(day=2)
        start = datetime.combine(day, time(4, 30), PARIS)
        request = pb.PlanMaintenanceRequest(
            caisse_code="64",
            start_time=to_timestamp(start),
            end_time=to_timestamp(start + 72 * HOUR),
            message="Mise à jour",
        )
        reply = await agent.settings.PlanMaintenance(request)
        (below,) = reply.months_below_promise
        assert below.month == to_date(day.replace(day=1))
        assert 8_900 < below.available_basis_points < 9_100
        cancel = pb.CancelMaintenanceRequest(maintenance_id=reply.maintenance.maintenance_id)
        await agent.settings.CancelMaintenance(cancel)

    async def test_the_settings_go_there_and_back(self, agent: Agent) -> None:
        await agent.ensure_agent("73")
        wanted = pb.CaisseSettings(caisse_code="73", case_reference_required=True)
        await agent.settings.SetCaisseSettings(pb.SetCaisseSettingsRequest(settings=wanted))
        shown = await agent.settings.GetCaisseSettings(pb.GetCaisseSettingsRequest(caisse_code="73"))
        assert shown.settings == wanted
        user = await agent.habilitation(await agent.convention(await agent.partner("73")))
        (verdict,) = await agent.authorize(user.habilitation_id)
        assert verdict.case_reference_required

    async def test_an_instant_that_is_none_is_refused_as_a_field(self, agent: Agent) -> None:
        request = pb.PlanMaintenanceRequest(caisse_code="72", message="Panne")
        for seconds in (2**62, 253402300799):
            request.start_time.seconds = seconds
            request.end_time.seconds = seconds
            async with refused() as malformed:
                await agent.settings.PlanMaintenance(request)
            assert malformed.rules == [("start_time", "TIME_RANGE")]
