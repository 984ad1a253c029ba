"""The examples run as they are handed to partners, against the gateway."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import playwright
import pytest

from deploy.local.layout import PROJECT
from tests.integration.cli.process import Qf
from tests.integration.cli.registering import CAISSE, register
from tests.integration.cli.test_cycle import dossier, new_nir
from tests.stack import Stack
from tests.unit.cli.lines import quotient


@pytest.fixture
async def demo(stack: Stack, tmp_path: Path) -> Path:
    """A demo file as `make up` writes it, for a user and families of this test."""
    qf = Qf(stack.layout.qf_config_file)
    user = (await register(qf)).user
    nirs = {"available": new_nir(), "opposed": new_nir(), "no_quotient": new_nir(), "not_found": new_nir()}
    content = (
        dossier(nirs["available"])
        + dossier(nirs["opposed"])
        + dossier(nirs["no_quotient"], quotient_familial=quotient(valeur=None))
    )
    await qf.json("dossiers", "import", "-", stdin=content.decode())
    await qf.json("opposition", "record", "--caisse", CAISSE, "--channel", "letter", stdin=nirs["opposed"])
    path = tmp_path / "demo.json"
    path.write_text(
        json.dumps(
            {
                "gateway_url": stack.gateway_url,
                "ca_file": str(stack.ca_file),
                "users": [{key: user[key] for key in ("login", "temporary_password")}],
                "nirs": nirs,
            }
        )
    )
    return path


def run(*command: str | Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": path or os.environ["PATH"]}
    return subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def rows(printed: str, heading: str) -> list[str]:
    """The lines between a heading and the next empty one."""
    return printed.split(f"{heading}\n")[1].split("\n\n", maxsplit=1)[0].splitlines()


def outcomes(lines: list[str]) -> dict[str, str]:
    """Family → outcome."""
    return {family: outcome for family, outcome, *_ in (line.split() for line in lines)}


EXPECTED = {
    "available": "AVAILABLE",
    "opposed": "OPPOSED",
    "no_quotient": "NO_QUOTIENT",
    "not_found": "NOT_FOUND",
}
# Playwright, which drives the tests' browser, brings a Node of its own: none need be installed.
NODE = Path(playwright.__file__).parent / "driver" / "node"
COMMANDS: dict[str, Callable[[Path, str], tuple[str | Path, ...]]] = {
    "python": lambda demo, family: (
        *(sys.executable, "examples/consult.py", "--demo", demo, "--oppose", family),
    ),
    "curl": lambda demo, family: ("bash", "examples/consult.sh", demo, family),
    "javascript": lambda demo, family: (NODE, "examples/consult.mjs", "--demo", demo, "--oppose", family),
}


@pytest.mark.parametrize("language", COMMANDS)
def test_an_example_replaces_the_password_and_does_all_a_partner_does(demo: Path, language: str) -> None:
    first = run(*COMMANDS[language](demo, "not_found"))
    assert first.returncode == 0, first.stderr
    assert "The temporary password was replaced." in first.stdout
    single = rows(first.stdout, "quotient familial")
    assert outcomes(single) == EXPECTED
    assert any("612.34 € from 2026-11-01" in line for line in single)
    assert rows(first.stdout, "In one call:") == single
    assert "Opposition recorded: " in first.stdout
    last = [line.split()[1:] for line in rows(first.stdout, "Your last consultations:")]
    assert last == [
        [outcome, f"BATCH/{number}"]
        for number, outcome in reversed(list(enumerate(EXPECTED.values(), start=1)))
    ]
    passwords = demo.with_name("demo-passwords.json")
    assert stat.S_IMODE(passwords.stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR


def test_the_examples_share_the_password_that_the_first_one_chose(demo: Path) -> None:
    tables = []
    for number, command in enumerate(COMMANDS.values()):
        told = run(*command(demo, "not_found"))
        assert told.returncode == 0, told.stderr
        assert ("The temporary password was replaced." in told.stdout) is (number == 0)
        tables.append(rows(told.stdout, "quotient familial"))
    assert tables[0] == tables[1] == tables[2]


@pytest.mark.parametrize("language", COMMANDS)
def test_an_example_tells_a_refusal_by_its_reason_and_what_to_do(demo: Path, language: str) -> None:
    content = json.loads(demo.read_text())
    content["users"][0]["temporary_password"] = "nobody-chose-this-one-7"
    demo.write_text(json.dumps(content))
    refused = run(*COMMANDS[language](demo, "not_found"))
    assert refused.returncode == 1
    assert "The gateway refused: CREDENTIALS_REFUSED (Ces identifiants" in refused.stderr


def test_the_curl_example_gives_no_command_a_nir_a_password_or_the_token(demo: Path, tmp_path: Path) -> None:
    told = tmp_path / "arguments.txt"
    shims = tmp_path / "shims"
    shims.mkdir()
    for name in ("curl", "python3"):
        shim = shims / name
        shim.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>"{told}"\nexec {shutil.which(name)} "$@"\n')
        shim.chmod(0o755)
    done = run(*COMMANDS["curl"](demo, "not_found"), path=f"{shims}{os.pathsep}{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    content = json.loads(demo.read_text())
    chosen = json.loads(demo.with_name("demo-passwords.json").read_text())
    arguments = told.read_text()
    assert "/v1/quotients:consult" in arguments
    secrets = [
        *content["nirs"].values(),
        content["users"][0]["temporary_password"],
        *chosen.values(),
        "Bearer ",
    ]
    assert [secret for secret in secrets if secret in arguments] == []


def test_the_python_example_takes_a_password_of_ones_own(demo: Path) -> None:
    chosen = demo.with_name("chosen.txt")
    chosen.write_text("too short")
    refused = run(sys.executable, "examples/consult.py", "--demo", demo, "--new-password-file", chosen)
    assert refused.returncode == 1
    assert "INVALID_FIELD" in refused.stderr
    chosen.write_text("quatre-brouettes-violettes-7\n")
    taken = run(sys.executable, "examples/consult.py", "--demo", demo, "--new-password-file", chosen)
    assert taken.returncode == 0, taken.stderr


def test_the_python_example_says_where_the_demo_comes_from(tmp_path: Path) -> None:
    told = run(sys.executable, "examples/consult.py", "--demo", tmp_path / "none.json")
    assert told.returncode == 1
    assert "make up" in told.stderr
