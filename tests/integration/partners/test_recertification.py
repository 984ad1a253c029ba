"""The yearly confirmation of users, at chosen instants: whoever is not confirmed within sixty days ends (art. 9-1)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.kit.errors import InvalidField, RecordNotFound
from services.partners.conventions.domain import Convention, ConventionEnded
from services.partners.habilitations.domain import (
    ConfirmedTooEarly,
    Decision,
    Habilitation,
    HabilitationEnded,
    HabilitationState,
)
from services.partners.history.domain import EventKind
from tests.clock import FakeClock
from tests.integration.partners.register import AGENT, Register

# Signed on 10 March 2025; today is 23 November 2026.
RENEWAL = date(2027, 3, 10)
LAPSE = date(2027, 5, 9)


@pytest.fixture
async def convention(register: Register) -> Convention:
    return await register.convention()


@pytest.fixture
async def user(register: Register, convention: Convention) -> Habilitation:
    return await register.habilitation(convention)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


async def test_an_unconfirmed_user_ends_sixty_days_after_the_renewal(
    register: Register, clock: FakeClock, user: Habilitation
) -> None:
    assert user.lapse_date == LAPSE
    clock.advance(datetime(2027, 5, 8, 21, 59, 59, tzinfo=UTC) - clock.now())
    assert await register.decision(user) is Decision.GRANTED
    clock.advance(timedelta(seconds=1))
    assert await register.decision(user) is Decision.HABILITATION_NOT_VALID


@pytest.mark.parametrize("day", [date(2026, 12, 10), RENEWAL, date(2027, 5, 8)])
async def test_a_confirmed_user_goes_on_for_a_year(
    register: Register, clock: FakeClock, convention: Convention, user: Habilitation, day: date
) -> None:
    clock.advance(noon(day) - clock.now())
    (confirmed,) = await register.habilitations.confirm(
        AGENT, convention.convention_id, [user.habilitation_id], "courrier du maire"
    )
    assert confirmed.lapse_date == date(2028, 5, 9)
    clock.advance(noon(date(2028, 5, 7)) - clock.now())
    assert await register.decision(user) is Decision.GRANTED


async def test_a_user_is_not_confirmed_more_than_ninety_days_ahead(
    register: Register, clock: FakeClock, convention: Convention, user: Habilitation
) -> None:
    clock.advance(noon(date(2026, 12, 9)) - clock.now())
    with pytest.raises(ConfirmedTooEarly):
        await register.habilitations.confirm(AGENT, convention.convention_id, [user.habilitation_id])


async def test_who_has_ended_is_not_confirmed_and_nobody_with_him(
    register: Register, clock: FakeClock, convention: Convention, user: Habilitation
) -> None:
    leaves = await register.habilitation(convention)
    await register.habilitations.withdraw(AGENT, leaves.habilitation_id, "départ")
    clock.advance(noon(RENEWAL) - clock.now())
    both = [user.habilitation_id, leaves.habilitation_id]
    with pytest.raises(HabilitationEnded):
        await register.habilitations.confirm(AGENT, convention.convention_id, both)
    assert (await register.habilitations.get(AGENT, user.habilitation_id)).lapse_date == LAPSE


async def test_a_user_who_lapsed_takes_a_new_request(
    register: Register, clock: FakeClock, convention: Convention, user: Habilitation
) -> None:
    clock.advance(noon(LAPSE) - clock.now())
    with pytest.raises(HabilitationEnded):
        await register.habilitations.confirm(AGENT, convention.convention_id, [user.habilitation_id])
    again = await register.habilitation(convention, user.user)
    assert await register.decision(again) is Decision.GRANTED
    before = await register.habilitations.get(AGENT, user.habilitation_id)
    assert before.withdraw_time == clock.now()
    clock.advance(timedelta(minutes=1))
    await register.registry.propagator.run()
    assert ("disable_account", user.habilitation_id) in register.identity.told


async def test_a_user_of_another_convention_is_not_confirmed_here(
    register: Register, convention: Convention
) -> None:
    other = await register.habilitation(await register.convention())
    with pytest.raises(RecordNotFound):
        await register.habilitations.confirm(AGENT, convention.convention_id, [other.habilitation_id])
    with pytest.raises(InvalidField):
        await register.habilitations.confirm(AGENT, convention.convention_id, [])


async def test_nobody_is_confirmed_under_a_convention_that_is_over(
    register: Register, clock: FakeClock, convention: Convention, user: Habilitation
) -> None:
    """Art. 9-2."""
    await register.conventions.end(AGENT, convention.convention_id, RENEWAL, "accord des parties")
    clock.advance(noon(RENEWAL) - clock.now())
    with pytest.raises(ConventionEnded):
        await register.habilitations.confirm(AGENT, convention.convention_id, [user.habilitation_id])


async def test_a_convention_signed_on_29_february_renews_its_users_on_28(
    register: Register, clock: FakeClock
) -> None:
    convention = await register.convention(date(2024, 2, 29), date(2024, 2, 29))
    user = await register.habilitation(convention)
    assert user.lapse_date == date(2027, 2, 28) + timedelta(days=60)
    clock.advance(noon(date(2027, 2, 28)) - clock.now())
    (confirmed,) = await register.habilitations.confirm(
        AGENT, convention.convention_id, [user.habilitation_id]
    )
    assert confirmed.lapse_date == date(2028, 2, 29) + timedelta(days=60)


async def test_what_lapsed_is_put_on_record_and_told_to_identity(
    register: Register, clock: FakeClock, user: Habilitation
) -> None:
    clock.advance(noon(LAPSE) - clock.now())
    await register.registry.ending.run()
    ended = await register.habilitations.get(AGENT, user.habilitation_id)
    assert ended.state_on(LAPSE) is HabilitationState.WITHDRAWN
    assert ("disable_account", user.habilitation_id) in register.identity.told
    page = await register.history.list_page(AGENT, "21", user.habilitation_id, 10, "")
    assert page.records[0].kind is EventKind.HABILITATION_LAPSED
    assert page.records[0].agent_id is None
    await register.registry.ending.run()
    assert register.identity.told.count(("disable_account", user.habilitation_id)) == 1


async def test_users_end_with_a_convention_that_has_been_over_for_a_month(
    register: Register, clock: FakeClock, convention: Convention, user: Habilitation
) -> None:
    """Art. 4-5. Until then one that was ended by mistake gets its users back with it."""
    await register.conventions.end(AGENT, convention.convention_id, date(2026, 11, 23), "accord des parties")
    clock.advance(timedelta(days=29))
    await register.registry.ending.run()
    kept = await register.habilitations.get(AGENT, user.habilitation_id)
    assert kept.withdraw_time is None
    clock.advance(timedelta(days=1))
    await register.registry.ending.run()
    ended = await register.habilitations.get(AGENT, user.habilitation_id)
    assert ended.withdraw_time == clock.now()
