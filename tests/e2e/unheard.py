"""What a consultation tells beside its answer, where a test does not ask."""

from collections.abc import Sequence
from datetime import timedelta

from gateway.domain import RateLimit


class Unheard:
    """A notice that nobody hears."""

    def session(self, remaining: timedelta) -> None:
        """Does nothing."""

    def rate_limits(self, rate_limits: Sequence[RateLimit]) -> None:
        """Does nothing."""
