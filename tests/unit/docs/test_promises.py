"""`docs/promises.md` explains every promise and article that the code cites, and names files that are there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
PAGE = (PROJECT / "docs" / "promises.md").read_text()
CITED_IN = ("services", "gateway", "cli", "deploy", "protos/msa", "tests/e2e")
# Not the convention's: they name their law beside them.
OTHER_LAWS = {"art. 641", "art. 1193"}
ARTICLE = re.compile(r"(?<!RGPD )\bart\. \d+(?:-\d)?")
RGPD_ARTICLE = re.compile(r"RGPD art\. \d+(?:\(\w+\))*")


def sources() -> Iterator[str]:
    for folder in CITED_IN:
        for suffix in ("*.py", "*.proto", "*.sql"):
            yield from (path.read_text() for path in (PROJECT / folder).rglob(suffix))


def test_every_article_that_is_cited_is_explained() -> None:
    cited = {article for source in sources() for article in ARTICLE.findall(source)} - OTHER_LAWS
    explained = set(re.findall(r"^\| (art\. [\d-]+) \|", PAGE, re.MULTILINE))
    assert len(cited) > 10
    assert cited <= explained


def test_every_article_of_the_rgpd_that_is_cited_is_explained() -> None:
    cited = {article for source in sources() for article in RGPD_ARTICLE.findall(source)}
    explained = set(re.findall(rf"^\| ({RGPD_ARTICLE.pattern}) \|", PAGE, re.MULTILINE))
    assert len(cited) > 5
    assert cited <= explained


@pytest.mark.parametrize("promise", [f"N{number}" for number in range(1, 9)])
def test_every_promise_names_what_keeps_and_what_proves_it(promise: str) -> None:
    (row,) = re.findall(rf"^\| {promise} \|.*$", PAGE, re.MULTILINE)
    named = re.findall(r"`([\w/.]+/[\w/.]*)`", row)
    assert any(name.startswith("tests/e2e/") for name in named)
    assert [name for name in named if not (PROJECT / name).exists()] == []
