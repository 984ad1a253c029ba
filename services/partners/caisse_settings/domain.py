"""What a caisse decides about its service: what it asks of every consultation, and its maintenances (art. 5)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.kit.errors import DomainError, Reason
from services.kit.window import Window
from services.partners.fields import invalid, required_text

_MAXIMUM_LENGTH = timedelta(hours=72)
_MESSAGE_LENGTH = 200
# Beyond it a year is a slip of the pen.
_LAST_YEAR = 2199


@dataclass(frozen=True)
class CaisseSettings:
    """What a caisse asks of every consultation; nothing where it decided nothing."""

    caisse_code: str
    case_reference_required: bool = False


class MaintenanceState(StrEnum):
    """Where a maintenance stands at an instant."""

    AHEAD = "AHEAD"
    RUNNING = "RUNNING"
    OVER = "OVER"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True)
class Maintenance:
    """A time in which a caisse's service answers nothing: from `start_time` on, and no more at `end_time` (art. 5).

    `cancel_time` is absent unless it was cancelled; one that ran has then ended.
    """

    maintenance_id: UUID
    caisse_code: str
    start_time: datetime
    end_time: datetime
    message: str
    cancel_time: datetime | None = None

    def state_at(self, instant: datetime) -> MaintenanceState:
        """Where it stands at `instant`."""
        if self.cancel_time is not None:
            return MaintenanceState.CANCELLED
        if instant < self.start_time:
            return MaintenanceState.AHEAD
        return MaintenanceState.RUNNING if instant < self.end_time else MaintenanceState.OVER

    def cancelled_at(self, instant: datetime) -> "Maintenance":
        """The same, cancelled: one that runs ends now. Raises MaintenanceOver."""
        if self.state_at(instant) in {MaintenanceState.OVER, MaintenanceState.CANCELLED}:
            raise MaintenanceOver
        return replace(self, cancel_time=instant)

    @property
    def window(self) -> Window:
        """The time in which the service was or will be away."""
        if self.cancel_time is None:
            return Window(self.start_time, self.end_time)
        return Window(self.start_time, max(self.start_time, min(self.end_time, self.cancel_time)))


@dataclass(frozen=True)
class CaisseAvailability:
    """A caisse, and its maintenances that run or are to come."""

    caisse_code: str
    name: str
    maintenances: Sequence[Maintenance]


class MaintenanceOver(DomainError):
    """There is nothing left to cancel."""

    reason = Reason.RECORD_STATE
    message = "The maintenance is over, or has been cancelled already."


class MaintenanceOverlaps(DomainError):
    """Two maintenances of one caisse would run at once."""

    reason = Reason.RECORD_ALREADY_EXISTS
    message = (
        "The caisse has a maintenance in this time already, and two do not overlap: "
        "plan around it, or cancel it first."
    )


def running_at(maintenances: Iterable[Maintenance], instant: datetime) -> Maintenance | None:
    """The one that runs at `instant`: its first instant is within, its end is not (art. 5)."""
    return next((one for one in maintenances if one.state_at(instant) is MaintenanceState.RUNNING), None)


def planned_window(start_time: datetime | None, end_time: datetime | None, now: datetime) -> Window:
    """The time of a maintenance that is planned `now`: at most 72 hours, from now on at the earliest (art. 5).

    Without a start it begins now. Raises InvalidField.
    """
    start = now if start_time is None else start_time
    if start < now:
        raise invalid("start_time", "TIME_PASSED", "must not lie in the past; left out it is now")
    if start.year > _LAST_YEAR:
        raise invalid("start_time", "TIME_RANGE", f"must not lie after the year {_LAST_YEAR}")
    if end_time is None:
        raise invalid("end_time", "TIME_REQUIRED", "must be given")
    if end_time <= start:
        raise invalid("end_time", "TIME_ORDER", "must lie after the start")
    if end_time - start > _MAXIMUM_LENGTH:
        raise invalid("end_time", "MAINTENANCE_LENGTH", "must lie at most 72 hours after the start (art. 5)")
    return Window(start, end_time)


def maintenance_message(message: str) -> str:
    """What partners are told. Raises InvalidField."""
    return required_text("message", message, _MESSAGE_LENGTH)
