"""Rules on texts within the code: SQL, suppressions."""

import io
import re
import tokenize
from collections.abc import Iterator

from tools.house_rules.model import Place, Rule, Source
from tools.house_rules.syntax import string_parts

_SELECT_STAR = re.compile(r"\b(?:SELECT\s+(?:DISTINCT\s+)?|RETURNING\s+)(?:\w+\.)?\*", re.IGNORECASE)
_SQL_COMMENT = re.compile(r"--[^\n]*")
_SUPPRESSION = re.compile(
    r"#\s*(?P<kind>noqa|type:\s*ignore)(?::\s*[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*|\[[^\]]*\])?(?P<rest>.*)"
)
_REASON = re.compile(r"\w+\W+\w+")


def _select_star(source: Source) -> Iterator[Place]:
    texts = string_parts(source.tree()) if source.is_python else _sql_text(source)
    for line, text in texts:
        if match := _SELECT_STAR.search(text):
            yield line + text[: match.start()].count("\n"), f"{' '.join(match[0].split())} names no column"


def _sql_text(source: Source) -> Iterator[tuple[int, str]]:
    yield 1, _SQL_COMMENT.sub("", source.text)


def _unexplained_suppression(source: Source) -> Iterator[Place]:
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type != tokenize.COMMENT:
            continue
        for match in _SUPPRESSION.finditer(token.string):
            if not _REASON.search(match["rest"]):
                yield token.start[0], f"{match['kind']} without a reason on the same line"


RULES = (
    Rule(
        id="select-star",
        reason="a column that a migration adds must not start to travel by itself",
        # The tool and its tests hold samples of what it forbids.
        applies_to=lambda source: (
            source.path.suffix in (".py", ".sql") and not source.is_under("tools", "tests/unit/tools")
        ),
        find=_select_star,
    ),
    Rule(
        id="unexplained-suppression",
        reason="the next reader must see why the rule does not hold here",
        applies_to=lambda source: source.is_python,
        find=_unexplained_suppression,
    ),
)
