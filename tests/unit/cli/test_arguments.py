"""Nothing confidential is an argument (N5)."""

import pytest
import typer
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
    ],
)
def test_a_nir_or_a_name_as_an_argument_is_refused_unrepeated(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "never an argument" in " ".join(result.stderr.replace("│", " ").split())
    assert not any(value in result.output for value in (NIR, "VAUCLAIRON", "valbrune", "2 85"))


@pytest.mark.parametrize(
    "argument", ["--caisse=21", "01890a5d-ac96-774b-bcce-b302099a8057", "21850219900014", "285072100900"]
)
def test_other_numbers_are_let_through(argument: str) -> None:
    result = CliRunner().invoke(app, ["caisse", "list", argument])
    assert "never an argument" not in " ".join(result.stderr.replace("│", " ").split())


def test_a_corsican_nir_is_seen() -> None:
    with pytest.raises(typer.BadParameter):
        refuse_confidential_arguments(["185072a00900164"])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["caisse"],
        ["partner"],
        ["convention"],
        ["user"],
        ["session"],
        ["outbox"],
        ["dossiers"],
        ["opposition"],
        ["journal"],
        ["demo"],
    ],
)
def test_help_is_worth_reading(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, [*arguments, "--help"])
    assert result.exit_code == 0
    commands = [
        line.split()[1] for line in result.stdout.split("─ Commands")[-1].splitlines() if "│ " in line
    ]
    assert commands


def test_the_exit_statuses_are_documented() -> None:
    text = " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())
    assert "0 done; 1 refused or failed; 2 usage" in text


def test_every_command_shows_an_example() -> None:
    for group in app.registered_groups:
        assert group.typer_instance is not None
        for command in group.typer_instance.registered_commands:
            text = CliRunner().invoke(app, [str(group.name), str(command.name), "--help"]).stdout
            assert f"qf {group.name} {command.name}" in text.split("Examples:")[1]
            assert "--json" in text
    for command in app.registered_commands:
        text = CliRunner().invoke(app, [str(command.name), "--help"]).stdout
        assert f"qf {command.name}" in text.split("Examples:")[1]
