"""The regional caisses, shipped with the package and read once."""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.kit.errors import FieldViolation, InvalidField

_FILE = Path(__file__).parent / "data" / "caisses.csv"
_CAISSE_CODE = re.compile(r"[0-9]{2}")
_DEPARTMENT = re.compile(r"[0-9]{2}|2[AB]")


class CaissesNotUsable(Exception):
    """The list of caisses breaks a rule of its own; the text names the rule and the code."""


@dataclass(frozen=True)
class Caisse:
    """A regional caisse: two-digit code, name, and the departments whose dossiers it holds (art. 7-1)."""

    code: str
    name: str
    departments: tuple[str, ...]


class Caisses:
    """All caisses, by code."""

    def __init__(self, caisses: Iterable[Caisse]) -> None:
        """Raises CaissesNotUsable where a code or a department is malformed, missing or there twice."""
        self._by_code = {caisse.code: caisse for caisse in _checked(caisses)}

    def all(self) -> Sequence[Caisse]:
        """Every caisse, in the order of the codes."""
        return [self._by_code[code] for code in sorted(self._by_code)]

    def require(self, code: str) -> str:
        """`code`, which is a caisse's. Raises InvalidField."""
        if code not in self._by_code:
            violation = FieldViolation(
                "caisse_code",
                "CAISSE_CODE",
                "must be a code that ListCaisses shows: each caisse has its own register (art. 4-7)",
            )
            raise InvalidField(violation)
        return code

    def departments(self, code: str) -> Sequence[str]:
        """The departments of the caisse with this code (art. 7-1)."""
        return self._by_code[code].departments

    def all_departments(self) -> frozenset[str]:
        """The departments of all caisses."""
        return frozenset(department for caisse in self._by_code.values() for department in caisse.departments)


def load_caisses(path: Path = _FILE) -> Caisses:
    """The caisses in the CSV file `path`. Raises CaissesNotUsable."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return Caisses(Caisse(row["code"], row["name"], tuple(row["departments"].split())) for row in rows)


def _checked(caisses: Iterable[Caisse]) -> Iterable[Caisse]:
    codes: set[str] = set()
    departments: set[str] = set()
    for caisse in caisses:
        _require(_CAISSE_CODE.fullmatch(caisse.code) is not None, "a code has two digits", caisse)
        _require(caisse.code not in codes, "a code is there once", caisse)
        _require(bool(caisse.name and caisse.departments), "a caisse has a name and a department", caisse)
        for department in caisse.departments:
            _require(_DEPARTMENT.fullmatch(department) is not None, "a department has its code", caisse)
            _require(department not in departments, "a department has one caisse", caisse)
            departments.add(department)
        codes.add(caisse.code)
        yield caisse


def _require(holds: bool, rule: str, caisse: Caisse) -> None:
    if not holds:
        raise CaissesNotUsable(f"caisse {caisse.code!r}: {rule}")
