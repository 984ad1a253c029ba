"""Rules on tests: each can fail, and none is skipped."""

import ast
import re
from collections.abc import Iterator

from tools.house_rules.model import Place, Rule, Source
from tools.house_rules.syntax import dotted_name

_SKIP = re.compile(r"^(?:pytest\.(?:skip|xfail|importorskip|mark\.(?:skip|skipif|xfail))|unittest\.skip\w*)$")
_CHECKING_CALLS = frozenset({"pytest.raises", "pytest.warns", "pytest.fail"})


def _is_test(source: Source) -> bool:
    return source.is_python and source.is_under("tests")


def _test_that_cannot_fail(source: Source) -> Iterator[Place]:
    for node in ast.walk(source.tree()):
        if (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and node.name.startswith("test_")
            and not any(_checks(part) for part in ast.walk(node))
        ):
            yield node.lineno, f"{node.name} asserts nothing"


def _checks(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = dotted_name(node.func)
    return name in _CHECKING_CALLS or name.rpartition(".")[2].startswith("assert_")


def _skipped_test(source: Source) -> Iterator[Place]:
    for node in ast.walk(source.tree()):
        if isinstance(node, ast.Attribute) and _SKIP.match(dotted_name(node)):
            yield node.lineno, dotted_name(node)


RULES = (
    Rule(
        id="test-asserts",
        reason="a test must be able to fail",
        applies_to=lambda source: _is_test(source) and source.path.name.startswith("test_"),
        find=_test_that_cannot_fail,
    ),
    Rule(
        id="no-skips",
        reason="a test that does not run keeps no promise",
        applies_to=_is_test,
        find=_skipped_test,
    ),
)
