"""What a dossier is, what a publication may say, and what it changes (art. 3)."""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from services.kit.errors import FieldViolation, InvalidField
from services.kit.nir import Nir
from services.kit.redaction import Confidential
from services.quotient.fields import read_caisse_code, read_day

_NUMERO_DOSSIER = re.compile(r"[0-9A-Za-z]{1,20}")
_TEXT_LIMIT = 200
_ALLOCATAIRES_LIMIT = 10
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
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()

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
    """A period as it was sent."""

    valid_from: Day | None
    valid_to: Day | None
    amount_cents: int


@dataclass(frozen=True, repr=False)
class RecordDraft:
    """A record as it was sent."""

    caisse_code: str
    numero_dossier: str
    nir: Confidential
    coordonnees: Coordonnees | None
    period: PeriodDraft | None


class DossierKey(NamedTuple):
    """How a caisse names a dossier."""

    caisse_code: str
    numero_dossier: str


@dataclass(frozen=True, repr=False)
class DossierRecord:
    """A record that keeps every rule: a person's dossier and, where the caisse knows one, a QF."""

    key: DossierKey
    nir: Nir
    coordonnees: Coordonnees
    period: QuotientPeriod | None


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
    nir = Nir.parse(draft.nir.reveal())
    if draft.coordonnees is None:
        raise _broken("coordonnees", "REQUIRED", "says how to reach the family; it replaces what was known")
    _check_coordonnees(draft.coordonnees)
    period = _parse_period(draft.period) if draft.period else None
    return DossierRecord(DossierKey(caisse_code, draft.numero_dossier), nir, draft.coordonnees, period)


def _parse_period(draft: PeriodDraft) -> QuotientPeriod:
    if draft.valid_from is None:
        raise _broken("quotient_period.valid_from", "REQUIRED", "is the first day on which the QF is valid")
    valid_from = read_day("quotient_period.valid_from", *draft.valid_from)
    valid_to = read_day("quotient_period.valid_to", *draft.valid_to) if draft.valid_to else None
    if valid_to is not None and valid_to < valid_from:
        raise _broken("quotient_period.valid_to", "PERIOD_ORDER", "is not before valid_from")
    if not 0 <= draft.amount_cents <= _AMOUNT_LIMIT_CENTS:
        raise _broken("quotient_period.amount_cents", "AMOUNT_RANGE", f"is 0 to {_AMOUNT_LIMIT_CENTS} cents")
    return QuotientPeriod(valid_from, valid_to, draft.amount_cents)


def _check_coordonnees(coordonnees: Coordonnees) -> None:
    if len(coordonnees.allocataires) > _ALLOCATAIRES_LIMIT:
        raise _broken("coordonnees.allocataires", "ALLOCATAIRES_COUNT", f"has at most {_ALLOCATAIRES_LIMIT}")
    for name in _ADDRESS_FIELDS:
        _check_text(f"coordonnees.{name}", getattr(coordonnees, name))
    for number, allocataire in enumerate(coordonnees.allocataires):
        for name in _ALLOCATAIRE_FIELDS:
            _check_text(f"coordonnees.allocataires[{number}].{name}", getattr(allocataire, name))


def _check_text(field: str, text: str) -> None:
    if len(text) > _TEXT_LIMIT:
        raise _broken(field, "TEXT_LENGTH", f"has at most {_TEXT_LIMIT} characters")
    # Most names are printable as they are; only the others are looked at one by one.
    if not text.isprintable() and any(unicodedata.category(character) in _CONTROLS for character in text):
        raise _broken(field, "CONTROL_CHARACTERS", "is one line of text, without control characters")


def _broken(field: str, rule: str, description: str) -> InvalidField:
    return InvalidField(FieldViolation(field, rule, description))


# Control and format characters, line and paragraph separators, halves of pairs.
_CONTROLS = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
_ALLOCATAIRE_FIELDS = tuple(field.name for field in fields(Allocataire))
_ADDRESS_FIELDS = tuple(field.name for field in fields(Coordonnees) if field.name != "allocataires")


@dataclass(frozen=True)
class KnownDossier:
    """What tells whether a dossier's coordonnées are new: its id and the digest of what it says."""

    dossier_id: UUID
    coordonnees_digest: bytes


@dataclass(frozen=True, repr=False)
class NewlySaid(KnownDossier):
    """A dossier that now says something else: its coordonnées in clear, to be enciphered."""

    coordonnees: bytes


class Holder(NamedTuple):
    """A person, as the tables know them, and the caisse that holds their dossier."""

    person_index: bytes
    caisse_code: str


class PeriodKey(NamedTuple):
    """A period of a dossier; publishing another amount for it corrects it."""

    dossier_id: UUID
    valid_from: date


@dataclass(frozen=True)
class Known:
    """What the tables say about the dossiers, the people and the periods of a chunk."""

    dossiers: Mapping[DossierKey, KnownDossier]
    holders: Mapping[Holder, UUID]
    periods: Mapping[PeriodKey, QuotientPeriod]


class Publication:
    """Applies the records of a chunk, in order, to what is known, and gathers what has to be written."""

    def __init__(
        self, known: Known, new_id: Callable[[], UUID], digest: Callable[[UUID, bytes], bytes]
    ) -> None:
        """`digest` is a keyed digest of a dossier's coordonnées."""
        self._known = known
        self._new_id = new_id
        self._digest = digest
        self.dossiers: dict[DossierKey, NewlySaid] = {}
        self.holders: dict[Holder, UUID] = {}
        self.periods: dict[PeriodKey, QuotientPeriod] = {}

    def apply(self, record: DossierRecord, person_index: bytes) -> PublicationOutcome:
        """What `record` does: CREATED, UPDATED or UNCHANGED.

        The newest publication wins: a person who is published in another dossier of the caisse moves there,
        and an amount published again for the same first day corrects the earlier one.
        """
        before = self.dossiers.get(record.key) or self._known.dossiers.get(record.key)
        dossier_id = before.dossier_id if before else self._new_id()
        changes = [
            self._say(record, dossier_id, before),
            self._hold(Holder(person_index, record.key.caisse_code), dossier_id),
            self._value(dossier_id, record.period),
        ]
        if before is None:
            return PublicationOutcome.CREATED
        return PublicationOutcome.UPDATED if any(changes) else PublicationOutcome.UNCHANGED

    def _say(self, record: DossierRecord, dossier_id: UUID, before: KnownDossier | None) -> bool:
        clear = record.coordonnees.encode()
        digest = self._digest(dossier_id, clear)
        if before is not None and before.coordonnees_digest == digest:
            return False
        self.dossiers[record.key] = NewlySaid(dossier_id, digest, clear)
        return True

    def _hold(self, holder: Holder, dossier_id: UUID) -> bool:
        if (self.holders.get(holder) or self._known.holders.get(holder)) == dossier_id:
            return False
        self.holders[holder] = dossier_id
        return True

    def _value(self, dossier_id: UUID, period: QuotientPeriod | None) -> bool:
        if period is None:
            return False
        key = PeriodKey(dossier_id, period.valid_from)
        if (self.periods.get(key) or self._known.periods.get(key)) == period:
            return False
        self.periods[key] = period
        return True


def outcome_counts(results: Sequence[PublishedRecord]) -> dict[str, int]:
    """How many records met each outcome, by its name in small letters."""
    return {
        outcome.name.lower(): sum(result.outcome is outcome for result in results)
        for outcome in PublicationOutcome
    }
