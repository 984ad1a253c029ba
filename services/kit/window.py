"""A time between two instants."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Window:
    """A time: its first instant, and the first instant after it."""

    start_time: datetime
    end_time: datetime
