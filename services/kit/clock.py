"""The only place that reads the wall clock; everything else is handed a Clock."""

from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


class Clock(Protocol):
    """Tells the present instant."""

    def now(self) -> datetime:
        """The present instant, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return datetime.now(UTC)


def paris_date(instant: datetime) -> date:
    """The calendar day of `instant` in Europe/Paris, where every rule of the convention is read."""
    return instant.astimezone(PARIS).date()


def epoch_ms(instant: datetime) -> int:
    """`instant` as whole milliseconds since 1970-01-01 UTC."""
    return int(instant.timestamp() * 1000)


def from_epoch_ms(milliseconds: int) -> datetime:
    """The UTC instant that lies `milliseconds` after 1970-01-01."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
