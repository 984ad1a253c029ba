"""The order of the gates: hours → session → right → opposition → disclosure."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from gateway.domain import (
    ClientContext,
    Disclosure,
    HabilitationNotValid,
    Maintenance,
    OppositionScope,
    Outcome,
    RateLimited,
    SessionNotValid,
)
from gateway.hours import OpeningHours, ServiceClosed
from gateway.service import Sessions
from services.kit.errors import DependencyUnavailable, InvalidField
from services.kit.redaction import OneTimeCode, Password
from tests.clock import FakeClock
from tests.unit.gateway.services import (
    AVAILABLE,
    LIMIT,
    NIGHT,
    NIR,
    NOON,
    NOWHERE,
    REMAINING,
    RIGHT,
    TOKEN,
    Heard,
    Services,
    consultations,
    query,
)


async def consult(services: Services, now: datetime = NOON, nir: str = NIR, budget: float = 5) -> Disclosure:
    return await consultations(services, FakeClock(now), budget).consult(TOKEN, NOWHERE, Heard(), query(nir))


async def test_a_consultation_passes_every_gate_in_order() -> None:
    services = Services()
    assert await consult(services) == AVAILABLE
    assert services.asked == ["authenticate", "authorize", "check_oppositions", "disclose"]
    assert services.opposed is False


@pytest.mark.parametrize(
    ("now", "month"),
    [
        (datetime(2026, 11, 30, 22, 59, 59, tzinfo=UTC), date(2026, 11, 1)),
        (datetime(2026, 11, 30, 23, 0, tzinfo=UTC), date(2026, 12, 1)),
        (datetime(2028, 2, 29, 22, 59, 59, tzinfo=UTC), date(2028, 2, 1)),
        (datetime(2026, 6, 30, 22, 0, tzinfo=UTC), date(2026, 7, 1)),
    ],
)
async def test_the_present_month_begins_at_midnight_in_paris(now: datetime, month: date) -> None:
    services = Services()
    always = consultations(services, FakeClock(now), always_open=True)
    await always.consult(TOKEN, NOWHERE, Heard(), query())
    assert services.month == month


async def test_outside_the_hours_nobody_is_asked_anything() -> None:
    services = Services()
    with pytest.raises(ServiceClosed):
        await consult(services, now=NIGHT)
    assert services.asked == []


async def test_without_a_session_nothing_is_asked_about_anyone() -> None:
    services = Services()
    services.failure["authenticate"] = SessionNotValid()
    with pytest.raises(SessionNotValid):
        await consult(services)
    assert services.asked == ["authenticate"]


async def test_without_a_session_even_a_wrong_request_is_told_only_that() -> None:
    services = Services()
    services.failure["authenticate"] = SessionNotValid()
    with pytest.raises(SessionNotValid):
        await consult(services, nir="1")


async def test_a_wrong_request_reaches_no_file() -> None:
    services = Services()
    with pytest.raises(InvalidField):
        await consult(services, nir="1")
    assert services.asked == ["authenticate"]


async def test_without_the_right_nothing_is_disclosed() -> None:
    services = Services()
    services.failure["authorize"] = HabilitationNotValid()
    with pytest.raises(HabilitationNotValid):
        await consult(services)
    assert "disclose" not in services.asked


async def test_an_opposition_withholds_even_when_quotient_discloses() -> None:
    services = Services()
    services.scopes = [OppositionScope("21", "")]
    assert await consult(services) == Disclosure(Outcome.OPPOSED, "line-1")
    assert services.opposed is True


@pytest.mark.parametrize("away", ["authenticate", "authorize", "check_oppositions", "disclose"])
async def test_a_service_that_is_away_never_means_data(away: str) -> None:
    services = Services()
    services.failure[away] = DependencyUnavailable()
    with pytest.raises(DependencyUnavailable):
        await consult(services)


async def test_a_consultation_that_takes_too_long_is_given_up() -> None:
    services = Services()
    services.delay_seconds = 1
    with pytest.raises(DependencyUnavailable):
        await consult(services, budget=0.01)


async def test_outside_the_hours_one_signs_out_but_not_in() -> None:
    services = Services()
    sessions = Sessions(OpeningHours(FakeClock(NIGHT), always_open=False), services)
    password = Password("p")
    with pytest.raises(ServiceClosed):
        await sessions.sign_in("x21-1", password, OneTimeCode(""), NOWHERE)
    with pytest.raises(ServiceClosed):
        await sessions.change_password(TOKEN, password, password, NOWHERE)
    await sessions.get_session(TOKEN)
    await sessions.sign_out(TOKEN, NOWHERE)
    assert services.asked == ["get_session", "sign_out"]


async def test_a_maintenance_into_the_night_says_how_long_until_it_opens_art_5() -> None:
    services, evening = Services(), datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
    services.right = replace(RIGHT, maintenance_end_time=evening + timedelta(hours=3))
    with pytest.raises(Maintenance) as stopped:
        await consultations(services, FakeClock(evening)).consult(TOKEN, NOWHERE, Heard(), query())
    assert stopped.value.retry_after_seconds == timedelta(hours=7).total_seconds()


@pytest.mark.parametrize(
    ("seconds_left", "is_stopped"), [(3600, True), (0.001, True), (0, False), (-0.001, False)]
)
async def test_a_maintenance_stops_consultations_until_its_end_and_says_how_long_art_5(
    seconds_left: float, is_stopped: bool
) -> None:
    services = Services()
    services.right = replace(RIGHT, maintenance_end_time=NOON + timedelta(seconds=seconds_left))
    if not is_stopped:
        assert await consult(services) == AVAILABLE
        return
    with pytest.raises(Maintenance) as stopped:
        await consult(services)
    assert stopped.value.retry_after_seconds == pytest.approx(seconds_left)
    assert services.disclosed == []


@pytest.mark.parametrize("reference", ["", " ", "   "])
async def test_where_the_caisse_requires_a_case_reference_none_and_blank_are_refused_art_6_1(
    reference: str,
) -> None:
    services = Services()
    services.right = replace(RIGHT, case_reference_required=True)
    with pytest.raises(InvalidField) as refused:
        await consultations(services, FakeClock(NOON)).consult(
            TOKEN, NOWHERE, Heard(), query(case_reference=reference)
        )
    assert [(each.field, each.rule) for each in refused.value.violations] == [
        ("case_reference", "CASE_REFERENCE_REQUIRED")
    ]
    assert services.disclosed == []


async def test_with_a_case_reference_the_caisse_that_requires_one_answers() -> None:
    services = Services()
    services.right = replace(RIGHT, case_reference_required=True)
    answer = await consultations(services, FakeClock(NOON)).consult(
        TOKEN, NOWHERE, Heard(), query(case_reference="CLSH/118")
    )
    assert answer == AVAILABLE


@pytest.mark.parametrize("failing", [None, "authorize", "check_oppositions", "disclose"])
async def test_what_is_left_is_told_however_a_consultation_ends_art_7_1(failing: str | None) -> None:
    services, heard = Services(), Heard()
    if failing:
        services.failure[failing] = DependencyUnavailable()
    with suppress(DependencyUnavailable):
        await consultations(services, FakeClock(NOON)).consult(TOKEN, NOWHERE, heard, query())
    assert heard.remaining == [REMAINING]
    assert heard.limits == [[LIMIT]]


async def test_one_who_called_too_often_is_told_his_limits_too() -> None:
    services, heard = Services(), Heard()
    services.failure["authenticate"] = RateLimited(retry_after_seconds=3, rate_limits=[LIMIT])
    with pytest.raises(RateLimited):
        await consultations(services, FakeClock(NOON)).consult(TOKEN, NOWHERE, heard, query())
    assert heard.limits == [[LIMIT]]
    assert heard.remaining == []


@pytest.mark.parametrize("outcome", list(Outcome))
async def test_an_answered_consultation_is_noted_once_with_its_network_art_7_2(outcome: Outcome) -> None:
    services = Services()
    services.outcome = outcome
    client = ClientContext("203.0.113.0/24", address="203.0.113.77")
    await consultations(services, FakeClock(NOON)).consult(TOKEN, client, Heard(), query())
    assert services.noted == [("account-1", "203.0.113.0/24", outcome is Outcome.NOT_FOUND)]


async def test_an_opposed_person_without_a_dossier_is_noted_as_not_found_art_7_2() -> None:
    services = Services()
    services.scopes, services.outcome = [OppositionScope("21", "")], Outcome.NOT_FOUND
    assert (await consult(services)).outcome is Outcome.NOT_FOUND
    assert services.noted == [("account-1", "", True)]


@pytest.mark.parametrize("failing", ["authenticate", "authorize", "check_oppositions", "disclose"])
async def test_what_was_not_answered_is_not_noted(failing: str) -> None:
    services = Services()
    services.failure[failing] = DependencyUnavailable()
    with pytest.raises(DependencyUnavailable):
        await consult(services)
    assert services.noted == []
