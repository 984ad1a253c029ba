"""`examples/sandbox.sh` tries the rows of the sandbox's guide, as the guide types it."""

import json
import os
import re
import shlex
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.layout import PROJECT
from tests.sandbox_guide import GUIDE
from tests.stack import Stack

Ran = subprocess.CompletedProcess[str]
Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def demo(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The running stack's demo.json, in a folder where the passwords chosen may be kept."""
    file = tmp_path_factory.mktemp("demo") / "demo.json"
    file.write_text(json.dumps(stack.demo))
    return file


@pytest.fixture
def run(demo: Path) -> Run:
    def typed(*words: str) -> Ran:
        return subprocess.run(
            ("examples/sandbox.sh", *words),
            cwd=PROJECT,
            env={**os.environ, "DEMO": str(demo)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return typed


def typed_in_the_guide(stack: Stack) -> list[list[str]]:
    """The words behind the script in each command of the guide, with the files of this stack."""
    text = GUIDE.read_text(encoding="utf-8").replace(".local/tls", str(stack.layout.tls))
    commands = re.findall(r"^\$ examples/sandbox.sh(.*)$", text, re.MULTILINE)
    return [shlex.split(command, comments=True) for command in commands]


def test_each_command_of_the_guide_meets_what_its_row_says(stack: Stack, run: Run) -> None:
    met = []
    for words in typed_in_the_guide(stack):
        ran = run(*words)
        answer = json.loads(ran.stdout)
        assert ran.returncode == int("reason" in answer), ran.stderr
        met.append(answer.get("outcome") or answer["reason"])
    assert met == [
        "OUTCOME_AVAILABLE",
        "OUTCOME_AVAILABLE",
        "INVALID_FIELD",
        "PARTNER_SUSPENDED",
        "OUTCOME_OUTSIDE_WINDOW",
        "OUTCOME_AVAILABLE",
        "OUTCOME_AVAILABLE",
    ]


def test_each_call_is_told_with_its_status_and_no_secret(run: Run, demo: Path) -> None:
    refused = run("user_suspended")
    assert refused.stderr.splitlines()[-1] == "POST /v1/quotients:consult: 403"
    again = run("user_suspended")
    assert "/v1/password" not in again.stderr
    users = {user["state"]: user["login"] for user in json.loads(demo.read_text())["users"]}
    password = json.loads(demo.with_name("demo-passwords.json").read_text())[users["user_suspended"]]
    assert password not in refused.stdout + refused.stderr + again.stdout + again.stderr
    assert stat.S_IMODE(demo.with_name("demo-passwords.json").stat().st_mode) == 0o600


def test_an_unknown_state_names_the_known_ones(run: Run) -> None:
    told = run("nobody")
    assert told.returncode != 0
    assert "partner_suspended" in told.stderr
