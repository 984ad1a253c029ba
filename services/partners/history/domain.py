"""Events: what was changed, by whom, when, why, and how it was before and after."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.kit.identifiers import decode_page_token
from services.partners.fields import invalid

_LAST_POSITION = 2**63 - 1
_POSITION = re.compile(r"[0-9]{1,19}")


class SubjectKind(StrEnum):
    """What can change."""

    PARTNER = "PARTNER"
    CONVENTION = "CONVENTION"
    ACCESS_REQUEST = "ACCESS_REQUEST"
    HABILITATION = "HABILITATION"
    CAISSE_AGENT = "CAISSE_AGENT"
    CAISSE_SETTINGS = "CAISSE_SETTINGS"
    MAINTENANCE = "MAINTENANCE"


class EventKind(StrEnum):
    """What happens to it."""

    DIRECTOR_APPOINTED = "DIRECTOR_APPOINTED"
    DIRECTOR_LEFT = "DIRECTOR_LEFT"
    AGENT_HABILITATED = "AGENT_HABILITATED"
    AGENT_WITHDRAWN = "AGENT_WITHDRAWN"
    PARTNER_REGISTERED = "PARTNER_REGISTERED"
    PARTNER_UPDATED = "PARTNER_UPDATED"
    SEAT_CHANGED = "SEAT_CHANGED"
    PARTNER_SUSPENDED = "PARTNER_SUSPENDED"
    PARTNER_SUSPENSION_LIFTED = "PARTNER_SUSPENSION_LIFTED"
    CONVENTION_DRAFTED = "CONVENTION_DRAFTED"
    CONVENTION_REGISTERED = "CONVENTION_REGISTERED"
    FACT_RECORDED = "FACT_RECORDED"
    FACT_ANNULLED = "FACT_ANNULLED"
    REQUEST_RECEIVED = "REQUEST_RECEIVED"
    REQUEST_COMPLETED = "REQUEST_COMPLETED"
    REQUEST_ACCEPTED = "REQUEST_ACCEPTED"
    REQUEST_REFUSED = "REQUEST_REFUSED"
    HABILITATION_REGISTERED = "HABILITATION_REGISTERED"
    HABILITATION_CONFIRMED = "HABILITATION_CONFIRMED"
    HABILITATION_LAPSED = "HABILITATION_LAPSED"
    HABILITATION_WITHDRAWN = "HABILITATION_WITHDRAWN"
    HABILITATION_SUSPENDED = "HABILITATION_SUSPENDED"
    HABILITATION_SUSPENSION_LIFTED = "HABILITATION_SUSPENSION_LIFTED"
    CAISSE_SETTINGS_SET = "CAISSE_SETTINGS_SET"
    MAINTENANCE_PLANNED = "MAINTENANCE_PLANNED"
    MAINTENANCE_CANCELLED = "MAINTENANCE_CANCELLED"


Snapshot = Mapping[str, Any]


@dataclass(frozen=True)
class Event:
    """One change. `agent_id` is absent where an operator or the service itself did it.

    What was before and after may hold names: it is never in the repr (N5).
    """

    event_id: UUID
    event_time: datetime
    caisse_code: str
    subject_kind: SubjectKind
    subject_id: UUID
    kind: EventKind
    agent_id: UUID | None
    client_name: str
    reason: str
    state_before: Snapshot | None = field(repr=False)
    state_after: Snapshot | None = field(repr=False)
    trace_id: str = ""
    # Its place among all events; given when it is kept.
    position: int = 0


@dataclass(frozen=True)
class Change:
    """One field that differs; empty where there is no value."""

    field: str
    before: str
    after: str


def snapshot(record: object) -> Snapshot:
    """A record as plain values, each nested field under its path: `user.nom`."""
    return dict(_flattened(record, ""))


def changes(event: Event) -> list[Change]:
    """What differs between before and after, by name of the field."""
    before, after = event.state_before or {}, event.state_after or {}
    return [
        Change(name, _text(before.get(name)), _text(after.get(name)))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def position_before(page_token: str) -> int:
    """The place before which a page begins, newest first. Raises InvalidField."""
    key = decode_page_token(page_token)
    if not key:
        return _LAST_POSITION
    if not (_POSITION.fullmatch(key) and int(key) <= _LAST_POSITION):
        raise invalid("page_token", "PAGE_TOKEN", "must be the next_page_token of the previous page")
    return int(key)


def _flattened(record: object, path: str) -> list[tuple[str, Any]]:
    if not is_dataclass(record):
        return [(path, _plain(record))]
    nested: list[tuple[str, Any]] = []
    for each in fields(record):
        name = f"{path}.{each.name}" if path else each.name
        nested.extend(_flattened(getattr(record, each.name), name))
    return nested


def _plain(value: object) -> Any:
    match value:
        case UUID():
            return str(value)
        case date():
            return value.isoformat()
        case tuple() | list():
            return [_plain(each) for each in value]
        case _:
            return value


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case list():
            return " ".join(map(str, value))
        case bool():
            return str(value).lower()
        case _:
            return str(value)
