"""What a dossier is, and what a record of one may say (art. 3)."""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import IntEnum
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from pydantic_core import to_json

from services.kit.errors import FieldViolation, InvalidField
from services.kit.nir import Nir
from services.kit.redaction import Confidential
from services.quotient.fields import read_caisse_code, read_day

_NUMERO_DOSSIER = re.compile(r"[0-9A-Za-z]{1,20}")
_TEXT_LIMIT = 200
_ALLOCATAIRES_LIMIT = 10
# Beside the first one: a QF of one year by months, ten times over.
_FURTHER_PERIODS_LIMIT = 120
# A QF of 100,000 euros is a slip of the decimal point.
_AMOUNT_LIMIT_CENTS = 10_000_000


class PublicationOutcome(IntEnum):
    """What became of a record; numbered as in the protos."""

    CREATED = 1
    UPDATED = 2
    UNCHANGED = 3
    REFUSED = 4


@dataclass(frozen=True, repr=False)
class Allocataire:
    """A family member who holds the dossier."""

    nom_naissance: str
    nom_usage: str
    prenoms: str


@dataclass(frozen=True, repr=False)
class Coordonnees:
    """Coordonnées du dossier (art. 3): the only personal data that is kept besides amounts."""

    allocataires: tuple[Allocataire, ...]
    destinataire: str
    complement_information: str
    complement_information_geographique: str
    numero_libelle_voie: str
    lieu_dit: str
    code_postal_ville: str
    pays: str

    def encode(self) -> bytes:
        """One text for one content."""
        content = {**vars(self), "allocataires": [vars(allocataire) for allocataire in self.allocataires]}
        return to_json(content)

    @classmethod
    def decode(cls, text: bytes) -> "Coordonnees":
        """What `encode` wrote."""
        content = json.loads(text)
        return cls(**{**content, "allocataires": tuple(Allocataire(**a) for a in content["allocataires"])})


@dataclass(frozen=True, repr=False)
class QuotientPeriod:
    """An amount in euro cents, its first and last day; without a last day it holds until a later one begins."""

    valid_from: date
    valid_to: date | None
    amount_cents: int


class Day(NamedTuple):
    """A day as it was sent; there may be none such."""

    year: int
    month: int
    day: int


@dataclass(frozen=True, repr=False)
class PeriodDraft:
    """A period as it was sent, in the field of this name."""

    field: str
    valid_from: Day | None
    valid_to: Day | None
    amount_cents: int


@dataclass(frozen=True, repr=False)
class RecordDraft:
    """A record as it was sent."""

    caisse_code: str
    numero_dossier: str
    nirs: Sequence[Confidential]
    holders_complete: bool
    coordonnees: Coordonnees | None
    periods: Sequence[PeriodDraft]
    periods_complete: bool
    closed_from: Day | None


class DossierKey(NamedTuple):
    """How a caisse names a dossier."""

    caisse_code: str
    numero_dossier: str


@dataclass(frozen=True, repr=False)
class DossierRecord:
    """A record that keeps every rule: a dossier, those who hold it and its QFs.

    Where `holders_complete` nobody else holds it; where `periods_complete` no other QF is known of it.
    """

    key: DossierKey
    nirs: Sequence[Nir]
    holders_complete: bool
    coordonnees: Coordonnees
    periods: Sequence[QuotientPeriod]
    periods_complete: bool
    closed_from: date | None


@dataclass(frozen=True)
class PublishedRecord:
    """What became of one record; `violation` says why it was refused."""

    outcome: PublicationOutcome
    violation: FieldViolation | None = None


def parse_record(draft: RecordDraft) -> DossierRecord:
    """The record in `draft`. Raises InvalidField with the first rule it breaks, never the value."""
    caisse_code = read_caisse_code("caisse_code", draft.caisse_code)
    if not _NUMERO_DOSSIER.fullmatch(draft.numero_dossier):
        raise _broken("numero_dossier", "NUMERO_DOSSIER", "has 1 to 20 letters and digits")
    nirs = _parse_nirs(draft.nirs)
    if draft.coordonnees is None:
        raise _broken("coordonnees", "REQUIRED", "says how to reach the family; it replaces what was known")
    _check_coordonnees(draft.coordonnees)
    return DossierRecord(
        DossierKey(caisse_code, draft.numero_dossier),
        nirs,
        draft.holders_complete,
        draft.coordonnees,
        _parse_periods(draft.periods),
        draft.periods_complete,
        read_day("closed_from", *draft.closed_from) if draft.closed_from else None,
    )


def _parse_nirs(drafts: Sequence[Confidential]) -> Sequence[Nir]:
    if len(drafts) > _ALLOCATAIRES_LIMIT:
        raise _broken("other_nirs", "ALLOCATAIRES_COUNT", f"are at most {_ALLOCATAIRES_LIMIT - 1}")
    first, *others = drafts
    nirs = [Nir.parse(first.reveal())]
    nirs += [Nir.parse(other.reveal(), f"other_nirs[{n}]") for n, other in enumerate(others)]
    if len({nir.reveal() for nir in nirs}) < len(nirs):
        raise _broken("other_nirs", "NIR_TWICE", "names each allocataire of the dossier once")
    return nirs


def _parse_periods(drafts: Sequence[PeriodDraft]) -> Sequence[QuotientPeriod]:
    if len(drafts) > 1 + _FURTHER_PERIODS_LIMIT:
        raise _broken("further_quotient_periods", "PERIODS_COUNT", f"are at most {_FURTHER_PERIODS_LIMIT}")
    periods = [_parse_period(draft) for draft in drafts]
    if len(periods) > 1:
        _check_order([(period, draft.field) for period, draft in zip(periods, drafts, strict=True)])
    return periods


def _check_order(periods: Sequence[tuple[QuotientPeriod, str]]) -> None:
    in_order = sorted(periods, key=lambda period: period[0].valid_from)
    for (period, _), (later, field) in pairwise(in_order):
        if period.valid_from == later.valid_from or (period.valid_to and period.valid_to >= later.valid_from):
            raise _broken(field, "PERIODS_OVERLAP", "begins after the period before it has ended")


def _parse_period(draft: PeriodDraft) -> QuotientPeriod:
    if draft.valid_from is None:
        raise _broken(f"{draft.field}.valid_from", "REQUIRED", "is the first day on which the QF is valid")
    valid_from = read_day(f"{draft.field}.valid_from", *draft.valid_from)
    valid_to = read_day(f"{draft.field}.valid_to", *draft.valid_to) if draft.valid_to else None
    if valid_to is not None and valid_to < valid_from:
        raise _broken(f"{draft.field}.valid_to", "PERIOD_ORDER", "is not before valid_from")
    if not 0 <= draft.amount_cents <= _AMOUNT_LIMIT_CENTS:
        raise _broken(f"{draft.field}.amount_cents", "AMOUNT_RANGE", f"is 0 to {_AMOUNT_LIMIT_CENTS} cents")
    return QuotientPeriod(valid_from, valid_to, draft.amount_cents)


def _check_coordonnees(coordonnees: Coordonnees) -> None:
    if len(coordonnees.allocataires) > _ALLOCATAIRES_LIMIT:
        raise _broken("coordonnees.allocataires", "ALLOCATAIRES_COUNT", f"has at most {_ALLOCATAIRES_LIMIT}")
    texts = _address(coordonnees)
    for allocataire in coordonnees.allocataires:
        texts += _names(allocataire)
    # Most texts are short and printable as they are; only where one is not are they looked at one by one.
    if max(map(len, texts)) > _TEXT_LIMIT or not "".join(texts).isprintable():
        _check_each_text(coordonnees)


def _check_each_text(coordonnees: Coordonnees) -> None:
    for name, text in zip(_ADDRESS_FIELDS, _address(coordonnees), strict=True):
        _check_text(f"coordonnees.{name}", text)
    for number, allocataire in enumerate(coordonnees.allocataires):
        for name, text in zip(_ALLOCATAIRE_FIELDS, _names(allocataire), strict=True):
            _check_text(f"coordonnees.allocataires[{number}].{name}", text)


def _check_text(field: str, text: str) -> None:
    if len(text) > _TEXT_LIMIT:
        raise _broken(field, "TEXT_LENGTH", f"has at most {_TEXT_LIMIT} characters")
    if not text.isprintable() and any(unicodedata.category(character) in _CONTROLS for character in text):
        raise _broken(field, "CONTROL_CHARACTERS", "is one line of text, without control characters")


def _broken(field: str, rule: str, description: str) -> InvalidField:
    return InvalidField(FieldViolation(field, rule, description))


# Control and format characters, line and paragraph separators, halves of pairs.
_CONTROLS = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
_ALLOCATAIRE_FIELDS = tuple(field.name for field in fields(Allocataire))
_ADDRESS_FIELDS = tuple(field.name for field in fields(Coordonnees) if field.name != "allocataires")
_names = attrgetter(*_ALLOCATAIRE_FIELDS)
_address = attrgetter(*_ADDRESS_FIELDS)
