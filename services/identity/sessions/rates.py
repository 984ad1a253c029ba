"""How many consultations may be asked for: limits of an account, of a partner, of an address (art. 7-2). Pure.

Each takes its limit at once, and as many again, evenly, within each window.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

WINDOW = timedelta(minutes=1)
_MICROSECOND = timedelta(microseconds=1)


class RateScope(Enum):
    """Whose limit it is."""

    ACCOUNT = auto()
    PARTNER = auto()
    ADDRESS = auto()


@dataclass(frozen=True)
class RateLimit:
    """How much of a limit is left, and how long until all of it is there again, if nothing more is asked for."""

    scope: RateScope
    limit: int
    remaining: int
    reset: timedelta


@dataclass(frozen=True)
class Rate:
    """A limit per window, in whole microseconds, so that nothing is lost or won by rounding over many calls."""

    limit: int

    @property
    def cost_us(self) -> int:
        """After this long one more may be asked for."""
        return -(WINDOW // -(self.limit * _MICROSECOND))

    @property
    def capacity_us(self) -> int:
        """After this long all of the limit is there again: a window, and less than a microsecond for each."""
        return self.cost_us * self.limit
