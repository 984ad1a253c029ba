"""Rounds that are repeated for as long as the server runs, with longer pauses while they fail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from services.kit import telemetry
from services.kit.logs import error_location
from services.mailer.domain import Pauses

Round = Callable[[], Awaitable[None]]
_log = structlog.get_logger()


@asynccontextmanager
async def rounds(work: Round, pauses: Pauses, name: str) -> AsyncIterator[None]:
    """Does `work` at once, and again after each of the `pauses`, until the block ends; each round is a trace.

    `services.kit.periodic` knows one pause only: a mail server that is away would be asked as often as ever.
    """
    repeating = asyncio.create_task(_repeat(work, pauses, name))
    try:
        yield
    finally:
        repeating.cancel()
        await asyncio.wait([repeating])


async def _repeat(work: Round, pauses: Pauses, name: str) -> None:
    failures = 0
    while True:
        failures = 0 if await _succeeds(work, name) else failures + 1
        await asyncio.sleep(pauses.after(failures))


async def _succeeds(work: Round, name: str) -> bool:
    try:
        with telemetry.root_span(name):
            await work()
    except Exception as error:  # noqa: BLE001  # whatever it is, the next round may do better
        _log.warning(
            "round_stopped", work=name, error_type=type(error).__name__, location=error_location(error)
        )
        return False
    return True
