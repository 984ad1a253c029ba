"""Suspensions (art. 7-2) at chosen instants, and what identity is told of them (N3)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from services.kit.database import connection_parameters
from services.kit.errors import RecordChanged
from services.kit.migrate import OwnerSettings
from services.partners.habilitations.domain import (
    Decision,
    Habilitation,
    HabilitationEnded,
    HabilitationState,
    UserStaysSuspended,
)
from services.partners.requests.domain import Form, RequestKind
from services.partners.requests.service import Acceptance
from services.partners.suspensions.domain import (
    NotSuspended,
    SuspendedForGood,
    SuspensionKind,
    suspension_order,
)
from tests.clock import FakeClock
from tests.integration.partners.register import AGENT, Register
from tests.stack import Stack

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

    async def test_a_new_form_does_not_undo_a_suspension(self, register: Register, clock: FakeClock) -> None:
        """Art. 7-2, 4-4: neither under this convention nor under the partner's next one."""
        convention = await register.convention()
        user = await register.habilitation(convention)
        await register.habilitations.suspend(AGENT, user.habilitation_id, TEMPORARY)
        await register.habilitations.withdraw(AGENT, user.habilitation_id, "changement de fonction")
        capitals = replace(user.user, email=user.user.email.upper())
        with pytest.raises(UserStaysSuspended, match=r"art\. 7-2"):
            await register.habilitation(convention, capitals)
        colleague = await register.habilitation(convention)
        assert await register.decision(colleague) is Decision.GRANTED
        await register.habilitations.lift_suspension(AGENT, user.habilitation_id, "expliqué")
        again = await register.habilitation(convention, capitals)
        await register.habilitations.suspend(AGENT, again.habilitation_id, FOR_GOOD)
        await register.conventions.end(AGENT, convention.convention_id, date(2026, 11, 23), "accord")
        following = await register.conventions.register(
            AGENT, convention.partner_id, "21", date(2026, 11, 23), date(2026, 11, 23)
        )
        with pytest.raises(UserStaysSuspended):
            await register.habilitation(following.convention, user.user)

    async def test_once_a_suspension_has_run_out_a_new_form_is_accepted(
        self, register: Register, clock: FakeClock
    ) -> None:
        convention = await register.convention()
        user = await register.habilitation(convention)
        until = suspension_order(SuspensionKind.TEMPORARY, "accès suspect", date(2026, 11, 25))
        await register.habilitations.suspend(AGENT, user.habilitation_id, until)
        await register.habilitations.withdraw(AGENT, user.habilitation_id, "changement de fonction")
        clock.advance(timedelta(days=2))
        assert await register.decision(await register.habilitation(convention, user.user)) is Decision.GRANTED

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


async def test_who_is_suspended_while_a_form_of_his_is_accepted_has_no_access(
    stack: Stack, register: Register, user: Habilitation
) -> None:
    """Art. 4-4, 7-2: of the two agents one is told, whichever comes first."""
    form = Form(
        partner_denomination="Mairie de Vallombreuse",
        partner_representative="Aubin Verlaine",
        partner_representative_function="Maire",
        user_nom=user.user.nom,
        user_prenom=user.user.prenom,
        user_email=user.user.email,
        signatory_name="Aubin Verlaine",
        signature_place="Vallombreuse",
        signature_date=date(2026, 11, 20),
        signed=True,
        scan_sha256="5f" * 32,
        scan_reference="GED-2",
    )
    request = await register.requests.receive(
        AGENT, user.convention_id, RequestKind.MODIFICATION, form, user.habilitation_id, user.bouquet
    )
    owner = stack.settings("partners_owner", OwnerSettings).database
    async with await psycopg.AsyncConnection.connect(**connection_parameters(owner)) as connection:
        # Whoever suspends has looked at the habilitation, and waits; whoever accepts does not.
        await connection.execute("LOCK TABLE user_suspensions IN SHARE MODE")
        acting = asyncio.gather(
            register.requests.accept(AGENT, request.access_request_id),
            register.habilitations.suspend(AGENT, user.habilitation_id, TEMPORARY),
            return_exceptions=True,
        )
        await asyncio.sleep(0.3)
    accepted, suspended = await acting
    if isinstance(accepted, Acceptance):
        assert isinstance(suspended, HabilitationEnded)
    else:
        assert isinstance(accepted, UserStaysSuspended)
        assert await register.decision(user) is Decision.USER_SUSPENDED


@pytest.mark.parametrize("subject", ["partner", "user"])
async def test_of_two_who_lift_at_once_the_second_is_told(
    register: Register, user: Habilitation, subject: str
) -> None:
    """Both have read the same suspension, which a third has locked, before either ends it."""
    await register.partners.suspend(AGENT, user.partner_id, TEMPORARY)
    await register.habilitations.suspend(AGENT, user.habilitation_id, TEMPORARY)
    lifts: list[Awaitable[object]]
    if subject == "partner":
        lifts = [register.partners.lift_suspension(AGENT, user.partner_id) for _ in range(2)]
    else:
        lifts = [register.habilitations.lift_suspension(AGENT, user.habilitation_id) for _ in range(2)]
    async with register.registry.database.transaction("hold") as connection:
        await connection.execute("SELECT FROM suspensions WHERE lift_time IS NULL FOR UPDATE")
        await connection.execute("SELECT FROM user_suspensions WHERE lift_time IS NULL FOR UPDATE")
        lifting = asyncio.gather(*lifts, return_exceptions=True)
        await asyncio.sleep(0.3)
    outcomes = await lifting
    assert sorted(isinstance(outcome, RecordChanged) for outcome in outcomes) == [False, True]
    assert not [outcome for outcome in outcomes if isinstance(outcome, NotSuspended)]


async def test_who_lifts_what_was_replaced_meanwhile_is_told_and_it_stays(
    register: Register, user: Habilitation
) -> None:
    """Art. 7-2: the suspension for good is not taken for the one that was to be lifted."""
    await register.partners.suspend(AGENT, user.partner_id, TEMPORARY)
    async with register.registry.database.transaction("hold") as connection:
        await connection.execute(
            "SELECT FROM suspensions WHERE partner_id = %s FOR UPDATE", (user.partner_id,)
        )
        acting = asyncio.gather(
            register.partners.suspend(AGENT, user.partner_id, FOR_GOOD),
            register.partners.lift_suspension(AGENT, user.partner_id),
            return_exceptions=True,
        )
        await asyncio.sleep(0.3)
    suspended, lifted = await acting
    assert sorted(isinstance(outcome, RecordChanged) for outcome in (suspended, lifted)) == [False, True]
    expected = Decision.GRANTED if isinstance(suspended, RecordChanged) else Decision.PARTNER_SUSPENDED
    assert await register.decision(user) is expected


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
