"""Runs the project's checks, all of them or those named: `python -m tools.check [NAME ...]`.

`make check`, pre-commit and CI run this and nothing else, so they cannot disagree.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from tools.paths import PROJECT, ToolMissing, environment, uv

Command = Sequence[str]


@dataclass(frozen=True)
class Check:
    """One check: what it makes sure of, and the command that fails when it does not hold."""

    name: str
    promise: str
    command: Callable[[], Command]


@dataclass(frozen=True)
class Result:
    """How a check ended."""

    check: Check
    passed: bool
    output: str
    seconds: float


def _python(*arguments: str) -> Callable[[], Command]:
    return lambda: (sys.executable, "-m", *arguments)


# The slowest first: they run side by side.
CHECKS = (
    Check("types", "types hold (mypy --strict)", _python("mypy")),
    Check(
        "imports", "parts meet only where they may (import-linter)", lambda: ("lint-imports", "--no-cache")
    ),
    Check("format", "code is laid out by ruff", _python("ruff", "format", "--check", "--quiet", ".")),
    Check("lint", "ruff finds nothing", _python("ruff", "check", "--quiet", "--output-format=concise", ".")),
    Check("house-rules", "house rules hold", _python("tools.house_rules")),
    Check("protos-lint", "protos follow buf's STANDARD, with comments", _python("tools.protos", "lint")),
    Check("protos-breaking", "protos break no released client", _python("tools.protos", "breaking")),
    Check("protos-generated", "generated code is that of the protos", _python("tools.protos", "check")),
    Check("openapi", "the reference is what the protos make", _python("tools.openapi", "check")),
    Check("lock", "uv.lock fits pyproject.toml", lambda: (uv(), "lock", "--check", "--quiet")),
)


def run(check: Check) -> Result:
    """Runs one check and keeps what it says."""
    start = time.monotonic()
    try:
        finished = subprocess.run(
            check.command(),
            cwd=PROJECT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except ToolMissing as error:
        return Result(check, passed=False, output=str(error), seconds=time.monotonic() - start)
    return Result(check, finished.returncode == 0, finished.stdout.strip(), time.monotonic() - start)


def run_all(checks: Iterable[Check]) -> list[Result]:
    """Runs the checks side by side and prints a line as each ends; the failed ones come back last in full."""
    results = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in as_completed([pool.submit(run, check) for check in checks]):
            result = done.result()
            print(
                f"{'ok' if result.passed else 'FAILED':7}{result.check.name:18}{result.seconds:6.1f} s  ",
                end="",
            )
            print(result.check.promise, flush=True)
            results.append(result)
    return results


def report(results: Sequence[Result]) -> bool:
    """Prints what the failed checks said and which they are; returns whether all passed."""
    failed = [result for result in results if not result.passed]
    for result in failed:
        print(f"\n--- {result.check.name} ---\n{result.output}")
    if failed:
        names = " ".join(result.check.name for result in failed)
        print(f"\n{len(failed)} of {len(results)} checks failed. Again: make check ARGS='{names}'")
    return not failed


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="check", description=__doc__)
    by_name = {check.name: check for check in CHECKS}
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(by_name)}")
    names = parser.parse_args().names
    unknown = set(names) - set(by_name)
    if unknown:
        parser.error(f"no such check: {', '.join(sorted(unknown))}; there are: {', '.join(by_name)}")
    passed = report(run_all([by_name[name] for name in names] or CHECKS))
    sys.exit(not passed)


if __name__ == "__main__":
    main()
