"""The NIR (numéro d'inscription au répertoire): 13 characters and a 2-digit key.

Source: decree 82-103 of 22 January 1982, INSEE's description of the NIR; art. 4-7 of the convention.
"""

import re
from collections.abc import Callable

from stdnum.exceptions import ValidationError
from stdnum.fr.nir import calc_check_digits

from services.kit.errors import FieldViolation, InvalidField
from services.kit.redaction import Confidential

_SPACES = re.compile(r"[ \u00a0\u202f]")
_SHAPE = re.compile(r"[0-9]{5}(?:[0-9]{2}|2[AB])[0-9]{8}")
_CHARACTERS = re.compile(r"[0-9AB]*")
_SEPARATORS = re.compile(r"[\s./_-]")
_WITHIN_TEXT = re.compile(r"(?=([123478][0-9]{2}([0-9]{2})(?:[0-9]{2}|2[AB])[0-9]{6}))")
# 3, 4: foreigners while they are being registered; 7, 8: numéro d'attente.
_SEXES = frozenset("123478")
# 20, 30-42, 50-99: the month of birth is not known or not certain.
_MONTHS = frozenset([*range(1, 13), 20, *range(30, 43), *range(50, 100)])


class Nir(Confidential):
    """A well-formed NIR in canonical form: 15 characters, no spaces, capitals."""

    @classmethod
    def parse(cls, text: str, field: str = "nir") -> "Nir":
        """Reads a NIR, tolerating spaces and small letters.

        Raises InvalidField that tells the first rule `text` breaks, without repeating it.
        """
        compact = _SPACES.sub("", text).upper()
        broken = _broken_rule(compact)
        if broken is not None:
            rule, description = broken
            raise InvalidField(FieldViolation(field, rule, description))
        return cls(compact)


def holds_nir(text: str) -> bool:
    """Whether a NIR, with or without its key, could stand in `text`, however its characters are separated."""
    compact = _SEPARATORS.sub("", text).upper()
    return any(int(match[2]) in _MONTHS for match in _WITHIN_TEXT.finditer(compact))


def _broken_rule(compact: str) -> tuple[str, str] | None:
    return next(((rule, text) for rule, text, holds in _RULES if not holds(compact)), None)


def _key_matches(compact: str) -> bool:
    try:
        return bool(calc_check_digits(compact) == compact[13:])
    except (ValidationError, ValueError):
        return False


_ONLY_DIGITS = "holds digits only, but for 2A or 2B as the department of birth"
# In order: each may rely on those before it.
_RULES: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
    ("NIR_CHARACTERS", _ONLY_DIGITS, lambda nir: bool(_CHARACTERS.fullmatch(nir))),
    (
        "NIR_LENGTH",
        "has 13 characters and a 2-digit key, 15 in all, spaces aside",
        lambda nir: len(nir) == 15,
    ),
    ("NIR_CHARACTERS", _ONLY_DIGITS, lambda nir: bool(_SHAPE.fullmatch(nir))),
    ("NIR_SEX", "begins with 1 or 2 (3, 4, 7, 8 for provisional numbers)", lambda nir: nir[0] in _SEXES),
    (
        "NIR_MONTH",
        "has a month of birth of 01 to 12, or 20, 30 to 42, 50 to 99 when unknown",
        lambda nir: int(nir[3:5]) in _MONTHS,
    ),
    ("NIR_DEPARTMENT", "has a department of birth; 00 is none", lambda nir: nir[5:7] != "00"),
    ("NIR_COMMUNE", "has a commune of birth; 000 is none", lambda nir: nir[7:10] != "000"),
    ("NIR_ORDER", "has an order number; 000 is none", lambda nir: nir[10:13] != "000"),
    (
        "NIR_KEY_MISMATCH",
        "has a key that does not fit its 13 characters; check for a typing error",
        _key_matches,
    ),
)
