"""Work that a server repeats: it goes on whatever happens, and ends with the server."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from structlog.testing import capture_logs

from services.kit import telemetry
from services.kit.periodic import attempt, periodic

SECRET = "269054958815780"
SOON = 0.001
NEVER_AGAIN = 3600.0
LIMIT_SECONDS = 5.0


class Work:
    """Counts how often it was done; `then` says how each time ends."""

    def __init__(self, then: Callable[[], Awaitable[None]] | None = None) -> None:
        self.begun = 0
        self._then = then
        self._again = asyncio.Condition()

    async def __call__(self) -> None:
        async with self._again:
            self.begun += 1
            self._again.notify_all()
        if self._then:
            await self._then()

    async def wait_for(self, times: int) -> None:
        """Returns once it was begun so often."""
        async with asyncio.timeout(LIMIT_SECONDS), self._again:
            await self._again.wait_for(lambda: self.begun >= times)


async def _fail() -> None:
    raise LookupError(SECRET)


async def test_the_work_is_done_at_once_and_again() -> None:
    work = Work()
    async with periodic(work, NEVER_AGAIN, "work"):
        await work.wait_for(1)
    assert work.begun == 1
    async with periodic(work, SOON, "work"):
        await work.wait_for(5)


async def test_a_failure_is_logged_by_its_class_and_tried_again() -> None:
    work = Work(_fail)
    with capture_logs() as lines:
        async with periodic(work, SOON, "work"):
            await work.wait_for(3)
    assert {(line["event"], line["work"], line["error_type"]) for line in lines} == {
        ("work_failed", "work", "LookupError")
    }
    assert len(lines) >= 2
    assert SECRET not in str(lines)


async def test_nothing_is_done_once_the_block_ended() -> None:
    work = Work()
    async with periodic(work, SOON, "work"):
        await work.wait_for(2)
    begun = work.begun
    await asyncio.sleep(20 * SOON)
    assert work.begun == begun


async def test_work_in_progress_is_cancelled_and_may_clean_up() -> None:
    cleaned_up = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.sleep(NEVER_AGAIN)
        finally:
            await asyncio.sleep(0)
            cleaned_up.set()

    work = Work(hang)
    with capture_logs() as lines:
        async with asyncio.timeout(LIMIT_SECONDS):
            async with periodic(work, SOON, "work"):
                await work.wait_for(1)
    assert cleaned_up.is_set()
    assert lines == []


async def test_servers_do_not_go_on_together(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    sleep = asyncio.sleep

    async def noted_sleep(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    work = Work()
    monkeypatch.setattr(asyncio, "sleep", noted_sleep)
    async with periodic(work, 100, "work"):
        await work.wait_for(50)
    assert all(90 <= seconds <= 110 for seconds in waits)
    assert len(set(waits)) > 40


async def test_each_time_is_a_trace_of_its_own(spans: InMemorySpanExporter) -> None:
    trace_ids: list[str] = []

    async def note() -> None:
        trace_ids.append(telemetry.trace_id_of(telemetry.current_traceparent()))

    work = Work(note)
    with telemetry.root_span("composition"):
        async with periodic(work, SOON, "work"):
            await work.wait_for(3)
    finished = [span for span in spans.get_finished_spans() if span.name == "work"]
    assert len(finished) >= 2
    assert all(span.parent is None for span in finished)
    assert len(set(trace_ids)) == len(trace_ids)
    assert "" not in trace_ids


async def test_a_part_that_fails_fails_its_span_and_no_other(spans: InMemorySpanExporter) -> None:
    with capture_logs(), telemetry.root_span("all"):
        await attempt(_fail, "part")
    part, whole = spans.get_finished_spans()
    assert (part.name, part.status.status_code) == ("part", StatusCode.ERROR)
    assert dict(part.attributes or {}) == {"error.type": "LookupError"}
    assert (whole.name, whole.status.status_code) == ("all", StatusCode.UNSET)
    assert SECRET not in part.to_json()
