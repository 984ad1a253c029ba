"""What a caisse tells a person of herself (art. 6-3, RGPD art. 15), in the form in which it travels.

`docs/guides/person-statement.schema.json` is the schema of these classes; `docs/guides/person-rights.md` explains it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cli import views
from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import opposition_service_pb2 as opposition_pb
from msa.quotient.v1 import person_service_pb2 as person_pb

Names = Mapping[str, str]
"""Dénominations of partners by their ids; a partner that the register does not know is not in it."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SHOWS_COORDONNEES = (
    disclosure_pb.DISCLOSURE_OUTCOME_AVAILABLE,
    disclosure_pb.DISCLOSURE_OUTCOME_NO_QUOTIENT,
)


class _Told(BaseModel):
    """A part of the statement. None of it is in a `repr` (N5)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __repr_args__(self) -> Sequence[tuple[str | None, object]]:
        return ()


class Partner(_Told):
    """A partner of the caisse: who received data, or against whom an opposition stands."""

    partner_id: str
    denomination: Annotated[
        str | None, Field(description="Its name; null where the register of partners does not know it.")
    ]


class Quotient(_Told):
    """A QF: an amount and the days for which it is valid."""

    valid_from: Annotated[date, Field(description="First day.")]
    valid_to: Annotated[date | None, Field(description="Last day; null: until a later one begins.")]
    amount_cents: Annotated[int, Field(description="Euro cents.")]


class KnownQuotient(Quotient):
    """A QF, the time in which the caisse knew it, and the publication that brought it."""

    known_from: datetime
    known_to: Annotated[
        datetime | None,
        Field(description="When another one, or none, took its place; null: it is known now."),
    ]
    publication_id: str | None
    publication_kind: Annotated[
        str | None,
        Field(
            description="REGULAR, or RECTIFICATION at the request of a person; null: it came with no file."
        ),
    ]
    publication_reference: str


class Allocataire(_Told):
    """A family member who holds the dossier."""

    nom_naissance: str
    nom_usage: str
    prenoms: str


class Coordonnees(_Told):
    """How the family is reached."""

    allocataires: list[Allocataire]
    destinataire: str
    complement_information: str
    complement_information_geographique: str
    numero_libelle_voie: str
    lieu_dit: str
    code_postal_ville: str
    pays: str


class Dossier(_Told):
    """A dossier that the person holds or held."""

    numero_dossier: str
    coordonnees: Annotated[
        Coordonnees | None, Field(description="Null once erased, and where somebody else held it since.")
    ]
    held_from: Annotated[datetime, Field(description="Since when the caisse says that the person holds it.")]
    held_to: Annotated[datetime | None, Field(description="Null while she does.")]
    closed_from: Annotated[date | None, Field(description="First day on which it is closed; null: open.")]
    quotients: list[KnownQuotient]


class Withdrawal(_Told):
    """How an opposition came to be withdrawn."""

    withdraw_time: datetime
    requester: str | None
    channel: str | None
    received_on: date | None
    reference: str


class Opposition(_Told):
    """An opposition; it stands while it is not withdrawn."""

    opposition_id: str
    partner: Annotated[Partner | None, Field(description="The only one it concerns; null: every partner.")]
    requester: Annotated[str | None, Field(description="PERSON or REPRESENTATIVE.")]
    declarant: Annotated[str | None, Field(description="To whom it was expressed: CAISSE or PARTNER.")]
    channel: Annotated[str | None, Field(description="LETTER, COUNTER, TELEPHONE, ONLINE; null: not said.")]
    received_on: date | None
    reference: str
    record_time: datetime
    withdrawal: Withdrawal | None


class Erasure(_Told):
    """An erasure that was made at the person's request."""

    erasure_id: str
    erase_time: datetime
    reference: str
    dossier_count: int
    period_count: Annotated[int, Field(description="QFs that are gone, in all their versions.")]


class Consultation(_Told):
    """A consultation by a partner: when, why, and what it was shown."""

    consultation_id: str
    disclose_time: datetime
    partner: Partner
    purpose: str | None
    purpose_text: Annotated[str, Field(description="The purpose in words, where it is OTHER.")]
    case_reference: Annotated[str, Field(description="The partner's own reference, or empty.")]
    month: Annotated[str, Field(description="The month asked for, YYYY-MM.", pattern=r"^\d{4}-\d{2}$")]
    outcome: Annotated[str | None, Field(description="AVAILABLE where QFs were shown.")]
    coordonnees_shown: bool
    quotients_shown: Annotated[
        list[Quotient], Field(description="What was shown, as it was known then; empty once erased.")
    ]
    quotient_starts: Annotated[list[date], Field(description="First days of the QFs that were shown.")]


class PersonRecord(_Told):
    """What a caisse keeps of a person beside the journal."""

    dossiers: Annotated[list[Dossier], Field(description="The one that the person holds first.")]
    oppositions: Annotated[list[Opposition], Field(description="Newest first.")]
    erasures: Annotated[list[Erasure], Field(description="Newest first.")]


class Statement(PersonRecord):
    """All that a caisse keeps of a person for the service of consultation, and who consulted it."""

    kind: Literal["msa.quotient.person-statement.v1"] = "msa.quotient.person-statement.v1"
    caisse_code: str
    caisse_name: str
    written_time: datetime
    journal_retention_months: Annotated[int, Field(description="How long lines of the journal are kept.")]
    consultations: Annotated[
        list[Consultation], Field(description="Newest first; those that showed nothing too.")
    ]


def schema() -> str:
    """The JSON Schema of a statement."""
    described = Statement.model_json_schema(mode="serialization")
    return json.dumps({"$schema": _DIALECT, **described}, ensure_ascii=False, indent=2)


def partner_ids(
    record: person_pb.GetPersonRecordResponse, disclosures: Sequence[disclosure_pb.Disclosure] = ()
) -> set[str]:
    """The partners that a record and lines of the journal name."""
    scopes = {opposition.scope.partner_id for opposition in record.oppositions}
    return {*scopes, *(line.partner_id for line in disclosures)} - {""}


def person_record(record: person_pb.GetPersonRecordResponse, names: Names) -> PersonRecord:
    """The record of a person as it is told."""
    return PersonRecord(
        dossiers=[_dossier(dossier) for dossier in record.dossiers],
        oppositions=[_opposition(opposition, names) for opposition in record.oppositions],
        erasures=[
            Erasure.model_validate(
                views.fields(
                    erasure, "erasure_id", "erase_time", "reference", "dossier_count", "period_count"
                )
            )
            for erasure in record.erasures
        ],
    )


def consultation(line: disclosure_pb.Disclosure, names: Names) -> Consultation:
    """A line of the journal as it is told to the person herself: whose partner, and not which agent of it."""
    told = views.fields(
        line, *("consultation_id", "disclose_time", "purpose", "purpose_text", "case_reference", "outcome")
    )
    return Consultation.model_validate(
        {
            **told,
            "partner": _partner(line.partner_id, names),
            "month": f"{line.month.year:04d}-{line.month.month:02d}",
            "coordonnees_shown": line.outcome in _SHOWS_COORDONNEES,
            "quotients_shown": [Quotient.model_validate(views.fields(each)) for each in line.shown_periods],
            "quotient_starts": views.fields(line, "period_starts")["period_starts"],
        }
    )


def _dossier(dossier: person_pb.HeldDossier) -> Dossier:
    told = views.fields(dossier, "numero_dossier", "held_from", "held_to", "closed_from")
    return Dossier.model_validate(
        {
            **told,
            "coordonnees": _coordonnees(dossier.coordonnees) if dossier.HasField("coordonnees") else None,
            "quotients": [_known_quotient(known) for known in dossier.periods],
        }
    )


def _coordonnees(message: dossier_pb.Coordonnees) -> Coordonnees:
    allocataires = [Allocataire.model_validate(views.fields(each)) for each in message.allocataires]
    return Coordonnees.model_validate({**views.fields(message), "allocataires": allocataires})


def _known_quotient(known: person_pb.KnownPeriod) -> KnownQuotient:
    told = {**views.fields(known.period), **views.fields(known)}
    return KnownQuotient.model_validate({**told, "publication_id": known.publication_id or None})


def _opposition(opposition: opposition_pb.Opposition, names: Names) -> Opposition:
    partner_id = opposition.scope.partner_id
    told = views.fields(
        opposition,
        *("opposition_id", "requester", "declarant", "channel", "received_on", "reference", "record_time"),
    )
    return Opposition.model_validate(
        {
            **told,
            "partner": _partner(partner_id, names) if partner_id else None,
            "withdrawal": _withdrawal(opposition) if opposition.HasField("withdraw_time") else None,
        }
    )


def _withdrawal(opposition: opposition_pb.Opposition) -> Withdrawal:
    told = views.fields(opposition.withdrawal, "requester", "channel", "received_on", "reference")
    return Withdrawal.model_validate({**told, **views.fields(opposition, "withdraw_time")})


def _partner(partner_id: str, names: Names) -> Partner:
    return Partner(partner_id=partner_id, denomination=names.get(partner_id))
