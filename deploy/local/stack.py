"""One run of the stack, from the lock to the last stop."""

import asyncio
import os
import signal
import stat
import tempfile
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path

from deploy.local import demo
from deploy.local.certificates import ensure_certificates
from deploy.local.components import STOP_ORDER, selected, stack
from deploy.local.configuration import write_configuration
from deploy.local.errors import LocalStackError
from deploy.local.layout import Layout
from deploy.local.lock import hold
from deploy.local.options import Options
from deploy.local.ports import require_free
from deploy.local.processes import ProcessFile, end_left_overs
from deploy.local.publication import publish
from deploy.local.screen import Screen
from deploy.local.secrets import ensure_secrets
from deploy.local.settings import HOST
from deploy.local.supervisor import Component, Step, Supervisor
from deploy.local.welcome import welcome
from services.kit.clock import Clock

START_SECONDS = 120.0
# The kernel's limit is 108 bytes; gRPC and Envoy want a few for themselves.
SOCKET_PATH_BYTES = 100


async def run(layout: Layout, options: Options, screen: Screen, clock: Clock) -> None:
    """Starts the stack and keeps it until SIGINT, SIGTERM or SIGHUP; then stops all it started.

    Raises:
        LocalStackError: it cannot start, or cannot go on.
    """
    layout.make()
    with (
        hold(layout.lock_file, f"https://{HOST}:{options.ports.edge_port}"),
        _socket_folder(layout) as folder,
    ):
        await _end_left_overs(layout, screen)
        require_free(options.ports_in_use)
        units = _prepare(layout, options, folder / "gateway.sock", clock)
        supervisor = Supervisor(layout, units, _stop_order(units), screen.report)
        try:
            await _supervise(supervisor, layout, options, screen)
        finally:
            layout.demo_file.unlink(missing_ok=True)
            await supervisor.stop()


async def _supervise(supervisor: Supervisor, layout: Layout, options: Options, screen: Screen) -> None:
    stop = _stop_signal()
    with screen:
        started = await _unless(stop, supervisor.start(START_SECONDS))
    if started:
        publish(layout, options)
        screen.show(*welcome(layout, options))
        await _unless(stop, supervisor.watch())
    screen.say("Stopping what was started …")


async def _end_left_overs(layout: Layout, screen: Screen) -> None:
    layout.demo_file.unlink(missing_ok=True)
    for name in await end_left_overs(ProcessFile(layout.processes_file)):
        screen.say(f"{name}: was left by an earlier run that was killed; ended", "yellow")


def _prepare(layout: Layout, options: Options, socket: Path, clock: Clock) -> list[Component | Step]:
    for log in layout.logs.glob("*.log"):
        log.unlink()
    ensure_secrets(layout)
    ensure_certificates(layout, clock.now())
    write_configuration(layout, options, str(socket))
    units = [
        unit for unit in stack(layout, options.ports) if unit.name != "trace_desk" or options.with_trace_desk
    ]
    if options.with_demo:
        units.append(Step("demo", partial(demo.seed, layout, options.ports, clock), after=demo.NEEDS))
    return selected(units, options.only)


def _stop_order(units: Sequence[Component | Step]) -> list[tuple[str, ...]]:
    names = {unit.name for unit in units}
    return [tuple(name for name in group if name in names) for group in STOP_ORDER]


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _unless(stop: asyncio.Event, work: Awaitable[None]) -> bool:
    """Does `work`; cancels it and returns False when `stop` comes first."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        await working
        return True
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return False


@contextmanager
def _socket_folder(layout: Layout) -> Iterator[Path]:
    """`run/`, or a private folder with a short path where that of `run/` is too long for a Unix socket."""
    if len(os.fsencode(layout.run / "gateway.sock")) <= SOCKET_PATH_BYTES:
        yield layout.run
        return
    # Always the same name for one root, so that a killed run leaves one folder and not one more each time.
    folder = Path(tempfile.gettempdir()) / f"qf-{sha256(os.fsencode(layout.root)).hexdigest()[:16]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise LocalStackError(f"{folder} is not a private folder of yours. Remove it and start again.")
    try:
        yield folder
    finally:
        (folder / "gateway.sock").unlink(missing_ok=True)
        folder.rmdir()
