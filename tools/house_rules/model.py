"""What a rule is, and what it looks at."""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

Place = tuple[int, str]


@dataclass(frozen=True)
class Source:
    """A file of the project."""

    path: PurePosixPath
    text: str

    @property
    def is_python(self) -> bool:
        """Whether it has a syntax tree."""
        return self.path.suffix == ".py"

    @property
    def room(self) -> str | None:
        """The room of a service it is: "handler.py", "migrations/0001_accounts.sql"; None outside any.

        A subject of a service may have a folder of its own, with the same rooms; so has the gateway's policy.
        """
        top, *rest = self.path.parts
        if top == "gateway" and rest[0] != "edge":
            return rest[-1]
        if top != "services" or len(rest) < 2 or rest[0] == "kit":
            return None
        inside = rest[1:]
        has_subject_folder = len(inside) == 2 and inside[0] != "migrations"
        return inside[1] if has_subject_folder else "/".join(inside)

    def is_under(self, *folders: str) -> bool:
        """Whether it lies in one of the project's folders."""
        return any(self.path.is_relative_to(folder) for folder in folders)

    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return _parsed(self.text)


@dataclass(frozen=True)
class Rule:
    """One rule on sources: where it holds, and what breaks it (line and words)."""

    id: str
    reason: str
    applies_to: Callable[[Source], bool]
    find: Callable[[Source], Iterable[Place]]


@dataclass(frozen=True)
class Finding:
    """One place that breaks a rule."""

    path: PurePosixPath
    line: int
    rule: str
    message: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message} ({self.reason})"


def findings(source: Source, rules: Iterable[Rule]) -> Iterator[Finding]:
    """What breaks `rules` in `source`."""
    for rule in rules:
        if rule.applies_to(source):
            for line, message in rule.find(source):
                yield Finding(source.path, line, rule.id, message, rule.reason)


_cache: dict[str, ast.Module] = {}


def _parsed(text: str) -> ast.Module:
    if text not in _cache:
        _cache[text] = ast.parse(text)
    return _cache[text]
