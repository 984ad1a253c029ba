import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.local.errors import LocalStackError
from deploy.local.layout import Layout
from deploy.local.processes import Process, ProcessFile
from deploy.local.supervisor import Backoff, Change, Component, State, Step, Supervisor

SLEEP = ("sleep", "60")


async def answers() -> None:
    return


def toy(name: str, after: tuple[str, ...] = ()) -> Component:
    return Component(name=name, command=SLEEP, probe=answers, after=after)


class Watched:
    """A supervisor with what it reported."""

    def __init__(self, layout: Layout, *units: Component | Step) -> None:
        self.changes: list[tuple[str, State]] = []
        self.details: list[str] = []
        self._layout = layout
        self._news = asyncio.Event()
        self.supervisor = Supervisor(layout, units, [[unit.name] for unit in units], self._report)

    def _report(self, change: Change) -> None:
        self.changes.append((change.name, change.state))
        self.details.append(change.detail)
        self._news.set()

    def process(self, name: str) -> Process:
        return ProcessFile(self._layout.processes_file).read()[name]

    async def until(self, name: str, state: State, times: int = 1) -> None:
        async with asyncio.timeout(10):
            while self.changes.count((name, state)) < times:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def started(layout: Layout, *units: Component | Step) -> AsyncIterator[Watched]:
    watched = Watched(layout, *units)
    try:
        await watched.supervisor.start(20)
        yield watched
    finally:
        await watched.supervisor.stop()


async def test_units_start_after_what_they_need(layout: Layout) -> None:
    order: list[str] = []

    async def note() -> None:
        order.append("step")

    async def note_last() -> None:
        order.append("last")

    last = Step("last", note_last, after=("toy",))
    async with started(layout, last, toy("toy", after=("step",)), Step("step", note)) as watched:
        assert order == ["step", "last"]
        ready = [name for name, state in watched.changes if state is State.READY]
        assert ready == ["step", "toy", "last"]


async def test_component_that_dies_is_started_again_and_reported(layout: Layout) -> None:
    async with started(layout, toy("toy")) as watched:
        first = watched.process("toy")
        first.send(signal.SIGKILL)
        await watched.until("toy", State.READY, times=2)
        assert watched.process("toy") != first
        assert "killed by SIGKILL; starting again in 0.5 s" in watched.details


async def test_component_that_never_starts_ends_the_start_with_its_log(layout: Layout) -> None:
    hopeless = Component(name="toy", command=("sh", "-c", "echo bad luck; exit 3"), probe=never_answers)
    with pytest.raises(LocalStackError, match=r"(?s)toy does not start \(ended with 3\).*bad luck"):
        async with started(layout, hopeless):
            pass


async def test_component_that_is_never_ready_is_named_when_time_is_up(layout: Layout) -> None:
    watched = Watched(layout, Component(name="toy", command=SLEEP, probe=never_answers))
    with pytest.raises(LocalStackError, match=r"Not ready within 0.2 s: toy"):
        await watched.supervisor.start(0.2)
    await watched.supervisor.stop()
    assert not ProcessFile(layout.processes_file).read()


async def test_failed_step_ends_the_start_with_its_reason(layout: Layout) -> None:
    async def fail() -> None:
        raise LocalStackError("no room")

    with pytest.raises(LocalStackError, match="no room"):
        async with started(layout, toy("toy"), Step("step", fail)):
            pass
    assert not ProcessFile(layout.processes_file).read()


async def test_component_that_ignores_its_stop_signal_is_killed(layout: Layout) -> None:

    async def is_deaf() -> None:
        assert "deaf" in layout.log("toy").read_text()

    component = Component(
        name="toy",
        command=("sh", "-c", "trap '' TERM; echo deaf; sleep 62; sleep 62"),
        probe=is_deaf,
        stop_seconds=0.3,
    )
    async with started(layout, component) as watched:
        process = watched.process("toy")
    assert not process.is_alive()


async def test_stop_takes_what_a_component_left_in_its_group(layout: Layout) -> None:
    shell = "sleep 61 & echo $!; wait"

    async def has_child() -> None:
        int(layout.log("toy").read_text())

    async with started(layout, Component(name="toy", command=("sh", "-c", shell), probe=has_child)):
        child = Process.of(int(layout.log("toy").read_text()))
        assert child is not None
    assert await child.ended_within(2)


async def test_components_stop_in_order(layout: Layout) -> None:
    async with started(layout, toy("edge"), toy("gateway"), toy("postgres")) as watched:
        pass
    stopped = [name for name, state in watched.changes if state is State.STOPPED]
    assert stopped == ["edge", "gateway", "postgres"]


def test_pauses_double_up_to_ten_seconds_and_begin_anew_after_a_healthy_minute() -> None:
    backoff = Backoff()
    assert [backoff.next(0) for _ in range(6)] == [0.5, 1, 2, 4, 8, 10]
    assert backoff.next(healthy_seconds=60) == 0.5


async def never_answers() -> None:
    raise ConnectionRefusedError
