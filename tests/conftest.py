"""The one stack of a test session."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.stack import Stack, launch, new_root

# Every test calls from one address: tests/e2e/test_limits.py has a stack of its own.
NO_LIMIT_OF_ADDRESS = "--set=identity.sessions.address_calls_per_minute=1000000000"
STACK = pytest.StashKey[Stack]()
LOG_SIZES = pytest.StashKey[dict[Path, int]]()
FAILED = pytest.StashKey[bool]()


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
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
            report.sections.append(
                ("What the stack wrote", running.logged_since(item.stash.get(LOG_SIZES, {})))
            )
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    running = config.stash.get(STACK, None)
    if running and config.stash.get(FAILED, False):
        terminalreporter.write_line(f"The stack's logs and settings are kept in {running.layout.root}")
