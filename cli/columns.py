"""Dossiers in columns, as in CSV and Parquet: what each column is, and the same dossier in the fields of NDJSON.

A row is one dossier with one QF at most; a dossier with several QFs has several rows. The second allocataire has the
columns of the first with `_2` behind their names, the tenth with `_10`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cli.dossier_rules import (
    PERIODS_OVERLAP,
    Adresse,
    Dossier,
    Object,
    Quotient,
    overlap,
    shown_key,
)
from cli.errors import CommandFailed
from cli.refusals import LineRefused, Refusal

REQUIRED = ("caisse", "numero_dossier", "nir")
_TOP = (*REQUIRED, "valid_from", "valid_to", "radie_le", "allocataires_complets", "quotients_complets")
_QUOTIENT = ("fournisseur", "valeur", "annee", "mois", "annee_calcul", "mois_calcul")
_ADRESSE = tuple(Adresse.__dataclass_fields__)
_PERSON = ("nom_naissance", "nom_usage", "prenoms", "date_naissance", "sexe")
_SUFFIXES = ("", *(f"_{number}" for number in range(2, 11)))
KNOWN = frozenset(
    (
        *_TOP,
        *_QUOTIENT,
        *_ADRESSE,
        *(name + suffix for suffix in _SUFFIXES for name in _PERSON),
        *(f"nir{suffix}" for suffix in _SUFFIXES),
    )
)
_OF_ALLOCATAIRE = re.compile(r"allocataires\[(\d+)\]\.(\w+)")

Members = Sequence[tuple[str, int]]


class FileRefused(CommandFailed):
    """A file that is not read at all; nothing of it is in."""

    def __init__(self, rule: str, message: str, remedy: str) -> None:
        super().__init__(f"{message} ({rule})", remedy, reason=rule)


class Columns:
    """Which column stands where."""

    def __init__(self, names: Sequence[str]) -> None:
        """`names`: the header. Raises FileRefused where a column is unknown, stands twice or is missing."""
        _check(names)
        place = {name: number for number, name in enumerate(names)}
        self.count = len(names)
        self._top = _members(place, _TOP)
        self._quotient = _members(place, _QUOTIENT)
        self._adresse = _members(place, _ADRESSE)
        self._people = [_person(place, suffix) for suffix in _SUFFIXES]
        while self._people and not self._people[-1]:
            self._people.pop()

    def root(self, cells: Sequence[Any]) -> Object:
        """The dossier of a row, as a line of NDJSON would have it; an empty cell is None."""
        return {
            **_object(self._top, cells),
            "quotient_familial": _object(self._quotient, cells),
            "adresse": _object(self._adresse, cells),
            "allocataires": [_object(person, cells) for person in self._people],
        }


class SameDossier:
    """Rows of one dossier that follow one another: each tells a QF of it, and no two may have days in common."""

    def __init__(self) -> None:
        self._key: tuple[str, str] | None = None
        self._quotients: list[Quotient] = []

    def checked(self, dossier: Dossier) -> Dossier:
        """The dossier of the next row. Raises LineRefused where its QF overlaps one of a row before.

        The same first day again is no overlap: it corrects the QF of the row before.
        """
        key = dossier.caisse, dossier.numero_dossier
        if key != self._key:
            self._key, self._quotients = key, []
        if dossier.quotient is not None:
            if any(overlap(dossier.quotient, other) for other in self._quotients):
                raise LineRefused("valid_from", "PERIODS_OVERLAP", PERIODS_OVERLAP)
            self._quotients.append(dossier.quotient)
        return dossier


def in_columns(refusal: Refusal) -> Refusal:
    """A refusal of a row, with the field named as its column is."""
    return Refusal(column_of(refusal.field), refusal.rule, refusal.reason)


def column_of(field: str) -> str:
    """The column of a field, as a line of NDJSON has it."""
    if match := _OF_ALLOCATAIRE.fullmatch(field):
        return match[2] + _SUFFIXES[int(match[1])]
    return field.removeprefix("quotient_familial.").removeprefix("adresse.")


def _check(names: Sequence[str]) -> None:
    unknown = next((name for name in names if name not in KNOWN), None)
    if unknown is not None:
        raise FileRefused(
            "UNKNOWN_COLUMN",
            f"The first line names a column that there is not: {shown_key(unknown)}.",
            "The first line names the columns; docs/guides/dossiers.md lists them.",
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FileRefused("DUPLICATE_COLUMN", f"The column {twice} stands twice.", "Keep one of them.")
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise FileRefused(
            "MISSING_COLUMN",
            f"There is no column {', '.join(missing)}.",
            "Every row needs caisse, numero_dossier and nir; docs/guides/dossiers.md lists all columns.",
        )


def _members(place: Mapping[str, int], names: Sequence[str]) -> Members:
    return [(name, place[name]) for name in names if name in place]


def _person(place: Mapping[str, int], suffix: str) -> Members:
    # The NIR of the first one stands at the top.
    names = _PERSON if suffix == "" else (*_PERSON, "nir")
    return [(name, place[name + suffix]) for name in names if name + suffix in place]


def _object(members: Members, cells: Sequence[Any]) -> dict[str, Any]:
    return {name: cells[place] for name, place in members}
