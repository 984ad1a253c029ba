"""The examples run as they are handed to partners, against the gateway."""

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)


def outcomes(printed: str) -> dict[str, str]:
    """Family → outcome, from the table."""
    rows = printed.split("quotient familial\n")[1].splitlines()
    return {family: outcome for family, outcome, *_ in (row.split() for row in rows)}


def test_the_python_example_replaces_the_password_and_consults_twice(demo: Path) -> None:
    consult: tuple[Any, ...] = (sys.executable, "examples/consult.py", "--demo", demo)
    first = run(*consult)
    assert first.returncode == 0, first.stderr
    assert "The temporary password was replaced." in first.stdout
    expected = {
        "available": "AVAILABLE",
        "opposed": "OPPOSED",
        "no_quotient": "NO_QUOTIENT",
        "not_found": "NOT_FOUND",
    }
    assert outcomes(first.stdout) == expected
    assert "612.34 € from 2026-11-01" in first.stdout
    again = run(*consult)
    assert again.returncode == 0, again.stderr
    assert "replaced" not in again.stdout
    assert outcomes(again.stdout) == expected
    assert stat.S_IMODE(demo.with_name("demo-passwords.json").stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR
    transcript = run("bash", "examples/consult.sh", demo)
    assert transcript.returncode == 0, transcript.stderr
    assert json.loads(transcript.stdout.splitlines()[0])["periods"][0]["amount_cents"] == 61234


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
