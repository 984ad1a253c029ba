"""Days, instants and lengths of time as protobuf writes them; what is absent stays absent."""

from datetime import date, datetime, timedelta
from typing import overload

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date


@overload
def to_date(day: date) -> Date: ...
@overload
def to_date(day: date | None) -> Date | None: ...
def to_date(day: date | None) -> Date | None:
    """`day` as a message; None where it is None."""
    return None if day is None else Date(year=day.year, month=day.month, day=day.day)


@overload
def to_timestamp(instant: datetime) -> Timestamp: ...
@overload
def to_timestamp(instant: datetime | None) -> Timestamp | None: ...
def to_timestamp(instant: datetime | None) -> Timestamp | None:
    """`instant` as a message; None where it is None."""
    if instant is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(instant)
    return timestamp


@overload
def to_duration(span: timedelta) -> Duration: ...
@overload
def to_duration(span: timedelta | None) -> Duration | None: ...
def to_duration(span: timedelta | None) -> Duration | None:
    """`span` as a message; None where it is None."""
    if span is None:
        return None
    duration = Duration()
    duration.FromTimedelta(span)
    return duration
