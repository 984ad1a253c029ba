"""A clock that tests turn."""

from datetime import datetime, timedelta


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """The instant it was set to."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Moves it forward, or back by a negative length."""
        self._now += by

    def set(self, now: datetime) -> None:
        """Moves it to that instant."""
        self._now = now
