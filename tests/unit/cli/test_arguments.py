"""Nothing confidential is an argument (N5)."""

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from cli.application import refuse_confidential_arguments
from cli.root import app
from tests.unit.cli.lines import NIR


@pytest.mark.parametrize(
    "arguments",
    [
        ["opposition", "record", "--nir", NIR],
        ["opposition", "record", f"--nir={NIR}"],
        ["opposition", "record", "--nir", "not one"],
        ["opposition", "record", "2 85 07 21 009 001 53"],
        ["opposition", "record", f"--nir-file={NIR}"],
        ["user", "register", "--nom", "VAUCLAIRON"],
        ["user", "register", "--email=jeanne@valbrune.example"],
        ["user", "register", "--password", "x"],
        ["partner", "update", "UUID", "--representative", "VAUCLAIRON"],
        ["partner", "suspend", "UUID", "--reason", "told to jeanne@valbrune.example"],
        ["user", "list", "--convention=<jeanne@valbrune.example>"],
    ],
)
def test_a_nir_or_a_name_as_an_argument_is_refused_unrepeated(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "never an argument" in " ".join(result.stderr.replace("│", " ").split())
    assert not any(value in result.output for value in (NIR, "VAUCLAIRON", "valbrune", "2 85"))


@pytest.mark.parametrize(
    "argument",
    [
        "--caisse=21",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "21999900000017",
        "285072100900",
        "/home/agent@valbrune.example/form.json",
        "agent at 9 @ the desk",
    ],
)
def test_what_only_looks_alike_is_let_through(argument: str) -> None:
    result = CliRunner().invoke(app, ["caisse", "list", argument])
    assert "never an argument" not in " ".join(result.stderr.replace("│", " ").split())


def test_a_corsican_nir_is_seen() -> None:
    with pytest.raises(typer.BadParameter):
        refuse_confidential_arguments(["185072a00900164"])


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group below `group`, with its words."""
    found = group or get_command(app)
    yield path, found
    for name, command in getattr(found, "commands", {}).items():
        yield from commands(command, (*path, name))


GROUPS = [path for path, command in commands() if hasattr(command, "commands")]
COMMANDS = [path for path, command in commands() if not hasattr(command, "commands")]


@pytest.mark.parametrize("path", GROUPS, ids=" ".join)
def test_help_is_worth_reading(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    panels = result.stdout.split("╭─ ")[2:]
    listed = {line.split()[1] for panel in panels for line in panel.splitlines() if "│ " in line}
    assert {below[-1] for below, _ in commands() if below[:-1] == path and below} <= listed


def test_the_exit_statuses_are_documented() -> None:
    text = " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())
    assert "0 done; 1 refused or failed; 2 usage" in text


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_shows_an_example(path: tuple[str, ...]) -> None:
    text = CliRunner().invoke(app, [*path, "--help"]).stdout
    assert f"qf {' '.join(path)}" in text.split("Examples:")[1]
    assert all(option in text for option in ("--json", "--config", "--agent"))


def examples(path: tuple[str, ...], command: Any) -> Iterator[list[str]]:
    """The words after those of the command itself, of each example of it."""
    for example in command.epilog.replace(r"\[", "[").split("\n\n")[1:]:
        for typed in example.split(" | "):
            _, *words = shlex.split(typed)
            if words[: len(path)] == list(path):
                yield words[len(path) :]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_example_can_be_typed(path: tuple[str, ...]) -> None:
    """Its options are there, and the required ones are given."""
    command = dict(commands())[path]
    assert [command.make_context(path[-1], words) for words in examples(path, command)]
