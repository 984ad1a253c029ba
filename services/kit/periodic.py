"""Work that a server repeats for as long as it runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from secrets import SystemRandom

import structlog

from services.kit import telemetry
from services.kit.logs import error_location

Work = Callable[[], Awaitable[object]]
SpanOpener = Callable[[str], AbstractContextManager[None]]

# Servers that were started together do not go on to work together.
_JITTER = 0.1
_random = SystemRandom()
_log = structlog.get_logger()


@asynccontextmanager
async def periodic(
    work: Work, every_seconds: float, name: str, *, traced: bool = True
) -> AsyncIterator[None]:
    """Does `work` at once and then every `every_seconds`, a tenth more or less, until the block ends.

    Each time is a trace of its own, named `name`, unless `work` says itself when it is worth one. What fails is tried
    again the next time; what is still going on when the block ends is cancelled.
    """
    repeating = asyncio.create_task(
        _repeat(work, every_seconds, name, telemetry.root_span if traced else _untraced)
    )
    try:
        yield
    finally:
        repeating.cancel()
        await asyncio.wait([repeating])


async def attempt(work: Work, name: str, span: SpanOpener = telemetry.span) -> None:
    """Does `work` in a span named `name`; a failure is logged, by its class, and raised no further."""
    try:
        with span(name):
            await work()
    except Exception as error:  # noqa: BLE001  # whatever it is, what comes after goes on
        _log.error("work_failed", work=name, error_type=type(error).__name__, location=error_location(error))


async def attempt_each(parts: Mapping[str, Work]) -> None:
    """Does each of `parts` once, by its name; what fails does not keep the rest from being done."""
    for name, part in parts.items():
        await attempt(part, name)


def _untraced(_: str) -> AbstractContextManager[None]:
    return nullcontext()


async def _repeat(work: Work, every_seconds: float, name: str, span: SpanOpener) -> None:
    while True:
        await attempt(work, name, span)
        await asyncio.sleep(every_seconds * _random.uniform(1 - _JITTER, 1 + _JITTER))
