"""When a caisse's service answers (art. 4-6, 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class ServiceState(IntEnum):
    """Whether consultations are answered; numbered as in the protos."""

    OPEN = 1
    CLOSED = 2
    MAINTENANCE = 3


@dataclass(frozen=True)
class MaintenanceWindow:
    """A time in which a caisse's service answers nothing: from the first instant to before the last."""

    start_time: datetime
    end_time: datetime
    message: str


@dataclass(frozen=True)
class CaisseAvailability:
    """A caisse and its maintenances that run or are still to come, earliest first."""

    caisse_code: str
    name: str
    maintenances: Sequence[MaintenanceWindow]

    def running(self, now: datetime) -> MaintenanceWindow | None:
        """The maintenance that runs; None while none does."""
        return next((each for each in self.maintenances if each.start_time <= now < each.end_time), None)

    def state(self, now: datetime, *, is_open: bool) -> ServiceState:
        """Closed outside the hours, in maintenance while a window of it runs, else open."""
        if not is_open:
            return ServiceState.CLOSED
        return ServiceState.MAINTENANCE if self.running(now) else ServiceState.OPEN
