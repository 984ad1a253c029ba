"""Suspensions (art. 7-2) at chosen instants, and what identity is told of them (N3)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

import pytest

from services.kit.errors import RecordChanged
from services.partners.habilitations.domain import (
    Decision,
    Habilitation,
    HabilitationEnded,
    HabilitationState,
)
from services.partners.suspensions.domain import (
    NotSuspended,
    SuspendedForGood,
    SuspensionKind,
    suspension_order,
)
from tests.clock import FakeClock
from tests.integration.partners.register import AGENT, Register

TEMPORARY = suspension_order(SuspensionKind.TEMPORARY, "accès suspect", None)
FOR_GOOD = suspension_order(SuspensionKind.DEFINITIVE, "fraude", None)


@pytest.fixture
async def user(register: Register) -> Habilitation:
    """A user under a convention in force."""
    return await register.habilitation(await register.convention())


class TestUser:
    async def test_one_user_is_suspended_and_not_his_colleagues(self, register: Register) -> None:
        convention = await register.convention()
        suspended, colleague = (
            await register.habilitation(convention),
            await register.habilitation(convention),
        )
        shown, told = await register.habilitations.suspend(AGENT, suspended.habilitation_id, TEMPORARY)
        assert told
        assert shown.state_on(date(2026, 11, 23)) is HabilitationState.SUSPENDED
        assert await register.decision(suspended) is Decision.USER_SUSPENDED
        assert await register.decision(colleague) is Decision.GRANTED
        assert register.identity.told == [("end_user_sessions", suspended.habilitation_id)]

    async def test_lifted_it_lets_the_user_in_again(self, register: Register, user: Habilitation) -> None:
        await register.habilitations.suspend(AGENT, user.habilitation_id, TEMPORARY)
        await register.habilitations.lift_suspension(AGENT, user.habilitation_id)
        assert await register.decision(user) is Decision.GRANTED
        with pytest.raises(NotSuspended):
            await register.habilitations.lift_suspension(AGENT, user.habilitation_id)

    async def test_for_good_is_for_good(self, register: Register, user: Habilitation) -> None:
        await register.habilitations.suspend(AGENT, user.habilitation_id, FOR_GOOD)
        with pytest.raises(SuspendedForGood):
            await register.habilitations.lift_suspension(AGENT, user.habilitation_id)
        with pytest.raises(SuspendedForGood):
            await register.habilitations.suspend(AGENT, user.habilitation_id, TEMPORARY)

    async def test_who_has_left_is_not_suspended(self, register: Register, user: Habilitation) -> None:
        await register.habilitations.withdraw(AGENT, user.habilitation_id, "départ")
        with pytest.raises(HabilitationEnded):
            await register.habilitations.suspend(AGENT, user.habilitation_id, TEMPORARY)


class TestUntilADay:
    @pytest.mark.parametrize(
        ("day", "midnight"),
        [
            (date(2027, 1, 1), datetime(2026, 12, 31, 23, 0, tzinfo=UTC)),
            (date(2027, 3, 28), datetime(2027, 3, 27, 23, 0, tzinfo=UTC)),
            (date(2027, 3, 29), datetime(2027, 3, 28, 22, 0, tzinfo=UTC)),
        ],
    )
    async def test_it_ends_by_itself_at_midnight_in_paris(
        self, register: Register, clock: FakeClock, user: Habilitation, day: date, midnight: datetime
    ) -> None:
        await register.suspend(user.partner_id, until=day)
        clock.advance(midnight - timedelta(seconds=1) - clock.now())
        assert await register.decision(user) is Decision.PARTNER_SUSPENDED
        clock.advance(timedelta(seconds=1))
        assert await register.decision(user) is Decision.GRANTED

    async def test_after_its_day_there_is_nothing_to_lift_and_another_may_begin(
        self, register: Register, clock: FakeClock, user: Habilitation
    ) -> None:
        await register.suspend(user.partner_id, until=date(2026, 12, 1))
        clock.advance(timedelta(days=30))
        with pytest.raises(NotSuspended):
            await register.partners.lift_suspension(AGENT, user.partner_id)
        await register.suspend(user.partner_id)
        assert await register.decision(user) is Decision.PARTNER_SUSPENDED

    async def test_a_convention_renews_itself_while_its_partner_is_suspended(
        self, register: Register, clock: FakeClock, user: Habilitation
    ) -> None:
        """Art. 9-1, 7-2."""
        await register.suspend(user.partner_id, until=date(2027, 4, 1))
        clock.advance(datetime(2027, 4, 1, 12, tzinfo=UTC) - clock.now())
        assert await register.decision(user) is Decision.GRANTED
        view = await register.conventions.get(AGENT, user.convention_id)
        assert view.term_date == date(2028, 3, 10)

    async def test_a_notice_runs_on_while_the_partner_is_suspended(
        self, register: Register, clock: FakeClock, user: Habilitation
    ) -> None:
        await register.suspend(user.partner_id)
        await register.conventions.end(AGENT, user.convention_id, date(2026, 12, 1), "accord des parties")
        clock.advance(timedelta(days=10))
        await register.partners.lift_suspension(AGENT, user.partner_id)
        assert await register.decision(user) is Decision.CONVENTION_NOT_IN_FORCE


async def test_two_who_suspend_at_once_do_not_undo_each_other(register: Register, user: Habilitation) -> None:
    outcomes = await asyncio.gather(
        *(register.partners.suspend(AGENT, user.partner_id, TEMPORARY) for _ in range(4)),
        return_exceptions=True,
    )
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert all(isinstance(failure, RecordChanged) for failure in failures)
    assert len(failures) < 4
    assert await register.decision(user) is Decision.PARTNER_SUSPENDED


class TestPropagation:
    async def test_while_identity_is_away_access_is_refused_and_the_telling_waits(
        self, register: Register, clock: FakeClock, user: Habilitation
    ) -> None:
        """N3."""
        async with away(register):
            _, told = await register.partners.suspend(AGENT, user.partner_id, TEMPORARY)
            assert not told
            assert await register.decision(user) is Decision.PARTNER_SUSPENDED
            clock.advance(timedelta(seconds=10))
            await register.registry.propagator.run()
            assert register.identity.told == []
        clock.advance(timedelta(seconds=10))
        await register.registry.propagator.run()
        assert ("end_partner_sessions", user.partner_id) in register.identity.told

    async def test_what_was_told_is_not_told_again(
        self, register: Register, clock: FakeClock, user: Habilitation
    ) -> None:
        _, told = await register.habilitations.withdraw(AGENT, user.habilitation_id, "départ")
        assert told
        clock.advance(timedelta(hours=1))
        await register.registry.propagator.run()
        assert register.identity.told.count(("disable_account", user.habilitation_id)) == 1

    async def test_a_telling_outlives_the_process_that_wrote_it(
        self, register: Register, clock: FakeClock, user: Habilitation
    ) -> None:
        """As after a kill between the commit and the call: another server finds it."""
        async with away(register):
            await register.habilitations.withdraw(AGENT, user.habilitation_id, "départ")
        other = Register(register.registry.database, clock)
        clock.advance(timedelta(minutes=1))
        await other.registry.propagator.run()
        assert ("disable_account", user.habilitation_id) in other.identity.told

    async def test_the_end_of_a_convention_ends_the_sessions_of_its_partner(
        self, register: Register, user: Habilitation
    ) -> None:
        await register.conventions.end(AGENT, user.convention_id, date(2026, 11, 23), "accord des parties")
        assert register.identity.told == [("end_partner_sessions", user.partner_id)]


@asynccontextmanager
async def away(register: Register) -> AsyncIterator[None]:
    register.identity.away = True
    yield
    register.identity.away = False
