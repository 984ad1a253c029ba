"""The order of the gates: hours → session → right → opposition → disclosure."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from gateway.domain import (
    Caller,
    ClientContext,
    Consultation,
    Coordonnees,
    Disclosure,
    Dossier,
    HabilitationNotValid,
    OpenedSession,
    OppositionScope,
    Outcome,
    QuotientPeriod,
    Right,
    SessionNotValid,
    SessionState,
    SignedIn,
)
from gateway.hours import OpeningHours, ServiceClosed
from gateway.service import Consultations, Sessions
from services.kit.errors import DependencyUnavailable, InvalidField
from services.kit.redaction import DeviceToken, OneTimeCode, Password, SessionToken
from tests.clock import FakeClock

NIR = "284052123100106"
NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)
NIGHT = datetime(2026, 11, 23, 23, tzinfo=UTC)
RIGHT = Right("partner-1", "convention-1", "21")
OPENED = OpenedSession(SessionToken("t"), timedelta(minutes=15), NOON)
NOWHERE = ClientContext("", DeviceToken(""))
AVAILABLE = Disclosure(
    Outcome.AVAILABLE,
    "line-1",
    Dossier("D1", Coordonnees([], "x", "", "", "", "", "", "")),
    [QuotientPeriod(date(2026, 11, 1), None, 61234)],
)


class Services:
    """The three services: each answers as it was told, and all that is asked is remembered."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failure: dict[str, Exception] = {}
        self.scopes: list[OppositionScope] = []
        self.delay_seconds = 0.0
        self.opposed: bool | None = None
        self.month: date | None = None

    async def _ask(self, what: str) -> None:
        self.asked.append(what)
        await asyncio.sleep(self.delay_seconds)
        if what in self.failure:
            raise self.failure[what]

    async def sign_in(
        self, login: str, password: Password, one_time_code: OneTimeCode, client: ClientContext
    ) -> SignedIn:
        await self._ask("sign_in")
        return SignedIn(
            OPENED,
            password_change_required=False,
            previous_sign_in_time=None,
            earlier_session_ended=False,
            password_renewal_advised=False,
            device_token=DeviceToken("d"),
            refused_sign_in_count=0,
        )

    async def change_password(
        self,
        token: SessionToken,
        current_password: Password,
        new_password: Password,
        client: ClientContext,
    ) -> OpenedSession:
        await self._ask("change_password")
        return OPENED

    async def get_session(self, token: SessionToken) -> SessionState:
        await self._ask("get_session")
        return SessionState(
            password_change_required=False,
            second_factor_enrolment_required=False,
            idle_timeout=timedelta(minutes=15),
            idle_expire_time=NOON,
            expire_time=NOON,
            remaining=timedelta(minutes=15),
            expiring_soon=False,
            previous_sign_in_time=None,
        )

    async def sign_out(self, token: SessionToken, client: ClientContext) -> None:
        await self._ask("sign_out")

    async def authenticate(self, token: SessionToken) -> Caller:
        await self._ask("authenticate")
        return Caller("account-1", "habilitation-1", timedelta(minutes=15))

    async def authorize(self, habilitation_id: str) -> Right:
        await self._ask("authorize")
        return RIGHT

    async def check_oppositions(self, consultation: Consultation) -> Sequence[OppositionScope]:
        await self._ask("check_oppositions")
        return self.scopes

    async def disclose(
        self, consultation: Consultation, caller: Caller, right: Right, *, opposed: bool
    ) -> Disclosure:
        await self._ask("disclose")
        self.opposed = opposed
        self.month = consultation.month
        return AVAILABLE


def consultations(services: Services, now: datetime = NOON, budget_seconds: float = 5) -> Consultations:
    clock = FakeClock(now)
    hours = OpeningHours(clock, always_open=False)
    return Consultations(clock, hours, services, services, services, budget_seconds)


async def consult(services: Services, now: datetime = NOON, nir: str = NIR, budget: float = 5) -> Disclosure:
    return await consultations(services, now, budget).consult(
        SessionToken("t"), lambda _: None, nir=nir, month="", purpose=1, purpose_text="", case_reference=""
    )


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
    services, clock = Services(), FakeClock(now)
    hours = OpeningHours(clock, always_open=True)
    consultations = Consultations(clock, hours, services, services, services, budget_seconds=5)
    await consultations.consult(
        SessionToken("t"), lambda _: None, nir=NIR, month="", purpose=1, purpose_text="", case_reference=""
    )
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
    token, password = SessionToken("t"), Password("p")
    with pytest.raises(ServiceClosed):
        await sessions.sign_in("x21-1", password, OneTimeCode(""), NOWHERE)
    with pytest.raises(ServiceClosed):
        await sessions.change_password(token, password, password, NOWHERE)
    await sessions.get_session(token)
    await sessions.sign_out(token, NOWHERE)
    assert services.asked == ["get_session", "sign_out"]
