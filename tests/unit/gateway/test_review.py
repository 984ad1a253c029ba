"""Who sees which lines of the journal: a user his own, the partner's manager those of its users (art. 4-2, 6-1)."""

from datetime import date, timedelta

import pytest

from gateway.domain import (
    Caller,
    HabilitationNotValid,
    OnlineService,
    Outcome,
    Purpose,
    RateLimited,
    SessionNotValid,
)
from gateway.hours import ServiceClosed
from gateway.review.domain import PastConsultation, ReviewPage, UserName
from gateway.review.service import Review
from services.kit.errors import DependencyUnavailable, DomainError
from tests.clock import FakeClock
from tests.unit.gateway.services import NIGHT, NOON, NOWHERE, RIGHT, TOKEN, Heard, Services, admission

CALLER = Caller("account-1", "habilitation-1", timedelta(minutes=15))


def line(habilitation_id: str = "habilitation-1") -> PastConsultation:
    return PastConsultation(
        consultation_id="line-1",
        consult_time=NOON,
        month=date(2026, 11, 1),
        purpose=Purpose.OTHER,
        purpose_text="Aide à Durand",
        case_reference="Durand",
        outcome=Outcome.AVAILABLE,
        habilitation_id=habilitation_id,
    )


async def review(
    services: Services, *, whole_partner: bool = False, clock: FakeClock | None = None
) -> ReviewPage:
    way_in = admission(services, clock or FakeClock(NOON))
    return await Review(way_in, services, services).page(
        TOKEN, NOWHERE, Heard(), whole_partner=whole_partner, page_size=20, page_token="page-2"
    )


async def test_a_user_sees_the_lines_of_his_account_at_his_partner_and_caisse() -> None:
    services = Services()
    services.consultations = [line()]
    page = await review(services)
    assert services.online_services == [OnlineService.QUOTIENT_CONSULTATION]
    assert services.reviewed == [(RIGHT, CALLER.account_id, 20, "page-2")]
    assert page.page.next_page_token == "next"
    assert page.name(line()) == UserName("Pâquerette", "Zoé")


async def test_those_of_all_users_take_a_bouquet_that_holds_the_review() -> None:
    services = Services()
    services.consultations = [line()]
    await review(services, whole_partner=True)
    assert services.online_services == [OnlineService.CONSULTATION_REVIEW]
    assert services.reviewed == [(RIGHT, None, 20, "page-2")]


async def test_without_that_bouquet_no_line_is_read() -> None:
    services = Services()
    services.failure["authorize"] = HabilitationNotValid()
    with pytest.raises(HabilitationNotValid):
        await review(services, whole_partner=True)
    assert services.reviewed == []


async def test_names_are_asked_for_once_and_of_the_own_partner_only() -> None:
    services = Services()
    services.consultations = [line(), line("habilitation-2"), line()]
    page = await review(services, whole_partner=True)
    assert services.named == [("partner-1", {"habilitation-1", "habilitation-2"})]
    assert page.name(line("habilitation-2")) == UserName()


async def test_for_a_page_without_lines_no_name_is_asked_for() -> None:
    services = Services()
    await review(services)
    assert services.named == []


async def test_outside_the_hours_no_line_is_read_n4() -> None:
    services = Services()
    with pytest.raises(ServiceClosed):
        await review(services, clock=FakeClock(NIGHT))
    assert services.asked == []


@pytest.mark.parametrize(
    ("gate", "error"),
    [
        ("authenticate", SessionNotValid()),
        ("authenticate", RateLimited(retry_after_seconds=1)),
        ("authorize", HabilitationNotValid()),
        ("page", DependencyUnavailable()),
        ("names", DependencyUnavailable()),
    ],
)
async def test_where_anything_is_amiss_nothing_is_told_n8(gate: str, error: DomainError) -> None:
    services = Services()
    services.consultations = [line()]
    services.failure[gate] = error
    with pytest.raises(type(error)):
        await review(services)


async def test_a_review_is_no_consultation_and_says_nothing_of_use() -> None:
    services = Services()
    services.consultations = [line()]
    page = await review(services)
    assert services.noted == []
    assert "Durand" not in repr(page)
    assert "Pâquerette" not in repr(page)
