"""How records are shown: one flat row for the table and for JSON, in the words of the protos."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, Protocol, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type import date_pb2

from cli.output import Row
from msa.identity.v1 import account_service_pb2 as identity_pb
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import opposition_service_pb2 as opposition_pb

Item = TypeVar("Item")
_LARGEST_PAGE = 500


def caisse(record: partner_pb.Caisse) -> Row:
    """A regional caisse."""
    return {
        "caisse_code": record.caisse_code,
        "name": record.name,
        "departments": list(record.departments),
    }


def partner(record: partner_pb.Partner) -> Row:
    """A partner."""
    return {
        "partner_id": record.partner_id,
        "caisse_code": record.caisse_code,
        "numero_tiers": record.numero_tiers,
        "denomination": record.denomination,
        "suspend_time": instant(record, "suspend_time"),
        "create_time": instant(record, "create_time"),
    }


def convention(record: convention_pb.Convention) -> Row:
    """A convention."""
    return {
        "convention_id": record.convention_id,
        "partner_id": record.partner_id,
        "caisse_code": record.caisse_code,
        "state": enum_name(convention_pb.ConventionState.Name, record.state, "CONVENTION_STATE_"),
        "signature_date": day(record, "signature_date"),
        "cnil_declaration_date": day(record, "cnil_declaration_date"),
        "term_date": day(record, "term_date"),
        "end_date": day(record, "end_date"),
    }


def habilitation(record: habilitation_pb.Habilitation) -> Row:
    """A habilitation with its user."""
    return {
        "habilitation_id": record.habilitation_id,
        "convention_id": record.convention_id,
        "partner_id": record.partner_id,
        "caisse_code": record.caisse_code,
        "nom": record.user.nom,
        "prenom": record.user.prenom,
        "email": record.user.email,
        "bouquet": enum_name(habilitation_pb.Bouquet.Name, record.bouquet, "BOUQUET_"),
        "create_time": instant(record, "create_time"),
        "withdraw_time": instant(record, "withdraw_time"),
    }


def habilitation_line(record: habilitation_pb.Habilitation) -> Row:
    """A habilitation in a list whose convention is known."""
    full = habilitation(record)
    shown = ("habilitation_id", "nom", "prenom", "email", "bouquet", "create_time", "withdraw_time")
    return {key: full[key] for key in shown}


def account(record: identity_pb.Account) -> Row:
    """An account."""
    return {
        "account_id": record.account_id,
        "login": record.login,
        "password_change_required": record.password_change_required,
        "password_set_time": instant(record, "password_set_time"),
        "second_factor_enrolled": record.second_factor_enrolled,
        "last_sign_in_time": instant(record, "last_sign_in_time"),
        "locked": record.locked,
        "dormancy_date": day(record, "dormancy_date"),
        "disable_time": instant(record, "disable_time"),
    }


def opposition(record: opposition_pb.Opposition) -> Row:
    """An opposition; whose it is stays out."""
    return {
        "opposition_id": record.opposition_id,
        "caisse_code": record.scope.caisse_code,
        "scope": "one partner" if record.scope.partner_id else "every partner",
        "partner_id": record.scope.partner_id,
        "channel": enum_name(opposition_pb.OppositionChannel.Name, record.channel, "OPPOSITION_CHANNEL_"),
        "record_time": instant(record, "record_time"),
        "withdraw_time": instant(record, "withdraw_time"),
    }


def disclosure(record: disclosure_pb.Disclosure) -> Row:
    """A line of the journal."""
    return {
        "disclose_time": instant(record, "disclose_time"),
        "outcome": enum_name(disclosure_pb.DisclosureOutcome.Name, record.outcome, "DISCLOSURE_OUTCOME_"),
        "purpose": enum_name(disclosure_pb.Purpose.Name, record.purpose, "PURPOSE_"),
        "month": f"{record.month.year:04d}-{record.month.month:02d}",
        "partner_id": record.partner_id,
        "account_id": record.account_id,
        "case_reference": record.case_reference,
        "period_starts": [_day(start).isoformat() for start in record.period_starts],
        "consultation_id": record.consultation_id,
        "trace_id": record.trace_id,
    }


def instant(record: Message, field: str) -> datetime | None:
    """The instant in `field`, or None where it is absent."""
    if not record.HasField(field):
        return None
    return utc(getattr(record, field))


def utc(stamp: Timestamp) -> datetime:
    """`stamp` as an instant in UTC."""
    return stamp.ToDatetime(UTC)


def day(record: Message, field: str) -> date | None:
    """The day in `field`, or None where it is absent."""
    return _day(getattr(record, field)) if record.HasField(field) else None


def enum_name(name: Callable[[Any], str], value: int, prefix: str) -> str:
    """The name of an enum's value without its prefix; a number where this release does not know it."""
    try:
        return name(value).removeprefix(prefix)
    except ValueError:
        return str(value)


class Page(Protocol):
    """A page of a list (AIP-158)."""

    next_page_token: str


P = TypeVar("P", bound=Page)


def up_to(
    limit: int, fetch: Callable[[int, str], P], items: Callable[[P], Sequence[Item]]
) -> tuple[list[Item], bool]:
    """The first `limit` items of a paged list, and whether there are more. `fetch` takes page size and token."""
    found: list[Item] = []
    for page in _pages(fetch, limit):
        found.extend(items(page))
        if len(found) >= limit:
            return found[:limit], bool(page.next_page_token) or len(found) > limit
    return found, False


def _pages(fetch: Callable[[int, str], P], limit: int) -> Iterator[P]:
    token = ""
    while True:
        page = fetch(min(limit, _LARGEST_PAGE), token)
        yield page
        token = page.next_page_token
        if not token:
            return


def _day(value: date_pb2.Date) -> date:
    return date(value.year, value.month, value.day)
