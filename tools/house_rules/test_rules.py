"""Rules on tests: each can fail, and none is skipped."""

import ast
import re
from collections.abc import Iterator

from tools.house_rules.model import Place, Rule, Source
from tools.house_rules.syntax import dotted_name

_SKIP = re.compile(r"^(?:pytest\.(?:skip|xfail|importorskip|mark\.(?:skip|skipif|xfail))|unittest\.skip\w*)$")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_CHECKING_CALLS = frozenset({"pytest.raises", "pytest.warns", "pytest.fail"})


def _is_test(source: Source) -> bool:
    return source.is_python and source.is_under("tests")


def _test_that_cannot_fail(source: Source) -> Iterator[Place]:
    functions = [node for node in ast.walk(source.tree()) if isinstance(node, _FUNCTIONS)]
    helpers = frozenset(function.name for function in functions if _checks(function, frozenset()))
    for function in functions:
        if function.name.startswith("test_") and not _checks(function, helpers):
            yield function.lineno, f"{function.name} asserts nothing"


def _checks(function: ast.AST, helpers: frozenset[str]) -> bool:
    """Whether something in `function` can fail a test: an assert, a check of pytest's, a helper that checks."""
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Call) and _is_check(dotted_name(node.func), helpers))
        for node in ast.walk(function)
    )


def _is_check(name: str, helpers: frozenset[str]) -> bool:
    last = name.rpartition(".")[2]
    return (
        name in _CHECKING_CALLS or name.startswith("expect.") or last.startswith("assert_") or name in helpers
    )


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
