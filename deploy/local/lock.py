"""One stack per root: a kernel lock, gone with its holder, so that a stale lock file is no problem."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.errors import LocalStackError
from deploy.local.processes import Process


@dataclass(frozen=True)
class Holder:
    """The supervisor that holds the lock."""

    pid: int
    start_time: int
    address: str

    @property
    def process(self) -> Process:
        """Its process; it may have ended."""
        return Process(self.pid, self.start_time)


@contextmanager
def hold(path: Path, address: str) -> Iterator[None]:
    """Holds the lock of one root.

    Raises:
        LocalStackError: another supervisor holds it; says which and how to stop it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _try_lock(descriptor):
            raise LocalStackError(_running(holder(path)))
        me = Process.of(os.getpid())
        if me is None:
            raise LocalStackError("This stack needs Linux: it knows its processes by /proc.")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(Holder(me.pid, me.start_time, address))).encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a stack runs there."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def holder(path: Path) -> Holder | None:
    """Who wrote the lock file last; look at `is_held` first."""
    try:
        return Holder(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _running(other: Holder | None) -> str:
    if other is None:
        return "The stack is starting in another terminal. Stop it with Ctrl-C there, or with: make down"
    return (
        f"The stack already runs: {other.address} (pid {other.pid}).\n"
        "Use that one, or stop it with Ctrl-C in its terminal, or with: make down"
    )
