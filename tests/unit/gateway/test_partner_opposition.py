"""An opposition that a person expressed to the partner (annexe 1)."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from gateway.domain import HabilitationNotValid, Maintenance, SessionNotValid
from gateway.hours import ServiceClosed
from gateway.oppositions.domain import (
    Declaration,
    DeclarationDraft,
    RecordedOpposition,
    read_declaration,
    read_received_on,
)
from gateway.oppositions.service import PartnerOppositions
from services.kit.errors import DependencyUnavailable, DomainError, InvalidField
from services.kit.nir import Nir
from tests.clock import FakeClock
from tests.unit.gateway.services import (
    NIGHT,
    NIR,
    NOON,
    NOWHERE,
    RIGHT,
    TOKEN,
    Heard,
    Services,
    admission,
)

TODAY = date(2028, 3, 1)
DRAFT = DeclarationDraft(NIR, "", requester=1, channel=2, reference="Durand")
DECLARATION = Declaration(Nir.parse(NIR), None, requester=1, channel=2, reference="Durand")


async def declare(services: Services, clock: FakeClock | None = None) -> RecordedOpposition:
    clock = clock or FakeClock(NOON)
    service = PartnerOppositions(clock, admission(services, clock), services)
    right = await service.admit(TOKEN, NOWHERE, Heard())
    return await service.record(right, DRAFT)


async def test_it_is_recorded_against_the_partner_of_the_session_at_its_caisse() -> None:
    services = Services()
    assert (await declare(services)).opposition_id == "opposition-1"
    assert services.declared == [(DECLARATION, RIGHT)]


async def test_it_counts_against_the_limits_and_is_no_use_of_a_dossier() -> None:
    services = Services()
    await declare(services)
    assert services.counted == [1]
    assert services.noted == []


@pytest.mark.parametrize(
    ("gate", "error"),
    [
        ("authenticate", SessionNotValid()),
        ("authorize", HabilitationNotValid()),
        ("authorize", Maintenance()),
        ("record", DependencyUnavailable()),
    ],
)
async def test_without_session_right_or_service_nothing_is_recorded(gate: str, error: DomainError) -> None:
    services = Services()
    services.failure[gate] = error
    with pytest.raises(type(error)):
        await declare(services)
    assert services.declared == []


async def test_outside_the_hours_nobody_is_asked_n4() -> None:
    services = Services()
    with pytest.raises(ServiceClosed):
        await declare(services, FakeClock(NIGHT))
    assert services.asked == []


@pytest.mark.parametrize(
    ("text", "day"), [("", None), ("2026-11-24", date(2026, 11, 24)), ("2028-02-29", date(2028, 2, 29))]
)
def test_the_day_it_was_expressed_on_may_be_left_out(text: str, day: date | None) -> None:
    assert read_received_on(text, TODAY) == day


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        *((text, "DATE") for text in ("20261124", "2026-W48-2", "24/11/2026", "2026-11-24T10:00", " ", "x")),
        *((text, "DATE_NOT_REAL") for text in ("2026-11-31", "2027-02-29", "2026-13-01", "0000-01-01")),
        *((text, "DATE_RANGE") for text in ("1899-12-31", "2200-01-01")),
        ("2028-03-02", "DATE_IN_FUTURE"),
    ],
)
def test_a_day_is_one_of_the_calendar_written_one_way_and_not_to_come(text: str, rule: str) -> None:
    with pytest.raises(InvalidField) as refused:
        read_received_on(text, TODAY)
    assert [(each.field, each.rule) for each in refused.value.violations] == [("received_on", rule)]


async def test_every_rule_that_a_declaration_breaks_is_told_at_once() -> None:
    draft = DeclarationDraft("1", "2027-02-29", requester=1, channel=2, reference="a;b")
    with pytest.raises(InvalidField) as refused:
        read_declaration(draft, TODAY)
    assert [(each.field, each.rule) for each in refused.value.violations] == [
        ("nir", "NIR_LENGTH"),
        ("received_on", "DATE_NOT_REAL"),
        ("reference", "CASE_REFERENCE"),
    ]


async def test_today_is_that_of_paris() -> None:
    services, clock = Services(), FakeClock(datetime(2026, 11, 23, 23, 30, tzinfo=UTC))
    service = PartnerOppositions(clock, admission(services, clock), services)
    recorded = await service.record(RIGHT, replace(DRAFT, received_on="2026-11-24"))
    assert recorded.opposition_id == "opposition-1"


def test_neither_a_draft_nor_a_declaration_prints_its_person() -> None:
    for told in (repr(DRAFT), repr(DECLARATION)):
        assert NIR[:13] not in told
        assert "Durand" not in told
