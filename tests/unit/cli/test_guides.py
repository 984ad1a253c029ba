"""The guides show commands that can be typed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.root import app

GUIDES = Path(__file__).resolve().parents[3] / "docs" / "guides"


def typed(guide: str) -> Iterator[list[str]]:
    """The words of every command line of a guide that is whole."""
    text = (GUIDES / guide).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(r"^\$ qf (.*)$", text, re.MULTILINE):
        words = shlex.split(line, comments=True)
        if "…" not in line:
            yield words


@pytest.mark.parametrize(
    "words",
    [words for guide in sorted(GUIDES.glob("*.md")) for words in typed(guide.name)],
    ids=" ".join,
)
def test_a_command_of_the_guides_can_be_typed(words: list[str]) -> None:
    command: Any = get_command(app)
    rest = list(words)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    assert command.make_context(words[0], rest).params


def test_the_guide_of_the_registry_shows_what_it_is_about() -> None:
    shown = {" ".join(words[:2]) for words in typed("registry.md")}
    assert {"agent habilitate", "request accept", "convention denounce", "user confirm"} <= shown
