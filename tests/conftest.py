"""The one stack of a process that runs tests, and whose turn it is on the machine.

With `--numprocesses` several processes run tests, file by file; each has a stack of its own.
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.machine import Machine
from tests.stack import Stack, launch, new_root

# Every test calls from one address: tests/e2e/test_limits.py has a stack of its own.
NO_LIMIT_OF_ADDRESS = "--set=identity.sessions.address_calls_per_minute=1000000000"
STACK = pytest.StashKey[Stack]()
LOG_SIZES = pytest.StashKey[dict[Path, int]]()
FAILED = pytest.StashKey[bool]()
MACHINE = pytest.StashKey[Machine]()
# How a process that runs tests is told where the machine's locks lie.
MACHINE_FOLDER = "machine_folder"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stack-only",
        action="append",
        default=[],
        metavar="PART",
        help="start only this part of the stack and what it needs (again for more)",
    )
    parser.addoption(
        "--races",
        type=int,
        default=150,
        metavar="N",
        help="how many sessions race against their revocation, in each arrangement (default: 150)",
    )


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The whole suite on free ports with data of its own; stopped when the session ends, however it ends."""
    running = launch(new_root(), request.config.getoption("--stack-only"), [NO_LIMIT_OF_ADDRESS])
    request.config.stash[STACK] = running
    try:
        if (reason := running.failure_to_start()) is not None:
            request.config.stash[FAILED] = True
            pytest.fail(reason, pytrace=False)
        yield running
    finally:
        running.stop()
        running.remove(keep_logs=request.config.stash.get(FAILED, False))


def pytest_configure(config: pytest.Config) -> None:
    told: dict[str, str] | None = getattr(config, "workerinput", None)
    config.stash[MACHINE] = Machine(Path(told[MACHINE_FOLDER])) if told else Machine.of_a_run()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a process that runs tests for this one; `node` is pytest-xdist's, which has no types."""
    node.workerinput[MACHINE_FOLDER] = str(node.config.stash[MACHINE].folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[MACHINE].remove()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Waiting for one's turn is no part of the test's time-out."""
    with item.config.stash[MACHINE].used(alone=item.get_closest_marker("alone") is not None):
        if running := item.config.stash.get(STACK, None):
            item.stash[LOG_SIZES] = running.log_sizes()
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows with a failure what the stack wrote during the test."""
    report = yield
    if report.failed:
        item.config.stash[FAILED] = True
        if running := item.config.stash.get(STACK, None):
            report.sections += [
                ("What the stack wrote", running.logged_since(item.stash.get(LOG_SIZES, {}))),
                ("Where its logs and settings are kept", str(running.layout.root)),
            ]
    return report
