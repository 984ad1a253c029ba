"""Who asks for one person goes first: the rows of batches wait for a moment in which nobody does, but not for ever."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Longer than a single consultation takes where nothing is the matter: under a steady stream of them, 500 rows take half
# a minute, and each single one meets a row that is under way at most.
PATIENCE_SECONDS = 0.05


class Turns:
    """The turns of the consultations of one gateway."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience_seconds = patience_seconds
        self._singles = 0
        self._no_single = asyncio.Event()
        self._no_single.set()

    @contextmanager
    def single(self) -> Iterator[None]:
        """A single consultation is under way; it waits for nobody."""
        self._singles += 1
        self._no_single.clear()
        try:
            yield
        finally:
            self._singles -= 1
            if not self._singles:
                self._no_single.set()

    async def row(self) -> None:
        """Returns when no single consultation is under way, or when a row's patience is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience_seconds):
                await self._no_single.wait()
