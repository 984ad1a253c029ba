"""N4 (art. 5): nothing is consulted outside 05:00-23:00 Europe/Paris; the real services, an injected clock."""

from datetime import UTC, datetime

import pytest

from gateway.admission import Admission
from gateway.clients import IdentityClient, PartnersClient, QuotientClient
from gateway.domain import ClientContext, Outcome, Query
from gateway.hours import OpeningHours, ServiceClosed
from gateway.service import Consultations, Sessions
from gateway.use.reporter import UseReporter
from services.kit.client import Upstream
from services.kit.clock import PARIS, SystemClock, paris_date
from services.kit.redaction import OneTimeCode, Password, SessionToken
from tests.caisse import Caisse
from tests.clock import FakeClock
from tests.e2e.conftest import Agent, Channels
from tests.e2e.unheard import Unheard


@pytest.fixture
def upstreams(channels: Channels) -> list[Upstream]:
    return [Upstream(name, channels(name, "gateway"), 5) for name in ("identity", "partners", "quotient")]


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize(
    ("last_open", "closed"),
    [
        ("2026-11-23T22:59:59.999", "2026-11-23T23:00:00"),
        ("2026-11-23T05:00:00", "2026-11-23T04:59:59.999"),
        ("2026-03-29T05:00:00", "2026-03-29T04:59:59.999"),
        ("2026-10-25T22:59:59.999", "2026-10-25T23:00:00"),
        ("2028-02-29T22:59:59.999", "2028-02-29T23:00:00"),
    ],
)
async def test_a_live_session_consults_within_the_hours_and_not_outside(
    caisse: Caisse, agent: Agent, upstreams: list[Upstream], last_open: str, closed: str
) -> None:
    nir = await caisse.publish()
    clock = FakeClock(paris(last_open))
    identity, partners, quotient = upstreams
    admission = Admission(
        clock,
        OpeningHours(clock, always_open=False),
        IdentityClient(identity, 5),
        PartnersClient(partners),
        budget_seconds=5,
    )
    consultations = Consultations(clock, admission, QuotientClient(quotient), UseReporter(identity))
    query = Query(nir, f"{paris_date(SystemClock().now()):%Y-%m}", 1, "", "")

    async def outcome() -> Outcome:
        token = SessionToken(agent.token)
        return (await consultations.consult(token, ClientContext(""), Unheard(), query)).outcome

    assert await outcome() is Outcome.AVAILABLE
    clock.advance(paris(closed) - clock.now())
    with pytest.raises(ServiceClosed):
        await outcome()
    assert len(await caisse.journal(nir)) == 1


async def test_at_night_nobody_signs_in(agent: Agent, upstreams: list[Upstream]) -> None:
    clock = FakeClock(paris("2026-11-23T23:00:00"))
    sessions = Sessions(OpeningHours(clock, always_open=False), IdentityClient(upstreams[0], 5))
    with pytest.raises(ServiceClosed):
        await sessions.sign_in(agent.user.login, Password("x"), OneTimeCode(""), ClientContext(""))
