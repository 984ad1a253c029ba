"""Opening hours as partners meet them (art. 4-6, 5); the rule is the kit's."""

from dataclasses import dataclass
from datetime import datetime

from services.kit.clock import Clock
from services.kit.errors import DomainError, Reason
from services.kit.hours import CLOSING, OPENING, is_open, next_closing, next_opening


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
        """The state now."""
        if self._always_open:
            return OpeningState(is_open=True, next_change_time=None)
        now = self._clock.now()
        if is_open(now):
            return OpeningState(is_open=True, next_change_time=next_closing(now))
        return OpeningState(is_open=False, next_change_time=next_opening(now))

    def first_open(self, instant: datetime) -> datetime:
        """`instant` itself where the service is open then, else the opening that follows it."""
        return instant if self._always_open or is_open(instant) else next_opening(instant)

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
