"""What an opposition is (art. 6-3, annexe 1)."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from services.kit.errors import FieldViolation, InvalidField, RecordNotFound
from services.kit.identifiers import parse_uuid
from services.quotient.fields import read_caisse_code


class Channel(IntEnum):
    """How an opposition was expressed; numbered as in the protos. A family need not say."""

    UNSPECIFIED = 0
    LETTER = 1
    COUNTER = 2
    TELEPHONE = 3
    ONLINE = 4


class OppositionScope(NamedTuple):
    """Whom an opposition concerns; without `partner_id`, every partner of the caisse."""

    caisse_code: str
    partner_id: UUID | None


@dataclass(frozen=True)
class Opposition:
    """An opposition; without `withdraw_time` it stands."""

    opposition_id: UUID
    scope: OppositionScope
    channel: Channel
    record_time: datetime
    withdraw_time: datetime | None


class NoOppositionStands(RecordNotFound):
    """The person has no standing opposition of this scope."""

    message = "No opposition of this scope stands for this person."


def read_scope(caisse_code: str, partner_id: str) -> OppositionScope:
    """The scope in a request; an empty `partner_id` is every partner. Raises InvalidField."""
    return OppositionScope(
        read_caisse_code("scope.caisse_code", caisse_code),
        parse_uuid("scope.partner_id", partner_id) if partner_id else None,
    )


def read_channel(number: int) -> Channel:
    """The channel in a request. Raises InvalidField."""
    try:
        return Channel(number)
    except ValueError:
        raise InvalidField(
            FieldViolation("channel", "CHANNEL", "is one of the channels of the protocol")
        ) from None
