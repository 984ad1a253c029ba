"""Opening hours (art. 4-6, 5): 05:00 to 23:00 in Europe/Paris, seven days a week."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from services.kit.clock import PARIS, Clock
from services.kit.errors import DomainError, Reason

OPENING = time(5)
CLOSING = time(23)


class ServiceClosed(DomainError):
    """Outside the hours nothing is consulted (N4)."""

    reason = Reason.SERVICE_CLOSED
    message = "The service is open from 05:00 to 23:00, Europe/Paris, seven days a week (art. 5)."


@dataclass(frozen=True)
class OpeningState:
    """Whether the service is open, and when that next changes; never where it is open at any hour."""

    is_open: bool
    next_change_time: datetime | None


class OpeningHours:
    """Decides by the clock it is given."""

    def __init__(self, clock: Clock, *, always_open: bool) -> None:
        self._clock = clock
        self._always_open = always_open

    def state(self) -> OpeningState:
        """The state now. Wall-clock time decides, so a day of 23 or 25 hours opens and closes on time."""
        if self._always_open:
            return OpeningState(is_open=True, next_change_time=None)
        local = self._clock.now().astimezone(PARIS)
        if local.time() < OPENING:
            return OpeningState(is_open=False, next_change_time=_at(local, OPENING))
        if local.time() < CLOSING:
            return OpeningState(is_open=True, next_change_time=_at(local, CLOSING))
        return OpeningState(is_open=False, next_change_time=_at(local + timedelta(days=1), OPENING))

    def in_french(self) -> str:
        """The hours in words, for partners."""
        if self._always_open:
            return "Ouvert à toute heure (installation de démonstration)."
        return f"Ouvert de {OPENING.hour} h à {CLOSING.hour} h, heure de Paris, 7 jours sur 7."

    def require_open(self) -> None:
        """Raises ServiceClosed outside the hours, with the wait until they begin."""
        state = self.state()
        if not state.is_open and state.next_change_time is not None:
            wait = state.next_change_time - self._clock.now()
            raise ServiceClosed(retry_after_seconds=wait.total_seconds())


def _at(local: datetime, wall_time: time) -> datetime:
    return datetime.combine(local.date(), wall_time, PARIS)
