"""The guide "connect in an afternoon" says the same in both languages, and nothing that the sandbox does not hold."""

import re
from pathlib import Path

import pytest

from deploy.local.people import FAMILIES, UNKNOWN_NIR
from gateway.domain import Outcome
from services.kit.errors import Reason

GUIDES = Path(__file__).parents[3] / "docs" / "guides"
NAMES = ("connect-in-an-afternoon.md", "se-connecter-en-une-apres-midi.md")
ROW = re.compile(r"^\| `(\w{15})` \| `(\w+)` \| `(\w+)` \|$", re.MULTILINE)


def text_of(name: str) -> str:
    return (GUIDES / name).read_text(encoding="utf-8")


def test_both_languages_show_the_same_commands_answers_and_families() -> None:
    english, french = (text_of(name) for name in NAMES)
    for pattern in (
        r"```.*?```",
        r"^\| `[^`\n]+` \| `[^`\n]+`",
        r"^## \d+\.",
        r"`[a-z/]+\.(?:md|py|mjs|sh)`",
    ):
        found = [re.findall(pattern, text, re.DOTALL | re.MULTILINE) for text in (english, french)]
        assert found[0] == found[1]
        assert found[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_families_are_those_of_the_sandbox(name: str) -> None:
    made = {family.kind: family.nir for family in FAMILIES} | {"not_found": UNKNOWN_NIR}
    rows = ROW.findall(text_of(name))
    assert len(rows) >= 6
    for nir, kind, outcome in rows:
        assert made[kind] == nir
        assert outcome.removeprefix("OUTCOME_") in Outcome.__members__


@pytest.mark.parametrize("name", NAMES)
def test_every_reason_that_is_named_exists(name: str) -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", text_of(name)))
    reasons = {each for each in named if not each.startswith(("OUTCOME_", "PURPOSE_"))}
    assert {"RATE_LIMITED", "SERVICE_CLOSED"} <= reasons <= set(Reason.__members__)


@pytest.mark.parametrize("name", NAMES)
def test_what_it_leads_to_is_there(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(name))
    examples = re.findall(r"`(examples/[\w.]+)`", text_of(name))
    assert links
    assert len(examples) == 3
    assert all((GUIDES / link).exists() for link in links)
    assert all((GUIDES.parents[1] / example).exists() for example in examples)
