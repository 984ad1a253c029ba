"""Every command of the guide "connect in an afternoon" is run as it stands there, and answers what it shows."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.local.people import FAMILIES
from tests.integration.cli.process import Qf
from tests.integration.cli.registering import register
from tests.stack import Stack

GUIDES = Path(__file__).parents[3] / "docs" / "guides"
NEW_PASSWORD = "quatre-brouettes-violettes-7"
# A stack for tests is open at any hour, unless told otherwise.
OF_THE_HOURS = {"hours", "next_change_time"}
_COMMAND = re.compile(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


def commands(name: str) -> Iterator[tuple[str, str]]:
    """Each command line of a guide's console blocks, and what is shown below it."""
    text = (GUIDES / name).read_text(encoding="utf-8")
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from _COMMAND.findall(block)


class Reader:
    """Somebody who follows the guide: writes its files, with his own values for each `…`, and types its commands."""

    def __init__(self, folder: Path, gateway_url: str, values: Mapping[str, str]) -> None:
        self._folder = folder
        self._gateway_url = gateway_url
        self._values = dict(values)

    def follow(self, line: str, shown: str) -> None:
        """Types one command."""
        if line.startswith("cat "):
            (self._folder / line.removeprefix("cat ")).write_text(self._filled_in(shown))
            return
        answers = _documents(self._typed(line))
        for expected, answer in zip(_documents(shown), answers, strict=True):
            assert_shows(answer, expected)
            self._values["Bearer"] = answer.get("session_token", self._values.get("Bearer", ""))

    def _filled_in(self, text: str) -> str:
        text = text.replace("Bearer …", f"Bearer {self._values.get('Bearer', '')}")
        return re.sub(r'"(\w+)": "…"', lambda field: f'"{field[1]}": "{self._values[field[1]]}"', text)

    def _typed(self, line: str) -> str:
        command = line.replace("https://GATEWAY", self._gateway_url).replace("curl ", "curl --silent ", 1)
        return subprocess.run(
            ("bash", "-c", command), cwd=self._folder, capture_output=True, text=True, check=True, timeout=60
        ).stdout


def assert_shows(answer: Any, expected: Any) -> None:
    """The answer holds what the guide shows of it: the same names, and the same values of what is fixed."""
    if isinstance(expected, dict):
        assert isinstance(answer, dict)
        compared = expected.keys() - OF_THE_HOURS
        assert compared <= answer.keys()
        for name in compared:
            assert_shows(answer[name], expected[name])
    elif isinstance(expected, list):
        assert len(answer) >= len(expected)
        for position, value in enumerate(expected):
            assert_shows(answer[position], value)
    elif isinstance(expected, str) and re.fullmatch(r"[A-Z_]{4,}|urn:.*|.* .*", expected):
        assert answer == expected
    else:
        assert type(answer) is type(expected)


def _documents(text: str) -> list[Any]:
    """The JSON documents that stand one after another."""
    decoder, found, position = json.JSONDecoder(), [], 0
    while text[position:].strip():
        position += len(text[position:]) - len(text[position:].lstrip())
        document, position = decoder.raw_decode(text, position)
        found.append(document)
    return found


@pytest.mark.parametrize("name", ["connect-in-an-afternoon.md", "se-connecter-en-une-apres-midi.md"])
async def test_who_follows_the_guide_gets_what_it_shows(name: str, stack: Stack, tmp_path: Path) -> None:
    assert any(family.nir in text for family in FAMILIES for _, text in commands(name))
    user = (await register(Qf(stack.layout.qf_config_file))).user
    (tmp_path / "ca.pem").write_bytes(stack.ca_file.read_bytes())
    reader = Reader(
        tmp_path,
        stack.gateway_url,
        {
            "login": user["login"],
            "password": user["temporary_password"],
            "current_password": user["temporary_password"],
            "new_password": NEW_PASSWORD,
        },
    )
    typed = [line for line, _ in commands(name)]
    assert len([line for line in typed if line.startswith("curl ")]) >= 9
    for line, shown in commands(name):
        reader.follow(line, shown)
