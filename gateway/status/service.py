"""Use case: anybody asks whether the service is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.hours import OpeningHours
from gateway.status.domain import CaisseAvailability, ServiceState
from services.kit.clock import Clock


class Caisses(Protocol):
    """The register's part."""

    async def availabilities(self) -> Sequence[CaisseAvailability]:
        """Every caisse, by code."""
        ...


@dataclass(frozen=True)
class CaisseStatus:
    """A caisse, its state now, and when its maintenance is over while one runs."""

    caisse: CaisseAvailability
    state: ServiceState
    maintenance_end_time: datetime | None


@dataclass(frozen=True)
class Status:
    """The state now, the hours in words, when that next changes, and every caisse."""

    state: ServiceState
    hours: str
    next_change_time: datetime | None
    caisses: Sequence[CaisseStatus]


class StatusService:
    """Tells the state, to anybody."""

    def __init__(self, clock: Clock, hours: OpeningHours, caisses: Caisses) -> None:
        self._clock = clock
        self._hours = hours
        self._caisses = caisses

    async def status(self) -> Status:
        """The state now. Raises DependencyUnavailable where the register is away."""
        caisses = await self._caisses.availabilities()
        now, hours = self._clock.now(), self._hours.state()
        return Status(
            state=ServiceState.OPEN if hours.is_open else ServiceState.CLOSED,
            hours=self._hours.in_french(),
            next_change_time=hours.next_change_time,
            caisses=[_caisse_status(caisse, now, is_open=hours.is_open) for caisse in caisses],
        )


def _caisse_status(caisse: CaisseAvailability, now: datetime, *, is_open: bool) -> CaisseStatus:
    running = caisse.running(now)
    return CaisseStatus(caisse, caisse.state(now, is_open=is_open), running.end_time if running else None)
