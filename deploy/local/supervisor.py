"""Starts components as soon as what they need is ready, and keeps them running.

No supervisor at hand (supervisord, circus, honcho) knows readiness order and tells a screen about each step.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from deploy.local.errors import LocalStackError
from deploy.local.layout import Layout
from deploy.local.processes import Process, ProcessFile, kill_group, spawn

FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 10.0
HEALTHY_SECONDS = 60.0
# A component that ends that often before it was ever ready will not be: the start is given up.
HOPELESS_ENDS = 3
PROBE_SECONDS = 2.0
PROBE_PAUSE_SECONDS = 0.05
LOG_TAIL_LINES = 12


class State(StrEnum):
    """Where a component or step stands."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    ENDED = "ended"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Change:
    """One thing the screen says. `seconds` counts from the (re)start of the component."""

    name: str
    state: State
    seconds: float = 0.0
    detail: str = ""


async def _nothing() -> None:
    return


@dataclass(frozen=True)
class Component:
    """A server: started after `after`, ready when `probe` returns, started again when it ends."""

    name: str
    command: tuple[str, ...]
    probe: Callable[[], Awaitable[None]]
    after: tuple[str, ...] = ()
    before_start: Callable[[], Awaitable[None]] = _nothing
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 10.0


@dataclass(frozen=True)
class Step:
    """Work done once per start, after `after`."""

    name: str
    run: Callable[[], Awaitable[None]]
    after: tuple[str, ...] = ()


@dataclass
class Backoff:
    """Pauses between restarts: doubling, and forgotten after a healthy minute."""

    pause_seconds: float = FIRST_RETRY_SECONDS

    def next(self, healthy_seconds: float) -> float:
        """Seconds to wait after an end that came after `healthy_seconds` of service."""
        if healthy_seconds >= HEALTHY_SECONDS:
            self.pause_seconds = FIRST_RETRY_SECONDS
        pause, self.pause_seconds = self.pause_seconds, min(self.pause_seconds * 2, LONGEST_RETRY_SECONDS)
        return pause


class Supervisor:
    """Runs one set of components and steps.

    Args:
        units: everything to start, each after what it names in `after`.
        stop_order: names of components, first to stop first; those in one group stop together.
        report: told of every change.
    """

    def __init__(
        self,
        layout: Layout,
        units: Sequence[Component | Step],
        stop_order: Sequence[Iterable[str]],
        report: Callable[[Change], None],
    ) -> None:
        self._layout = layout
        self._units = units
        self._stop_order = stop_order
        self._report = report
        self._file = ProcessFile(layout.processes_file)
        self._done = {unit.name: asyncio.Event() for unit in units}
        self._keepers: list[asyncio.Task[None]] = []
        self._running: dict[str, Process] = {}
        self._stopping = asyncio.Event()
        self._stop_seconds = {unit.name: unit.stop_seconds for unit in units if isinstance(unit, Component)}

    async def start(self, seconds: float) -> None:
        """Returns when everything is ready.

        Raises:
            LocalStackError: a step failed, a component ends again and again before it is ready, or time is up.
        """
        for unit in self._units:
            self._report(Change(unit.name, State.WAITING))
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for unit in self._units:
                    group.create_task(self._start_unit(unit))
        except TimeoutError:
            late = ", ".join(name for name, done in self._done.items() if not done.is_set())
            raise LocalStackError(
                f"Not ready within {seconds:g} s: {late}. See {self._layout.logs}."
            ) from None
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def watch(self) -> None:
        """Returns only by raising: what keeps a component running has failed itself."""
        done, _ = await asyncio.wait(self._keepers, return_when=asyncio.FIRST_COMPLETED)
        for keeper in done:
            await keeper

    async def stop(self) -> None:
        """Stops what runs, in order; bounded by the components' `stop_seconds`."""
        self._stopping.set()
        for names in self._stop_order:
            await asyncio.gather(*(self._stop_component(name) for name in names))
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _start_unit(self, unit: Component | Step) -> None:
        for name in unit.after:
            await self._done[name].wait()
        if isinstance(unit, Step):
            await self._run_step(unit)
        else:
            await self._start_component(unit)
        self._done[unit.name].set()

    async def _run_step(self, step: Step) -> None:
        started = monotonic()
        self._report(Change(step.name, State.STARTING))
        await step.run()
        self._report(Change(step.name, State.READY, monotonic() - started))

    async def _start_component(self, component: Component) -> None:
        ready = asyncio.Event()
        keeper = asyncio.create_task(self._keep(component, ready), name=component.name)
        self._keepers.append(keeper)
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({keeper, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if keeper.done():
            await keeper

    async def _keep(self, component: Component, ready: asyncio.Event) -> None:
        backoff = Backoff()
        ends = 0
        while not self._stopping.is_set():
            healthy_seconds, status = await self._run_once(component, ready)
            if self._stopping.is_set():
                return
            ends += 1
            if not ready.is_set() and ends >= HOPELESS_ENDS:
                raise LocalStackError(self._hopeless(component, status))
            pause = backoff.next(healthy_seconds)
            self._report(
                Change(component.name, State.ENDED, detail=f"{status}; starting again in {pause:g} s")
            )
            await self._pause(pause)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _run_once(self, component: Component, ready: asyncio.Event) -> tuple[float, str]:
        """Runs the process until it ends; returns for how long it was ready, and how it ended."""
        self._report(Change(component.name, State.STARTING))
        started = monotonic()
        await component.before_start()
        if self._stopping.is_set():
            return 0.0, "stopped"
        child = await spawn(component.command, self._layout.log(component.name), component.stop_signal)
        self._register(component, child.pid)
        probing = asyncio.create_task(self._until_ready(component, started, ready))
        return_code = await child.wait()
        kill_group(child.pid)
        self._running.pop(component.name, None)
        self._file.remove(component.name)
        healthy_seconds = monotonic() - probing.result() if probing.done() else 0.0
        probing.cancel()
        return healthy_seconds, how_it_ended(return_code)

    def _register(self, component: Component, pid: int) -> None:
        process = Process.of(pid, component.stop_signal)
        if process is not None:
            self._running[component.name] = process
            self._file.add(component.name, process)

    async def _until_ready(self, component: Component, started: float, ready: asyncio.Event) -> float:
        while not await _answers(component.probe):  # noqa: ASYNC110 - another process sets no Event
            await asyncio.sleep(PROBE_PAUSE_SECONDS)
        self._report(Change(component.name, State.READY, monotonic() - started))
        ready.set()
        return monotonic()

    async def _stop_component(self, name: str) -> None:
        keeper = next((task for task in self._keepers if task.get_name() == name), None)
        # Again and again: a process may be just about to start.
        while keeper is not None and not keeper.done():
            if process := self._running.get(name):
                await process.end(self._stop_seconds[name])
                self._report(Change(name, State.STOPPED))
            await asyncio.wait({keeper}, timeout=PROBE_PAUSE_SECONDS)

    def _hopeless(self, component: Component, status: str) -> str:
        log = self._layout.log(component.name)
        return f"{component.name} does not start ({status}). The end of {log}:\n{tail(log.read_text(errors='replace'))}"


async def _answers(probe: Callable[[], Awaitable[None]]) -> bool:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await probe()
    except Exception:  # noqa: BLE001 - whatever a server that is not there yet makes of a call
        return False
    return True


def how_it_ended(return_code: int) -> str:
    """The end of a process in words."""
    return (
        f"killed by {signal.Signals(-return_code).name}" if return_code < 0 else f"ended with {return_code}"
    )


def tail(text: str) -> str:
    """The last lines of a log."""
    return "\n".join(text.splitlines()[-LOG_TAIL_LINES:])
