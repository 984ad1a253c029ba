import sys

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from tools.check import CHECKS, Check, report, run, run_all
from tools.paths import PROJECT, ToolMissing


def check(name: str, program: str) -> Check:
    return Check(name, f"{name} holds", lambda: (sys.executable, "-c", program))


def missing() -> tuple[str, ...]:
    raise ToolMissing("uv is not installed")


PASSES = check("passes", "print('quiet')")
FAILS = check("fails", "import sys; print('line 3 is wrong'); sys.exit(1)")


def test_a_check_that_fails_is_told_in_full_and_last(capsys: pytest.CaptureFixture[str]) -> None:
    passed = report(run_all([FAILS, PASSES]))
    printed = capsys.readouterr().out
    assert not passed
    assert "line 3 is wrong" in printed.partition("--- fails ---")[2]
    assert printed.rstrip().endswith("1 of 2 checks failed. Again: make check ARGS='fails'")
    assert "quiet" not in printed


def test_all_run_even_when_the_first_fails(capsys: pytest.CaptureFixture[str]) -> None:
    run_all([FAILS, PASSES])
    lines = sorted(capsys.readouterr().out.splitlines())
    assert [line.split()[:2] for line in lines] == [["FAILED", "fails"], ["ok", "passes"]]


def test_a_tool_that_is_missing_fails_its_check_and_says_so() -> None:
    result = run(Check("lock", "holds", missing))
    assert (result.passed, result.output) == (False, "uv is not installed")


def test_what_passes_says_nothing_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(run_all([PASSES]))
    assert capsys.readouterr().out.count("\n") == 1


def test_pre_commit_runs_the_same_checks() -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert sorted(hook["entry"] for hook in hooks) == sorted(
        f".venv/bin/python -m tools.check {check.name}" for check in CHECKS
    )
    assert {(hook["language"], hook["pass_filenames"], hook["always_run"]) for hook in hooks} == {
        ("system", False, True)
    }


def test_ci_runs_what_a_developer_runs() -> None:
    script = (PROJECT / ".ci/run").read_text()
    assert "make --no-print-directory check" in script
    assert "make --no-print-directory test" in script
