"""Calls that arrive while one is under way are sent together as the next one. A lone call never waits."""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Coalescer(Generic[Item, Result]):
    """One batch in flight at a time; nothing is kept once it is answered, so nothing is ever stale.

    `send` takes items and returns as many results in their order. What it raises, each of its items raises.
    """

    def __init__(
        self, send: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], maximum_items: int = 500
    ) -> None:
        self._send = send
        self._maximum_items = maximum_items
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._sender: asyncio.Task[None] | None = None
        # A batch belongs to no single caller: neither his deadline nor his trace.
        self._context = contextvars.copy_context()

    async def submit(self, item: Item) -> Result:
        """The result of `item`. A caller who gives up before it was sent takes it out of the batch."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all(), context=self._context.copy())
        return await future

    async def _send_all(self) -> None:
        try:
            while batch := self._next_batch():
                await self._send_batch(batch)
        finally:
            self._sender = None

    def _next_batch(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        while self._waiting and len(batch) < self._maximum_items:
            item, future = self._waiting.popleft()
            if not future.done():
                batch.append((item, future))
        return batch

    async def _send_batch(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            # All are paired before any is told: one too many or too few means that none can be trusted.
            results = await self._send([item for item, _ in batch])
            for (_, future), result in list(zip(batch, results, strict=True)):
                if not future.done():
                    future.set_result(result)
        except Exception as error:  # noqa: BLE001  # handed to each caller, where it is mapped
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
