"""Every rule of a field that a partner can meet through the gateway, read from the code that names them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
# Where fields of public requests are read, and what in those files is for internal callers only.
READERS = (
    "gateway/domain.py",
    "gateway/oppositions/domain.py",
    "services/identity/passwords/domain.py",
    "services/kit/case_reference.py",
    "services/kit/identifiers.py",
    "services/kit/nir.py",
    "services/quotient/fields.py",
    "services/quotient/oppositions/domain.py",
)
INTERNAL = frozenset({"BEFORE_OPPOSITION", "CAISSE_CODE", "DECLARED_BY_PARTNER", "WITHDRAWN_SINCE"})
# Made of the field's name (`_read` in services/quotient/oppositions/domain.py).
NAMED_BY_FIELD = frozenset({"CHANNEL", "REQUESTER"})

_RULE = re.compile(r"[A-Z][A-Z0-9]+(_[A-Z0-9]+)*")


def reachable_rules() -> set[str]:
    """Their names."""
    return {rule for path in READERS for rule in _rules_in(path)} - INTERNAL | NAMED_BY_FIELD


def _rules_in(path: str) -> Iterator[str]:
    """A rule is a text in capitals beside its description: in a call, a tuple, or a function's argument."""
    for node in ast.walk(ast.parse((PROJECT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from _rules_among(node.args)
        elif isinstance(node, ast.Tuple):
            yield from _rules_among(node.elts)


def _rules_among(expressions: list[ast.expr]) -> Iterator[str]:
    for each in expressions:
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and _RULE.fullmatch(each.value):
            yield each.value
