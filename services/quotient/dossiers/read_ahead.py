"""Reads a stream ahead of who works on it, so that what waits is worked on together."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


@asynccontextmanager
async def reading_ahead(source: AsyncGenerator[T, None], limit: int) -> AsyncIterator[AsyncIterator[list[T]]]:
    """The items of `source` in lists of all that waits, one at least and `limit` at most, in order.

    Up to `limit` items are read while those before are worked on. What ends `source` early is raised once everything
    before it was handed out. `source` is closed when the block ends.
    """
    # None: there is nothing more to come.
    waiting: asyncio.Queue[T | None] = asyncio.Queue()
    room = asyncio.Semaphore(limit)

    async def read() -> None:
        try:
            async with aclosing(source):
                async for item in source:
                    await room.acquire()
                    waiting.put_nowait(item)
        finally:
            waiting.put_nowait(None)

    reader = asyncio.create_task(read())

    async def lists() -> AsyncIterator[list[T]]:
        while items := await _next_items(waiting, room):
            yield items
        await reader

    try:
        yield lists()
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _next_items(waiting: asyncio.Queue[T | None], room: asyncio.Semaphore) -> list[T]:
    """Waits for one item and takes all that are there; none once the end is reached."""
    items: list[T] = []
    while not (items and waiting.empty()):
        item = await waiting.get()
        if item is None:
            # Met again by whoever comes next.
            waiting.put_nowait(None)
            break
        room.release()
        items.append(item)
    return items
