"""Rules on the rooms of a service: which files there are, and what each never holds.

What a room may import is import-linter's business (pyproject.toml).
"""

import ast
import re
from collections.abc import Callable, Iterator

from tools.house_rules.model import Place, Rule, Source
from tools.house_rules.syntax import string_parts

_MAIN_LINES = 40
_SQL = re.compile(r"^\s*(?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|WITH|CREATE|ALTER)\s", re.IGNORECASE)
_MIGRATION = re.compile(r"migrations/[0-9]{4}_[a-z0-9_]+\.sql")
_MODULE = re.compile(r"[a-z][a-z0-9_]*\.py|__init__\.py|__main__\.py")
# Files that outgrow a room split by subject; these names say no subject.
_NO_SUBJECT = frozenset(
    f"{name}.py"
    for stem in ("util", "helper", "common", "misc", "manager", "base", "model", "type", "core", "shared")
    for name in (stem, f"{stem}s")
)


def _is_room(name: str) -> Callable[[Source], bool]:
    return lambda source: source.room == name


def _long_main(source: Source) -> Iterator[Place]:
    length = len(source.text.splitlines())
    if length > _MAIN_LINES:
        yield _MAIN_LINES + 1, f"{length} lines, {_MAIN_LINES} at most"


def _try_in_handler(source: Source) -> Iterator[Place]:
    for node in ast.walk(source.tree()):
        if isinstance(node, (ast.Try, ast.TryStar)):
            yield node.lineno, "try in a handler"


def _sql_in_handler(source: Source) -> Iterator[Place]:
    for line, text in string_parts(source.tree()):
        if _SQL.search(text):
            yield line, "SQL in a handler"


def _unknown_room(source: Source) -> Iterator[Place]:
    room = source.room or ""
    if _MIGRATION.fullmatch(room):
        return
    if "/" in room or not _MODULE.fullmatch(room):
        yield 1, f"{room} is no room of a service"
    elif room in _NO_SUBJECT:
        yield 1, f"{room} names no subject"


RULES = (
    Rule(
        id="main-composes",
        reason="__main__.py is composition, without logic",
        applies_to=_is_room("__main__.py"),
        find=_long_main,
    ),
    Rule(
        id="handler-does-not-catch",
        reason="one interceptor maps the domain's errors",
        applies_to=_is_room("handler.py"),
        find=_try_in_handler,
    ),
    Rule(
        id="handler-has-no-sql",
        reason="SQL stands in the store",
        applies_to=_is_room("handler.py"),
        find=_sql_in_handler,
    ),
    Rule(
        id="known-rooms",
        reason="one learns the house once; a file that outgrows its room splits by subject",
        applies_to=lambda source: source.room is not None,
        find=_unknown_room,
    ),
)
