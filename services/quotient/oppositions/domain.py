"""What an opposition is (art. 6-3, annexe 1)."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum
from typing import NamedTuple, TypeVar
from uuid import UUID

from services.kit.case_reference import read_case_reference
from services.kit.errors import FieldViolation, InvalidField, RecordNotFound
from services.kit.identifiers import parse_uuid
from services.kit.nir import Nir
from services.kit.redaction import Confidential
from services.quotient.dossiers.domain import Day
from services.quotient.fields import read_caisse_code, read_day

_Member = TypeVar("_Member", bound=IntEnum)


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


class Requester(IntEnum):
    """Who asked; numbered as in the protos."""

    PERSON = 1
    REPRESENTATIVE = 2


class Declarant(IntEnum):
    """To whom the person objected (art. 6-3, annexe 1); numbered as in the protos."""

    CAISSE = 1
    PARTNER = 2


class ImportOutcome(IntEnum):
    """What became of a record of an existing register; numbered as in the protos."""

    RECORDED = 1
    STANDING = 2
    REFUSED = 3


@dataclass(frozen=True)
class RequestDraft:
    """What was asked for, as it was sent."""

    requester: int
    channel: int
    received_on: Day | None
    reference: str = field(repr=False)


@dataclass(frozen=True)
class ObjectionDraft:
    """An opposition to record, as it was sent."""

    nir: Confidential
    caisse_code: str
    partner_id: str
    declarant: int
    request: RequestDraft


@dataclass(frozen=True)
class Request:
    """What a person, or who represents her, asked for: to record or to withdraw."""

    requester: Requester
    channel: Channel
    received_on: date
    reference: str = field(repr=False)


@dataclass(frozen=True)
class Objection:
    """An opposition to record that keeps every rule."""

    nir: Nir
    scope: OppositionScope
    declarant: Declarant
    request: Request


@dataclass(frozen=True)
class ImportedOpposition:
    """What became of one record: the opposition that stands, or the rule that it breaks."""

    outcome: ImportOutcome
    opposition_id: UUID | None = None
    violation: FieldViolation | None = None


@dataclass(frozen=True)
class Opposition:
    """An opposition; without `withdraw_time` it stands."""

    opposition_id: UUID
    scope: OppositionScope
    declarant: Declarant
    request: Request
    record_time: datetime
    withdraw_time: datetime | None = None
    withdrawal: Request | None = None


class NoOppositionStands(RecordNotFound):
    """The person has no standing opposition of this scope."""

    message = "No opposition of this scope stands for this person."


def read_objection(draft: ObjectionDraft, today: date) -> Objection:
    """The opposition in `draft`. Raises InvalidField with the first rule it breaks, never the value."""
    scope = read_scope(draft.caisse_code, draft.partner_id)
    return Objection(
        Nir.parse(draft.nir.reveal()),
        scope,
        read_declarant(draft.declarant, scope),
        read_request(draft.request, today),
    )


def read_request(draft: RequestDraft, today: date) -> Request:
    """What was asked for, in `draft`. Raises InvalidField with the first rule it breaks, never the value."""
    received_on = read_day("received_on", *draft.received_on) if draft.received_on else None
    return Request(
        read_requester(draft.requester),
        read_channel(draft.channel),
        read_received_on(received_on, today),
        read_case_reference(draft.reference, "reference"),
    )


def require_later(withdrawal: Request, opposition: Opposition) -> None:
    """Raises InvalidField where the withdrawal is older than the opposition: it is of one before."""
    if withdrawal.received_on < opposition.request.received_on:
        raise InvalidField(
            FieldViolation(
                "received_on", "BEFORE_OPPOSITION", "is not before the opposition that stands was expressed"
            )
        )


# A register may be older than what the family said since.
WITHDRAWN_SINCE = FieldViolation(
    "received_on",
    "WITHDRAWN_SINCE",
    "is not before its withdrawal; where the person objected anew, record that by itself",
)


def read_scope(caisse_code: str, partner_id: str) -> OppositionScope:
    """The scope in a request; an empty `partner_id` is every partner. Raises InvalidField."""
    return OppositionScope(
        read_caisse_code("scope.caisse_code", caisse_code),
        parse_uuid("scope.partner_id", partner_id) if partner_id else None,
    )


def read_channel(number: int) -> Channel:
    """The channel in a request. Raises InvalidField."""
    return _read("channel", Channel, number)


def read_requester(number: int) -> Requester:
    """Who asked, in a request; unless it says so, the person. Raises InvalidField."""
    return _read("requester", Requester, number or Requester.PERSON)


def read_declarant(number: int, scope: OppositionScope) -> Declarant:
    """To whom, in a request; unless it says so, the caisse.

    Raises InvalidField where a partner declares one that is not against itself (annexe 1).
    """
    declarant = _read("declarant", Declarant, number or Declarant.CAISSE)
    if declarant is Declarant.PARTNER and scope.partner_id is None:
        raise InvalidField(
            FieldViolation(
                "scope.partner_id", "DECLARED_BY_PARTNER", "is the partner that declares it (annexe 1)"
            )
        )
    return declarant


def read_received_on(day: date | None, today: date) -> date:
    """The day on which it was expressed; `today` unless it is given. Raises InvalidField."""
    if day is not None and day > today:
        raise InvalidField(FieldViolation("received_on", "DATE_IN_FUTURE", "is not after today"))
    return day or today


def _read(field_name: str, members: type[_Member], number: int) -> _Member:
    try:
        return members(number)
    except ValueError:
        raise InvalidField(
            FieldViolation(field_name, field_name.upper(), "is one of the values of the protocol")
        ) from None
