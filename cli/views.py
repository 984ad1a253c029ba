"""How records are shown: one flat row for the table and for JSON, in the words of the protos."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type import date_pb2

from cli.output import Row, Value
from msa.identity.v1 import account_service_pb2 as identity_pb
from msa.partners.v1 import access_request_service_pb2 as request_pb
from msa.partners.v1 import caisse_agent_service_pb2 as agent_pb
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import opposition_service_pb2 as opposition_pb

# Descriptors: the stubs give two names to one class.
Field = Any


def caisse(record: partner_pb.Caisse) -> Row:
    """A regional caisse."""
    return fields(record, "caisse_code", "name", "departments")


def agent(record: agent_pb.CaisseAgent) -> Row:
    """An agent of a caisse."""
    return fields(record)


def partner(record: partner_pb.Partner) -> Row:
    """A partner."""
    return {
        **fields(record, "partner_id", "caisse_code", "numero_tiers", "denomination"),
        **fields(record.profile, "structure_kind", "departments", "siret"),
        **fields(record.profile, "representative", "representative_function", "email"),
        **fields(record.seat),
        **_suspension(record.suspension),
        **fields(record, "suspend_time", "create_time", "etag"),
    }


def convention(record: convention_pb.Convention) -> Row:
    """A convention."""
    return fields(
        record,
        *("convention_id", "partner_id", "caisse_code", "state", "signature_date", "cnil_declaration_date"),
        *("term_date", "last_denunciation_date", "end_date", "attestation_due", "secrecy_end_date", "etag"),
    )


def habilitation(record: habilitation_pb.Habilitation) -> Row:
    """A habilitation with its user."""
    return {
        **fields(record, "habilitation_id", "convention_id", "partner_id", "caisse_code"),
        **fields(record.user),
        **fields(record, "bouquet", "state", "lapse_date"),
        **_suspension(record.suspension),
        **fields(record.suspension, "suspend_time"),
        **fields(record, "create_time", "withdraw_time", "withdrawal_reason"),
    }


def access_request(record: request_pb.AccessRequest) -> Row:
    """A form that was received (annexe 2)."""
    return {
        **fields(record, "access_request_id", "convention_id", "partner_id", "caisse_code", "kind", "state"),
        **fields(record, "missing", "habilitation_id", "bouquet"),
        **fields(record.form, "partner_denomination", "partner_representative"),
        **fields(record.form, "partner_representative_function"),
        **fields(record.form.user),
        **fields(record.form, "signatory_name", "signature_place", "signature_date", "signed"),
        **fields(record.form, "scan_sha256", "scan_reference"),
        **fields(record, "receive_time", "decide_time", "refusal_reason", "granted_habilitation_id", "etag"),
    }


def account(record: identity_pb.Account) -> Row:
    """An account."""
    return fields(
        record,
        *("account_id", "login", "password_change_required", "password_set_time", "second_factor_enrolled"),
        *("last_sign_in_time", "locked", "dormancy_date", "disable_time"),
    )


def opposition(record: opposition_pb.Opposition) -> Row:
    """An opposition and its withdrawal, if there was one; whose it is stays out."""
    return {
        **fields(record, "opposition_id"),
        **fields(record.scope, "caisse_code"),
        "scope": "one partner" if record.scope.partner_id else "every partner",
        **fields(record.scope, "partner_id"),
        **fields(record, "requester", "declarant", "channel", "received_on", "reference"),
        **fields(record, "record_time", "withdraw_time"),
        **{
            f"withdrawal_{name}": value
            for name, value in fields(
                record.withdrawal, "requester", "channel", "received_on", "reference"
            ).items()
        },
    }


def disclosure(record: disclosure_pb.Disclosure) -> Row:
    """A line of the journal; what was shown is in the lines of one person only (RGPD art. 15)."""
    return {
        **fields(record, "disclose_time", "outcome", "purpose", "purpose_text"),
        "month": f"{record.month.year:04d}-{record.month.month:02d}",
        **fields(record, "partner_id", "account_id", "case_reference"),
        "period_starts": [_day(start).isoformat() for start in record.period_starts],
        "shown_periods": [quotient_period(period) for period in record.shown_periods],
        **fields(record, "consultation_id", "trace_id"),
    }


def quotient_period(record: dossier_pb.QuotientPeriod) -> str:
    """A QF in one text, with an ISO 8601 interval: `2026-01-01/2026-06-30: 612.34 EUR`, `2026-07-01/..: 590.00 EUR`."""
    first, last = day(record, "valid_from"), day(record, "valid_to")
    return f"{first}/{last or '..'}: {record.amount_cents // 100}.{record.amount_cents % 100:02} EUR"


def fields(record: Message, *names: str) -> dict[str, Value]:
    """These fields of `record`, or all that are no messages of ours; what is absent or unspecified is None."""
    known = record.DESCRIPTOR.fields_by_name
    chosen = [known[name] for name in names] or [
        field for field in record.DESCRIPTOR.fields if _is_flat(field)
    ]
    return {field.name: _value(record, field) for field in chosen}


def instant(record: Message, field: str) -> datetime | None:
    """The instant in `field`, or None where it is absent."""
    return utc(getattr(record, field)) if record.HasField(field) else None


def utc(stamp: Timestamp) -> datetime:
    """`stamp` as an instant in UTC."""
    return stamp.ToDatetime(UTC)


def day(record: Message, field: str) -> date | None:
    """The day in `field`, or None where it is absent."""
    return _day(getattr(record, field)) if record.HasField(field) else None


def _suspension(record: habilitation_pb.Suspension) -> Row:
    """What suspends a partner or a user (art. 7-2); empty where nothing does."""
    shown = fields(record, "kind", "until_date")
    return {
        "suspension_kind": shown["kind"],
        **fields(record, "suspension_reason"),
        "suspension_until_date": shown["until_date"],
    }


def _is_flat(field: Field) -> bool:
    return field.message_type is None or field.message_type.full_name in _READERS


def _value(record: Message, field: Field) -> Value:
    value = getattr(record, field.name)
    if field.is_repeated:
        return [_single(field, item) for item in value]
    if field.message_type is not None and not record.HasField(field.name):
        return None
    single: Value = _single(field, value)
    return single


def _single(field: Field, value: Any) -> Any:
    if field.message_type is not None:
        return _READERS[field.message_type.full_name](value)
    if field.enum_type is not None:
        return _enum_name(field.enum_type, value) if value else None
    return value


def _enum_name(enum: Any, number: int) -> str:
    """The name of an enum's value without its prefix; a number where this release does not know it."""
    value = enum.values_by_number.get(number)
    return str(number if value is None else value.name.removeprefix(_prefix(enum.name)))


@cache
def _prefix(enum: str) -> str:
    """`ConventionState` → `CONVENTION_STATE_`, as buf wants it."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", enum).upper() + "_"


def _day(value: date_pb2.Date) -> date:
    return date(value.year, value.month, value.day)


# How a message that is one value is shown.
_READERS: Mapping[str, Callable[[Any], Value]] = {
    Timestamp.DESCRIPTOR.full_name: utc,
    date_pb2.Date.DESCRIPTOR.full_name: _day,
}
