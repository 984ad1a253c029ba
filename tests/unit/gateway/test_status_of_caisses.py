"""What anybody is told of the service and of each caisse (art. 4-6, 5)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from gateway.hours import OpeningHours
from gateway.status.domain import CaisseAvailability, MaintenanceWindow, ServiceState
from gateway.status.service import Status, StatusService
from services.kit.errors import DependencyUnavailable
from tests.clock import FakeClock

NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)
NIGHT = datetime(2026, 11, 23, 23, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
WINDOW = MaintenanceWindow(NOON, NOON + timedelta(hours=2), "Mise à jour")
LATER = MaintenanceWindow(NOON + timedelta(hours=2), NOON + timedelta(hours=4), "Encore une")


class Register:
    """Knows Bourgogne and its windows."""

    def __init__(self, *windows: MaintenanceWindow) -> None:
        self.windows = windows
        self.failure: Exception | None = None

    async def availabilities(self) -> Sequence[CaisseAvailability]:
        if self.failure:
            raise self.failure
        return [CaisseAvailability("21", "Bourgogne", self.windows), CaisseAvailability("12", "Autre", ())]


async def status(now: datetime, *windows: MaintenanceWindow, always_open: bool = False) -> Status:
    clock = FakeClock(now)
    hours = OpeningHours(clock, always_open=always_open)
    return await StatusService(clock, hours, Register(*windows)).status()


@pytest.mark.parametrize(
    ("now", "state", "end"),
    [
        (NOON - INSTANT, ServiceState.OPEN, None),
        (NOON, ServiceState.MAINTENANCE, WINDOW.end_time),
        (WINDOW.end_time - INSTANT, ServiceState.MAINTENANCE, WINDOW.end_time),
        (WINDOW.end_time, ServiceState.OPEN, None),
    ],
)
async def test_a_maintenance_runs_from_its_first_instant_to_before_its_last(
    now: datetime, state: ServiceState, end: datetime | None
) -> None:
    told = await status(now, WINDOW)
    bourgogne, other = told.caisses
    assert (bourgogne.state, bourgogne.maintenance_end_time) == (state, end)
    assert (other.state, other.maintenance_end_time) == (ServiceState.OPEN, None)
    assert told.state is ServiceState.OPEN


async def test_of_two_maintenances_in_a_row_the_one_that_runs_is_told() -> None:
    told = await status(WINDOW.end_time, WINDOW, LATER)
    assert told.caisses[0].maintenance_end_time == LATER.end_time


async def test_outside_the_hours_closed_is_told_rather_than_a_maintenance_n4() -> None:
    at_night = MaintenanceWindow(NIGHT, NIGHT + timedelta(hours=2), "La nuit")
    told = await status(NIGHT, at_night)
    assert told.state is ServiceState.CLOSED
    assert {caisse.state for caisse in told.caisses} == {ServiceState.CLOSED}
    assert told.caisses[0].maintenance_end_time == at_night.end_time


@pytest.mark.parametrize(
    ("now", "state", "next_change"),
    [
        (datetime(2026, 11, 23, 21, 59, 59, tzinfo=UTC), ServiceState.OPEN, (23, 22)),
        (datetime(2026, 11, 23, 22, 0, tzinfo=UTC), ServiceState.CLOSED, (24, 4)),
        (datetime(2026, 11, 24, 4, 0, tzinfo=UTC), ServiceState.OPEN, (24, 22)),
    ],
)
async def test_the_hours_and_their_next_change_are_told_art_5(
    now: datetime, state: ServiceState, next_change: tuple[int, int]
) -> None:
    told = await status(now)
    day, hour = next_change
    assert (told.state, told.next_change_time) == (state, datetime(2026, 11, day, hour, tzinfo=UTC))
    assert "5 h à 23 h" in told.hours


async def test_an_installation_that_never_closes_says_so() -> None:
    told = await status(NIGHT, always_open=True)
    assert (told.state, told.next_change_time) == (ServiceState.OPEN, None)
    assert "toute heure" in told.hours


async def test_while_the_register_is_away_nobody_is_told_that_it_is_open_n8() -> None:
    clock, register = FakeClock(NOON), Register()
    register.failure = DependencyUnavailable()
    service = StatusService(clock, OpeningHours(clock, always_open=False), register)
    with pytest.raises(DependencyUnavailable):
        await service.status()
