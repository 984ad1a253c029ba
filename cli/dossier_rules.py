"""What is kept of a dossier in a caisse's file, and the rules that its fields keep, whatever the file's format.

The fields are those in which French public systems exchange them (API Particulier v3, "quotient familial CAF & MSA"),
with some of our own for what that does not tell. What the service does not show (children, sexes, dates of birth) is
looked at, dropped here and never sent. A dossier that cannot be used is told by field and rule, never by its values
(N5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

from cli.refusals import LineRefused, Refusal
from services.kit.errors import InvalidField
from services.kit.nir import Nir

# The largest amount that fits the 32-bit cents of the protos.
MAX_AMOUNT_CENTS = 2**31 - 1
PERIODS_OVERLAP = (
    "has days that another QF of the dossier has too; each must begin after the one before has ended"
)

_QUOTIENT = "quotient_familial"
_OTHERS = "autres_quotients_familiaux"
ROOT_KEYS = frozenset(
    {
        "caisse",
        "numero_dossier",
        "nir",
        _QUOTIENT,
        _OTHERS,
        "quotients_complets",
        "allocataires",
        "allocataires_complets",
        "enfants",
        "adresse",
        "valid_from",
        "valid_to",
        "radie_le",
    }
)
_KEY_SHAPE = re.compile(r"[A-Za-z_]{1,40}[0-9]{0,2}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
# Control characters, NUL among them, and halves of surrogate pairs, which UTF-8 cannot carry.
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Allocataire:
    """A family member who holds the dossier."""

    nom_naissance: str = field(repr=False)
    nom_usage: str = field(repr=False)
    prenoms: str = field(repr=False)


@dataclass(frozen=True)
class Adresse:
    """How to reach the family."""

    destinataire: str = field(default="", repr=False)
    complement_information: str = field(default="", repr=False)
    complement_information_geographique: str = field(default="", repr=False)
    numero_libelle_voie: str = field(default="", repr=False)
    lieu_dit: str = field(default="", repr=False)
    code_postal_ville: str = field(default="", repr=False)
    pays: str = field(default="", repr=False)


@dataclass(frozen=True)
class Quotient:
    """A QF and the days on which it is valid; without a last day it holds until a later one begins."""

    valid_from: date
    valid_to: date | None
    amount_cents: int = field(repr=False)


@dataclass(frozen=True)
class Dossier:
    """What of a line is kept."""

    caisse: str
    numero_dossier: str = field(repr=False)
    nir: Nir
    other_nirs: Sequence[Nir]
    holders_complete: bool
    allocataires: Sequence[Allocataire]
    adresse: Adresse
    quotient: Quotient | None
    other_quotients: Sequence[Quotient]
    quotients_complete: bool
    closed_from: date | None


@dataclass(frozen=True)
class Entry:
    """A line of a file, or a row: a dossier, or why it is none; neither, where nothing is on it."""

    number: int
    size_bytes: int
    content: Dossier | Refusal | None = field(repr=False)


def parse_dossier(root: Object) -> Dossier:
    """The dossier that a line tells of, field by field. Raises LineRefused, and nothing else, on whatever it holds."""
    unknown = next((key for key in root if key not in ROOT_KEYS), None)
    if unknown is not None:
        raise LineRefused(
            shown_key(unknown),
            "UNKNOWN_FIELD",
            f"is not a field of a dossier; there are {', '.join(sorted(ROOT_KEYS))}",
        )
    _check_children(root)
    return Dossier(
        caisse=_required_text(root, "caisse"),
        numero_dossier=_required_text(root, "numero_dossier"),
        nir=(nir := _nir("nir", _required_text(root, "nir"))),
        other_nirs=_other_nirs(root, nir),
        holders_complete=_boolean(root, "allocataires_complets"),
        quotient=(quotient := _quotient(root)),
        other_quotients=_other_quotients(root, quotient),
        quotients_complete=_boolean(root, "quotients_complets"),
        allocataires=tuple(_allocataires(root)),
        adresse=_adresse(root),
        closed_from=_day(root, "radie_le", ""),
    )


def shown_key(key: str) -> str:
    """A key as it may be told: one that could be a value by mistake is not repeated."""
    return key if _KEY_SHAPE.fullmatch(key) else "(a field whose name is not shown)"


def _nir(field_name: str, text: str) -> Nir:
    try:
        return Nir.parse(text)
    except InvalidField as error:
        violation = error.violations[0]
        raise LineRefused(field_name, violation.rule, violation.description) from None


def _other_nirs(root: Object, nir: Nir) -> Sequence[Nir]:
    """Those that stand with the allocataires, but for the one at the top."""
    others: list[Nir] = []
    for place, person in enumerate(_objects(root, "allocataires")):
        name = f"allocataires[{place}].nir"
        text = _text(person, "nir", f"allocataires[{place}]")
        if not text or (other := _nir(name, text)) == nir:
            continue
        if other in others:
            raise LineRefused(name, "NIR_TWICE", "is that of another allocataire of the dossier")
        others.append(other)
    return others


def _quotient(root: Object) -> Quotient | None:
    quotient = _object(root, _QUOTIENT)
    return _quotient_of(quotient, _QUOTIENT, root)


def _other_quotients(root: Object, first: Quotient | None) -> Sequence[Quotient]:
    others: list[Quotient] = []
    for place, members in enumerate(_objects(root, _OTHERS)):
        path = f"{_OTHERS}[{place}]"
        other = _quotient_of(members, path, {})
        if other is None:
            raise LineRefused(f"{path}.valeur", "REQUIRED", "must be given")
        others.append(other)
    if others:
        named = [(other, f"{_OTHERS}[{place}]") for place, other in enumerate(others)]
        _check_order(named if first is None else [(first, _QUOTIENT), *named])
    return others


def _check_order(quotients: Sequence[tuple[Quotient, str]]) -> None:
    in_order = sorted(quotients, key=lambda quotient: quotient[0].valid_from)
    for (quotient, _), (later, path) in pairwise(in_order):
        if quotient.valid_from == later.valid_from or overlap(quotient, later):
            raise LineRefused(path, "PERIODS_OVERLAP", PERIODS_OVERLAP)


def overlap(one: Quotient, other: Quotient) -> bool:
    """Whether one has begun and not ended when the other begins. A later one ends one without a last day."""
    first, second = sorted((one, other), key=lambda quotient: quotient.valid_from)
    return first.valid_from < second.valid_from and (
        first.valid_to is not None and first.valid_to >= second.valid_from
    )


def _quotient_of(quotient: Object, path: str, beside: Object) -> Quotient | None:
    """The QF in `quotient`, whose days may stand beside it; None where the caisse knows none."""
    _check_fournisseur(quotient, path)
    starts_and_ends = _validity(beside, quotient, path)
    for name in ("annee_calcul", "mois_calcul"):
        _integer(quotient, name, path)
    amount_cents = _amount_cents(quotient, f"{path}.valeur")
    if amount_cents is None:
        return None
    if starts_and_ends is None:
        raise LineRefused(f"{path}.annee", "PERIOD_MISSING", "an amount needs annee and mois, or valid_from")
    return Quotient(*starts_and_ends, amount_cents)


def _check_fournisseur(quotient: Object, path: str) -> None:
    fournisseur = _text(quotient, "fournisseur", path)
    if fournisseur and fournisseur.upper() != "MSA":
        raise LineRefused(f"{path}.fournisseur", "FOURNISSEUR", "is not MSA: this is another regime's file")


def _amount_cents(quotient: Object, name: str) -> int | None:
    """`valeur` in cents, exactly as it was sent."""
    euros = _euros(quotient.get("valeur"), name)
    if not euros:
        return None if euros is None else 0
    # Looked at before any arithmetic: 1e999999 would be computed for a long time.
    if euros < 0:
        raise LineRefused(name, "VALEUR_RANGE", "must not be negative")
    if euros.adjusted() > 9:
        raise LineRefused(name, "VALEUR_RANGE", "is larger than any QF")
    if _decimals(euros) > 2:
        raise LineRefused(name, "VALEUR_DECIMALS", "must have at most 2 decimals")
    cents = int(euros.scaleb(2))
    if cents > MAX_AMOUNT_CENTS:
        raise LineRefused(name, "VALEUR_RANGE", "is larger than any QF")
    return cents


def _euros(value: object, name: str) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        euros = Decimal(value)
        if euros.is_finite():
            return euros
    raise LineRefused(name, "VALEUR_NUMBER", "must be a number of euros with a decimal point, or null")


def _decimals(euros: Decimal) -> int:
    _, digits, exponent = euros.as_tuple()
    trailing_zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return -(int(exponent) + trailing_zeros)


def _validity(beside: Object, quotient: Object, path: str) -> tuple[date, date | None] | None:
    """First and last day, from annee and mois or from valid_from and valid_to; None where neither is given."""
    annee, mois = _integer(quotient, "annee", path), _integer(quotient, "mois", path)
    valid_from, valid_to = (
        _validity_day(beside, quotient, name, path) for name in ("valid_from", "valid_to")
    )
    # Days of the first QF are told as they mostly stand: beside it.
    parent = "" if beside else path
    by_month = annee is not None or mois is not None
    if by_month and (valid_from or valid_to):
        raise LineRefused(
            _path(parent, "valid_from"),
            "PERIOD_AMBIGUOUS",
            "give annee and mois, or valid_from and valid_to, not both",
        )
    if by_month:
        return _first_of_month(annee, mois, path), None
    if valid_from is None:
        if valid_to is not None:
            raise LineRefused(_path(parent, "valid_from"), "PERIOD_INCOMPLETE", "valid_to needs valid_from")
        return None
    if valid_to is not None and valid_to < valid_from:
        raise LineRefused(_path(parent, "valid_to"), "PERIOD_ORDER", "must not be before valid_from")
    return valid_from, valid_to


def _first_of_month(annee: int | None, mois: int | None, path: str) -> date:
    if annee is None or mois is None:
        missing = "mois" if mois is None else "annee"
        raise LineRefused(f"{path}.{missing}", "PERIOD_INCOMPLETE", "annee and mois go together")
    if not 1 <= mois <= 12:
        raise LineRefused(f"{path}.mois", "MONTH", "must be between 1 and 12")
    if not 1000 <= annee <= 9999:
        raise LineRefused(f"{path}.annee", "YEAR", "must be a year of four digits")
    return date(annee, mois, 1)


def _validity_day(beside: Object, quotient: Object, name: str, path: str) -> date | None:
    outside, inside = _day(beside, name, ""), _day(quotient, name, path)
    if outside and inside:
        raise LineRefused(name, "PERIOD_AMBIGUOUS", f"stands both beside and inside {path}; give it once")
    return outside or inside


def _day(members: Object, name: str, parent: str) -> date | None:
    text = _text(members, name, parent)
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise LineRefused(_path(parent, name), "DATE", "must be a day of the calendar, YYYY-MM-DD")


def _allocataires(root: Object) -> Iterator[Allocataire]:
    for place, person in enumerate(_objects(root, "allocataires")):
        parent = f"allocataires[{place}]"
        # Read so that a broken file is noticed, and dropped: neither is shown to a partner.
        _text(person, "date_naissance", parent)
        _text(person, "sexe", parent)
        names = [_text(person, name, parent) for name in _ALLOCATAIRE_FIELDS]
        if any(names):
            yield Allocataire(*names)


def _check_children(root: Object) -> None:
    """Children are none of a partner's business (CNIL: only the data needed): looked at, never kept."""
    _objects(root, "enfants")


def _adresse(root: Object) -> Adresse:
    adresse = _object(root, "adresse")
    return Adresse(**{name: _text(adresse, name, "adresse") for name in _ADRESSE_FIELDS})


_ADRESSE_FIELDS = tuple(Adresse.__dataclass_fields__)
_ALLOCATAIRE_FIELDS = tuple(Allocataire.__dataclass_fields__)


def _required_text(root: Object, name: str) -> str:
    text = _text(root, name, "")
    if not text:
        raise LineRefused(name, "REQUIRED", "must be given")
    return text


def _text(members: Object, name: str, parent: str) -> str:
    """A text without the spaces around it; empty where it is missing or null."""
    value = members.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise LineRefused(_path(parent, name), "TEXT", "must be a text in quotes, or null")
    if _UNUSABLE.search(value):
        raise LineRefused(
            _path(parent, name), "TEXT_CHARACTERS", "holds a control character or half a character"
        )
    return value.strip()


def _integer(quotient: Object, name: str, path: str) -> int | None:
    value = quotient.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise LineRefused(f"{path}.{name}", "INTEGER", "must be a whole number, or null")
    return value


def _boolean(root: Object, name: str) -> bool:
    value = root.get(name)
    if value is not None and not isinstance(value, bool):
        raise LineRefused(name, "BOOLEAN", "must be true, false or null")
    return bool(value)


def _object(root: Object, name: str) -> Object:
    value = root.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise LineRefused(name, "OBJECT", "must be an object in braces, or null")
    return value


def _objects(root: Object, name: str) -> Sequence[Object]:
    value = root.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise LineRefused(name, "LIST", "must be a list of objects, or null")
    return value


def _path(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name
