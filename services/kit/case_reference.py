"""Texts of a partner that stand in clear in the journal: free, short, and so without a NIR (N5)."""

import re
import unicodedata

from services.kit.errors import FieldViolation, InvalidField
from services.kit.nir import holds_nir

_SHAPE = re.compile(r"[\w ./-]{0,64}")
_TEXT_LIMIT = 100
# French typography sets one before a colon.
_WIDE_SPACES = re.compile(r"[\u00a0\u202f]")
_NO_LETTER_OR_DIGIT = re.compile(r"[\W_]")


def read_purpose_text(text: str, *, required: bool, field: str = "purpose_text") -> str:
    """The purpose in words, without the spaces around it: required where it is "other", and empty otherwise.

    A partner says what it consults for (art. 1, 6-1). Raises InvalidField naming `field`.
    """
    text = text.strip()
    if bool(text) is not required:
        raise _broken(field, "PURPOSE_TEXT", "says the purpose in words where it is OTHER, and only there")
    if len(text) > _TEXT_LIMIT or not _WIDE_SPACES.sub("", text).isprintable():
        raise _broken(field, "TEXT", f"is one line of at most {_TEXT_LIMIT} characters")
    if holds_nir(_plain(text)):
        raise _broken(field, "NIR_IN_TEXT", "must not contain a NIR")
    return text


def read_case_reference(text: str, field: str = "case_reference") -> str:
    """The reference in a request. Raises InvalidField."""
    if not _SHAPE.fullmatch(text):
        raise _broken(field, "CASE_REFERENCE", "has at most 64 letters, digits, spaces and . _ / -")
    if holds_nir(_plain(text)):
        raise _broken(field, "NIR_IN_REFERENCE", "must not contain a NIR")
    return text


def _plain(text: str) -> str:
    """Letters and digits only: those of another script or width, whatever separates them, may still be a NIR's."""
    letters = _NO_LETTER_OR_DIGIT.sub("", unicodedata.normalize("NFKC", text))
    return "".join(str(unicodedata.decimal(letter, letter)) for letter in letters)


def _broken(field: str, rule: str, description: str) -> InvalidField:
    return InvalidField(FieldViolation(field, rule, description))
