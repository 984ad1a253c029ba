"""`docs/convention.md` leads from every article to a function and a test that are there."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
PAGE = PROJECT / "docs" / "convention.md"
HEADING = "| article | what it says | {} |"
CODE = re.compile(r"`([^`]+)`")
NONE = "none"
# Those of the articles that are code's, for partners and families, and every article there is.
OF_PARTNERS = {
    *("art. 1", "art. 2", "art. 3", "art. 4-1", "art. 4-2", "art. 4-4", "art. 4-5", "art. 4-7", "art. 6-1"),
    *(
        "art. 6-3",
        "art. 7-1",
        "art. 7-2",
        "art. 8",
        "art. 9-1",
        "art. 9-2",
        "art. 10",
        "art. 13-5",
        "art. 13-7",
    ),
    *("art. 5", "annexe 1", "annexe 2"),
}
ALL = OF_PARTNERS | {
    *("art. 4-3", "art. 4-6", "art. 6-2", "art. 11", "art. 12"),
    *(f"art. 13-{number}" for number in range(1, 9)),
    "art. 14",
}


@dataclass(frozen=True)
class Named:
    """Something that the page says is in a file."""

    path: str
    name: str


def rows(last_headings: str) -> list[list[str]]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    first = lines.index(HEADING.format(last_headings)) + 2
    table = []
    for line in lines[first:]:
        if not line:
            break
        table.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return table


def in_code() -> list[list[str]]:
    return rows("function | test")


def articles(cell: str) -> set[str]:
    """`art. 3, 4-3` is two of them."""
    if cell.startswith("art. "):
        return {f"art. {number}" for number in cell.removeprefix("art. ").split(", ")}
    return {cell}


def named(cell: str) -> Iterator[Named]:
    """Each name with the file that it follows; a file alone with an empty one."""
    path, bare = "", False
    for text in CODE.findall(cell):
        if text.endswith(".py"):
            if bare:
                yield Named(path, "")
            path, bare = text, True
        else:
            yield Named(path, text)
            bare = False
    if bare:
        yield Named(path, "")


@cache
def defined(path: str) -> frozenset[str]:
    """What a file defines, `Class.method` too."""
    if not (PROJECT / path).is_file():
        return frozenset()
    tree = ast.parse((PROJECT / path).read_text(encoding="utf-8"))
    return frozenset(_names(tree.body, ""))


def _names(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from _names(node.body, f"{prefix}{node.name}.")


def cites(path: str, article: str) -> bool:
    """Whether a file says `art. 9-2`, or `art. 9-1, 9-2`."""
    text = (PROJECT / path).read_text(encoding="utf-8").lower()
    lists = " ".join(re.findall(r"art\. [\d-]+(?:, [\d-]+)*|annexe \d", text))
    return re.search(rf"(?<![\d-]){article.removeprefix('art. ')}(?![\d-])", lists) is not None


def test_every_article_of_partners_is_in_the_table() -> None:
    assert {article for cell, *_ in in_code() for article in articles(cell)} == OF_PARTNERS


def test_every_article_is_somewhere() -> None:
    left_out = rows("why it is not")
    told = {article for cell, *_ in (*in_code(), *left_out) for article in articles(cell)}
    assert told == ALL
    assert all(len(row) == 3 and all(row) for row in left_out)


def test_what_nothing_carries_out_says_why() -> None:
    without = {article for cell, _, *rest in in_code() if NONE in rest for article in articles(cell)}
    assert without <= {article for cell, *_ in rows("why it is not") for article in articles(cell)}
    assert without == {"art. 8"}


@pytest.mark.parametrize("row", in_code(), ids=lambda row: f"{row[0]}: {row[1]}")
def test_every_row_names_a_function_and_a_test_that_are_there(row: list[str]) -> None:
    assert len(row) == 4, "a row has four cells"
    assert "TODO" not in " ".join(row)
    article, _, function, test = row
    if function == test == NONE:
        return
    for cell in (function, test):
        found = [*named(cell)]
        assert found != []
        assert [name for name in found if not name.name or name.name not in defined(name.path)] == []
    assert [name.path for name in named(function) if not cites(name.path, article)] == []
    assert any(cites(name.path, article) for name in named(test)), "its test names the article"
    assert all(name.path.startswith("tests/") for name in named(test))
    assert not any(name.path.startswith("tests/") for name in named(function))
    assert all(re.match(r"test_|Test", name.name.rpartition(".")[2]) for name in named(test))


def test_every_file_and_guide_that_the_page_names_is_there() -> None:
    page = PAGE.read_text(encoding="utf-8")
    named_files = {text for text in CODE.findall(page) if "/" in text}
    linked = {link for link in re.findall(r"\]\(([^)#]+)\)", page) if not link.startswith("https://")}
    assert [name for name in named_files if not (PROJECT / name).exists()] == []
    assert [link for link in linked if not (PAGE.parent / link).exists()] == []
