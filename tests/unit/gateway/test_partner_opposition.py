"""An opposition that a person expressed to the partner (annexe 1)."""

from datetime import date

import pytest

from gateway.domain import HabilitationNotValid, Maintenance, SessionNotValid
from gateway.hours import ServiceClosed
from gateway.oppositions.domain import Declaration, RecordedOpposition, read_received_on
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

DECLARATION = Declaration(Nir.parse(NIR), None, requester=1, channel=2, reference="Durand")


async def declare(services: Services, clock: FakeClock | None = None) -> RecordedOpposition:
    service = PartnerOppositions(admission(services, clock or FakeClock(NOON)), services)
    right = await service.admit(TOKEN, NOWHERE, Heard())
    return await service.record(right, DECLARATION)


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
    assert read_received_on(text) == day


@pytest.mark.parametrize(
    "text", ["20261124", "2026-W48-2", "2026-11-31", "2027-02-29", "24/11/2026", "2026-11-24T10:00", " ", "x"]
)
def test_a_day_is_written_one_way(text: str) -> None:
    with pytest.raises(InvalidField) as refused:
        read_received_on(text)
    assert [(each.field, each.rule) for each in refused.value.violations] == [("received_on", "DATE")]


def test_a_declaration_does_not_print_its_person() -> None:
    assert NIR[:13] not in repr(DECLARATION)
    assert "Durand" not in repr(DECLARATION)
