"""The partner's own reference of a case: free, short, and in clear in the journal, so it holds no NIR (N5)."""

import re

from services.kit.errors import FieldViolation, InvalidField
from services.kit.nir import holds_nir

_SHAPE = re.compile(r"[\w ./-]{0,64}")


def read_case_reference(text: str, field: str = "case_reference") -> str:
    """The reference in a request. Raises InvalidField."""
    if not _SHAPE.fullmatch(text):
        raise InvalidField(
            FieldViolation(field, "CASE_REFERENCE", "has at most 64 letters, digits, spaces and . _ / -")
        )
    if holds_nir(text):
        raise InvalidField(FieldViolation(field, "NIR_IN_REFERENCE", "must not contain a NIR"))
    return text
