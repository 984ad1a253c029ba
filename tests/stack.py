"""A whole stack for the tests, in a process of its own: real PostgreSQL, Valkey and Envoy, mutual TLS, free ports."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import grpc

from deploy.local.certificates import ca_file
from deploy.local.channels import internal_channel
from deploy.local.components import probe
from deploy.local.layout import PROJECT, Layout
from deploy.local.processes import Process, ProcessFile, ending_with_parent
from deploy.local.settings import Ports
from services.kit.config import Section, load

START_SECONDS = 90.0
STOP_SECONDS = 45.0
READY_SECONDS = 30.0
POLL_SECONDS = 0.05
LINES_SHOWN = 40
LOG_LINES_SHOWN = 15

S = TypeVar("S", bound=Section)


class StackFailed(Exception):
    """The stack does not start; the text ends with what it said last."""


class Stack:
    """A running stack: where it is, how to reach it, how to break it."""

    def __init__(self, root: Path, process: subprocess.Popen[bytes]) -> None:
        self.layout = Layout(root)
        self._process = process

    @property
    def demo(self) -> dict[str, Any]:
        """What `demo.json` says: addresses, certificates, users, NIRs."""
        shown: dict[str, Any] = json.loads(self.layout.demo_file.read_text())
        return shown

    @property
    def ports(self) -> Ports:
        """Where everything listens."""
        return Ports(**self.demo["ports"])

    @property
    def gateway_url(self) -> str:
        """What partners call."""
        return str(self.demo["gateway_url"])

    @property
    def ca_file(self) -> Path:
        """What partners trust, and what internal servers and clients trust."""
        return ca_file(self.layout)

    def settings(self, name: str, settings_class: type[S]) -> S:
        """The settings that the server `name` (or `identity_owner`, …) was started with."""
        return load(settings_class, self.layout.config / f"{name}.toml", "QF_TEST_", environ={})

    def channel(self, service: str, client: str | None = "qf") -> grpc.aio.Channel:
        """A channel to an internal service, showing the certificate of `client`, or none; close it after use."""
        return internal_channel(self.layout, self.ports, service, client)

    def edge_channel(self) -> grpc.aio.Channel:
        """A channel to the gateway, as partners open it: TLS without a client certificate; close it after use."""
        return grpc.aio.secure_channel(
            self.gateway_url.removeprefix("https://"),
            grpc.ssl_channel_credentials(self.ca_file.read_bytes()),
            options=[("grpc.enable_http_proxy", 0)],
        )

    def process(self, name: str) -> Process:
        """The process of a component, as it runs now. Raises KeyError while there is none."""
        return ProcessFile(self.layout.processes_file).read()[name]

    @property
    def supervisor(self) -> Process:
        """The process that keeps the others running. Raises KeyError when it has ended."""
        process = Process.of(self._process.pid)
        if process is None:
            raise KeyError
        return process

    @property
    def output(self) -> str:
        """What it said on its screen."""
        return output_file(self.layout.root).read_text(encoding="utf-8", errors="replace")

    def kill(self, name: str) -> None:
        """`kill -9` of a component; returns when it is gone. The stack starts it again after half a second or more."""
        process = self.process(name)
        process.send(signal.SIGKILL)
        while process.is_alive():
            sleep(POLL_SECONDS / 10)

    @asynccontextmanager
    async def kept_away(self, name: str) -> AsyncIterator[None]:
        """Kills a component, and again whenever it is back: some are, within the second that a call waits."""

        async def kill_again_and_again() -> None:
            while True:
                with suppress(KeyError):
                    self.kill(name)
                await asyncio.sleep(POLL_SECONDS)

        self.kill(name)
        killing = asyncio.create_task(kill_again_and_again())
        try:
            yield
        finally:
            killing.cancel()

    async def wait_until_ready(self, name: str, seconds: float = READY_SECONDS) -> None:
        """Returns when the component answers as the stack itself wants it to. Raises TimeoutError."""
        answers = probe(self.layout, self.ports, name)
        async with asyncio.timeout(seconds):
            while True:
                try:
                    return await answers()
                except Exception:  # noqa: BLE001 - whatever a server that is not there yet makes of a call
                    await asyncio.sleep(POLL_SECONDS)

    def log_sizes(self) -> dict[Path, int]:
        """How long each log is, for `logged_since`."""
        return {
            log: log.stat().st_size
            for log in (output_file(self.layout.root), *sorted(self.layout.logs.glob("*.log")))
        }

    def logged_since(self, sizes: dict[Path, int]) -> str:
        """The last lines that the stack and its components wrote since then."""
        return "\n".join(
            f"--- {log.name}\n{_tail(new.decode(errors='replace'), LOG_LINES_SHOWN)}"
            for log in self.log_sizes()
            if (new := log.read_bytes()[sizes.get(log, 0) :])
        )

    def wait_for_start(self) -> None:
        """Returns when everything is ready. Raises StackFailed with the end of what it said."""
        if (reason := self.failure_to_start()) is not None:
            raise StackFailed(reason)

    def failure_to_start(self) -> str | None:
        """Waits until everything is ready; tells what it said last when it will not be."""
        deadline = monotonic() + START_SECONDS
        while not self.layout.demo_file.exists():
            if self._process.poll() is not None or monotonic() > deadline:
                return f"The stack does not start:\n{_tail(self.output)}"
            sleep(POLL_SECONDS)
        return None

    def stop(self) -> None:
        """Stops all of it, as Ctrl-C does."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # What it started ends with it.
            self._process.kill()
            self._process.wait()

    def remove(self, *, keep_logs: bool) -> None:
        """Removes what it wrote; with `keep_logs`, logs and settings stay for reading."""
        for folder in (self.layout.data, self.layout.secrets):
            shutil.rmtree(folder, ignore_errors=True)
        if not keep_logs:
            shutil.rmtree(self.layout.root)


def new_root() -> Path:
    """A folder with a short path, as the paths of Unix sockets must be short."""
    root = Path(tempfile.mkdtemp(prefix="qf-"))
    # As root, PostgreSQL may have to run as "nobody", who must be able to enter.
    root.chmod(0o755)
    return root


def launch(root: Path, only: Sequence[str] = (), arguments: Sequence[str] = ()) -> Stack:
    """Starts a stack, or `only` some parts and what they need; `wait_for_start` comes next.

    Args:
        root: where it keeps what it writes.
        arguments: more of `python -m deploy.local up`, such as `--set gateway.hours.always_open=false`.
    """
    Layout(root).demo_file.unlink(missing_ok=True)
    command = (sys.executable, "-m", "deploy.local", "up", "--root", str(root), "--ports", "free", *arguments)
    with output_file(root).open("wb") as output:
        process = subprocess.Popen(
            # Ends with the tests, even when they are killed.
            ending_with_parent((*command, *(f"--only={name}" for name in only)), signal.SIGTERM),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Stack(root, process)


@contextmanager
def empty_stack(only: Sequence[str] = (), settings: Sequence[str] = ()) -> Iterator[Stack]:
    """A stack of one's own without demo data, ready; stopped and removed at the end. Raises StackFailed.

    Args:
        only: its parts, with what they need; none: all.
        settings: that differ, such as `gateway.hours.always_open=false`.
    """
    stack = launch(new_root(), only, ["--no-demo", *(f"--set={setting}" for setting in settings)])
    try:
        stack.wait_for_start()
        yield stack
    finally:
        stack.stop()
        stack.remove(keep_logs=False)


def output_file(root: Path) -> Path:
    """What the stack says on its screen."""
    return root / "up.log"


def _tail(text: str, lines: int = LINES_SHOWN) -> str:
    return "\n".join(text.splitlines()[-lines:])
