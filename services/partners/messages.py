"""What every handler reads of a request and its context: days, identifiers, who calls."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import grpc
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from services.kit.acting_agent import AGENT_METADATA
from services.kit.identifiers import parse_uuid
from services.kit.tls import peer_names
from services.partners.agents.domain import Caller
from services.partners.fields import calendar_date, invalid

if TYPE_CHECKING:  # generic in its stubs only
    Context = grpc.aio.ServicerContext[Any, Any]


def caller_of(context: Context) -> Caller:
    """Who calls: his certificate's names, and the agent whom the metadata name."""
    metadata = dict(context.invocation_metadata() or ())
    named = metadata.get(AGENT_METADATA, "")
    return Caller(peer_names(context.auth_context()), named if isinstance(named, str) else "")


def optional_uuid(field: str, text: str) -> UUID | None:
    """The UUID in `text`; None where it is empty. Raises InvalidField naming `field`."""
    return parse_uuid(field, text) if text else None


def day_in(request: Message, field: str) -> date:
    """The day in `field` of `request`. Raises InvalidField naming it."""
    day: Date = getattr(request, field)
    return calendar_date(field, day.year, day.month, day.day)


def optional_day_in(request: Message, field: str) -> date | None:
    """Like `day_in`; None where the field is absent."""
    return day_in(request, field) if request.HasField(field) else None


def optional_instant_in(request: Message, field: str) -> datetime | None:
    """The instant in `field` of `request`, in UTC; None where it is absent. Raises InvalidField naming it."""
    if not request.HasField(field):
        return None
    timestamp: Timestamp = getattr(request, field)
    try:
        return timestamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise invalid(field, "TIME_RANGE", "must be an instant between the years 1 and 9999") from None
