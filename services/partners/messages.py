"""Days in requests."""

from datetime import date

from google.protobuf.message import Message
from google.type.date_pb2 import Date

from services.partners.fields import calendar_date


def day_in(request: Message, field: str) -> date:
    """The day in `field` of `request`. Raises InvalidField naming it."""
    day: Date = getattr(request, field)
    return calendar_date(field, day.year, day.month, day.day)


def optional_day_in(request: Message, field: str) -> date | None:
    """Like `day_in`; None where the field is absent."""
    return day_in(request, field) if request.HasField(field) else None
