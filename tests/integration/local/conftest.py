import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.local.cli import main
from deploy.local.layout import Layout
from tests.stack import Stack, empty_stack, launch, new_root


class Finished(NamedTuple):
    """How a command ended, and what it said."""

    status: int
    out: str
    error: str


Launch = Callable[..., Stack]
Command = Callable[..., Finished]


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder for one stack."""
    folder = new_root()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def layout(root: Path) -> Layout:
    """The folders of a stack that does not run."""
    made = Layout(root)
    made.make()
    return made


@pytest.fixture(scope="module")
def small_stack() -> Iterator[Stack]:
    """Valkey and its supervisor, for the tests that leave them running."""
    with empty_stack(["valkey"]) as stack:
        yield stack


@pytest.fixture
def launched(root: Path) -> Iterator[Launch]:
    """Starts small stacks, by default in `root`; they are stopped after the test."""
    running = []

    def start(only: Sequence[str], arguments: Sequence[str] = (), at: Path = root) -> Stack:
        stack = launch(at, only, arguments)
        running.append(stack)
        stack.wait_for_start()
        return stack

    yield start
    for stack in running:
        stack.stop()


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs one command of the local stack in this process, without a terminal."""

    def run(*arguments: str) -> Finished:
        monkeypatch.setattr("sys.argv", ["deploy.local", *arguments])
        with ThreadPoolExecutor(1) as thread, pytest.raises(SystemExit) as ended:
            # In a thread, for it runs an event loop of its own.
            thread.submit(main).result()
        shown = capsys.readouterr()
        return Finished(int(ended.value.code or 0), shown.out, shown.err)

    return run
