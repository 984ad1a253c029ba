"""Days and instants as protobuf writes them."""

from datetime import date, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from services.partners.fields import calendar_date


def day_in(request: Message, field: str) -> date:
    """The day in `field` of `request`. Raises InvalidField naming it."""
    day: Date = getattr(request, field)
    return calendar_date(field, day.year, day.month, day.day)


def optional_day_in(request: Message, field: str) -> date | None:
    """Like `day_in`; None where the field is absent."""
    return day_in(request, field) if request.HasField(field) else None


def to_date(day: date | None) -> Date | None:
    """`day` as a message; absent where it is None."""
    return None if day is None else Date(year=day.year, month=day.month, day=day.day)


def to_timestamp(instant: datetime | None) -> Timestamp | None:
    """`instant` as a message; absent where it is None."""
    if instant is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(instant)
    return timestamp
