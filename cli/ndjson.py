"""Reads dossiers as French public systems exchange them (API Particulier v3, "quotient familial CAF & MSA").

One JSON object a line. What is read is checked; what the service does not show (children, sexes, dates of birth) is
dropped here and never sent. A line that cannot be used is told by field and rule, never by its values (N5).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO

from services.kit.errors import InvalidField
from services.kit.nir import Nir

MAX_LINE_BYTES = 256 * 1024
# The largest amount that fits the 32-bit cents of the protos.
MAX_AMOUNT_CENTS = 2**31 - 1

_BOM = b"\xef\xbb\xbf"
_ROOT_KEYS = frozenset(
    {
        "caisse",
        "numero_dossier",
        "nir",
        "quotient_familial",
        "allocataires",
        "enfants",
        "adresse",
        "valid_from",
        "valid_to",
    }
)
_QUOTIENT = "quotient_familial"
_VALEUR = f"{_QUOTIENT}.valeur"
_KEY_SHAPE = re.compile(r"[A-Za-z_]{1,40}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
# Control characters, NUL among them, and halves of surrogate pairs, which UTF-8 cannot carry.
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Refusal:
    """Why a line is not used; holds no value of it."""

    field: str
    rule: str
    reason: str


class LineRefused(Exception):
    """A line breaks a rule."""

    def __init__(self, field_name: str, rule: str, reason: str) -> None:
        super().__init__(rule)
        self.refusal = Refusal(field_name, rule, reason)


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
    allocataires: Sequence[Allocataire]
    adresse: Adresse
    quotient: Quotient | None


@dataclass(frozen=True)
class Line:
    """A line of a file; its content is None where it is longer than any dossier."""

    number: int
    size_bytes: int
    content: bytes | None = field(repr=False)

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing on it."""
        return self.content is not None and not self.content.strip()


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    """The lines of `stream`, never more than MAX_LINE_BYTES of one; a BOM at the start is left out."""
    number = 0
    while piece := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(piece) > MAX_LINE_BYTES:
            yield Line(number, len(piece) + _skip_line(stream, piece), None)
        else:
            yield Line(number, len(piece), piece.removeprefix(_BOM) if number == 1 else piece)


def _skip_line(stream: BinaryIO, piece: bytes) -> int:
    """Reads to the end of the line that `piece` is the beginning of; how many bytes that was."""
    skipped_bytes = 0
    while piece and not piece.endswith(b"\n"):
        piece = stream.readline(MAX_LINE_BYTES)
        skipped_bytes += len(piece)
    return skipped_bytes


def parse_line(line: Line) -> Dossier:
    """The dossier on a line that is not blank. Raises LineRefused, and nothing else, on whatever it holds."""
    root = _decoded(line)
    unknown = next((key for key in root if key not in _ROOT_KEYS), None)
    if unknown is not None:
        raise LineRefused(
            _shown_key(unknown),
            "UNKNOWN_FIELD",
            f"is not a field of a dossier; there are {', '.join(sorted(_ROOT_KEYS))}",
        )
    _check_children(root)
    return Dossier(
        caisse=_required_text(root, "caisse"),
        numero_dossier=_required_text(root, "numero_dossier"),
        nir=_nir(_required_text(root, "nir")),
        quotient=_quotient(root),
        allocataires=tuple(_allocataires(root)),
        adresse=_adresse(root),
    )


def _decoded(line: Line) -> Object:
    if line.content is None:
        raise LineRefused("", "LINE_TOO_LONG", f"is longer than {MAX_LINE_BYTES // 1024} KiB")
    if b"\0" in line.content:
        raise LineRefused("", "NUL", "holds a NUL byte; the file is damaged, or UTF-16 where UTF-8 is due")
    try:
        document = _DECODER.decode(line.content.decode("utf-8"))
    except UnicodeDecodeError:
        raise LineRefused("", "UTF_8", "is not UTF-8") from None
    except (ValueError, RecursionError):
        raise LineRefused("", "JSON", "is not one JSON object on one line") from None
    if not isinstance(document, dict):
        raise LineRefused("", "JSON", "is not one JSON object on one line")
    return document


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise LineRefused(_shown_key(twice), "DUPLICATE_FIELD", "stands twice in the same object")
    return members


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def _not_a_number(_: str) -> Decimal:
    return Decimal("NaN")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_without_duplicates, parse_float=_decimal, parse_constant=_not_a_number
)


def _shown_key(key: str) -> str:
    """A key as it may be told: one that could be a value by mistake is not repeated."""
    return key if _KEY_SHAPE.fullmatch(key) else "(a field whose name is not shown)"


def _nir(text: str) -> Nir:
    try:
        return Nir.parse(text)
    except InvalidField as error:
        violation = error.violations[0]
        raise LineRefused("nir", violation.rule, violation.description) from None


def _quotient(root: Object) -> Quotient | None:
    quotient = _object(root, _QUOTIENT)
    _check_fournisseur(quotient)
    starts_and_ends = _validity(root, quotient)
    for name in ("annee_calcul", "mois_calcul"):
        _integer(quotient, name)
    amount_cents = _amount_cents(quotient)
    if amount_cents is None:
        return None
    if starts_and_ends is None:
        raise LineRefused(
            f"{_QUOTIENT}.annee", "PERIOD_MISSING", "an amount needs annee and mois, or valid_from"
        )
    return Quotient(*starts_and_ends, amount_cents)


def _check_fournisseur(quotient: Object) -> None:
    fournisseur = _text(quotient, "fournisseur", _QUOTIENT)
    if fournisseur and fournisseur.upper() != "MSA":
        raise LineRefused(
            f"{_QUOTIENT}.fournisseur", "FOURNISSEUR", "is not MSA: this is another regime's file"
        )


def _amount_cents(quotient: Object) -> int | None:
    """`valeur` in cents, exactly as it was sent."""
    euros = _euros(quotient.get("valeur"))
    if not euros:
        return None if euros is None else 0
    # Looked at before any arithmetic: 1e999999 would be computed for a long time.
    if euros < 0:
        raise LineRefused(_VALEUR, "VALEUR_RANGE", "must not be negative")
    if euros.adjusted() > 9:
        raise LineRefused(_VALEUR, "VALEUR_RANGE", "is larger than any QF")
    if _decimals(euros) > 2:
        raise LineRefused(_VALEUR, "VALEUR_DECIMALS", "must have at most 2 decimals")
    cents = int(euros.scaleb(2))
    if cents > MAX_AMOUNT_CENTS:
        raise LineRefused(_VALEUR, "VALEUR_RANGE", "is larger than any QF")
    return cents


def _euros(value: object) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        euros = Decimal(value)
        if euros.is_finite():
            return euros
    raise LineRefused(_VALEUR, "VALEUR_NUMBER", "must be a JSON number of euros, or null")


def _decimals(euros: Decimal) -> int:
    _, digits, exponent = euros.as_tuple()
    trailing_zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return -(int(exponent) + trailing_zeros)


def _validity(root: Object, quotient: Object) -> tuple[date, date | None] | None:
    """First and last day, from annee and mois or from valid_from and valid_to; None where neither is given."""
    annee, mois = _integer(quotient, "annee"), _integer(quotient, "mois")
    valid_from, valid_to = (_validity_day(root, quotient, name) for name in ("valid_from", "valid_to"))
    by_month = annee is not None or mois is not None
    if by_month and (valid_from or valid_to):
        raise LineRefused(
            "valid_from", "PERIOD_AMBIGUOUS", "give annee and mois, or valid_from and valid_to, not both"
        )
    if by_month:
        return _first_of_month(annee, mois), None
    if valid_from is None:
        if valid_to is not None:
            raise LineRefused("valid_from", "PERIOD_INCOMPLETE", "valid_to needs valid_from")
        return None
    if valid_to is not None and valid_to < valid_from:
        raise LineRefused("valid_to", "PERIOD_ORDER", "must not be before valid_from")
    return valid_from, valid_to


def _first_of_month(annee: int | None, mois: int | None) -> date:
    if annee is None or mois is None:
        missing = "mois" if mois is None else "annee"
        raise LineRefused(f"{_QUOTIENT}.{missing}", "PERIOD_INCOMPLETE", "annee and mois go together")
    if not 1 <= mois <= 12:
        raise LineRefused(f"{_QUOTIENT}.mois", "MONTH", "must be between 1 and 12")
    if not 1000 <= annee <= 9999:
        raise LineRefused(f"{_QUOTIENT}.annee", "YEAR", "must be a year of four digits")
    return date(annee, mois, 1)


def _validity_day(root: Object, quotient: Object, name: str) -> date | None:
    outside, inside = _day(root, name, ""), _day(quotient, name, _QUOTIENT)
    if outside and inside:
        raise LineRefused(
            name, "PERIOD_AMBIGUOUS", f"stands both beside and inside {_QUOTIENT}; give it once"
        )
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
        yield Allocataire(
            nom_naissance=_text(person, "nom_naissance", parent),
            nom_usage=_text(person, "nom_usage", parent),
            prenoms=_text(person, "prenoms", parent),
        )


def _check_children(root: Object) -> None:
    """Children are none of a partner's business (CNIL: only the data needed): looked at, never kept."""
    _objects(root, "enfants")


def _adresse(root: Object) -> Adresse:
    adresse = _object(root, "adresse")
    return Adresse(**{name: _text(adresse, name, "adresse") for name in _ADRESSE_FIELDS})


_ADRESSE_FIELDS = tuple(Adresse.__dataclass_fields__)


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


def _integer(quotient: Object, name: str) -> int | None:
    value = quotient.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise LineRefused(f"{_QUOTIENT}.{name}", "INTEGER", "must be a whole number, or null")
    return value


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
