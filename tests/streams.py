"""Streams of requests that may be refused at any moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

Request = TypeVar("Request")


@asynccontextmanager
async def held_open(*requests: Request) -> AsyncIterator[AsyncIterator[Request]]:
    """A stream of these requests whose end is not sent within the block.

    What is written to a call that was refused meanwhile, its end too, fails in gRPC's own words, which would hide the
    refusal: so a test sends what is read before the refusal, and nothing more.
    """
    over = asyncio.Event()

    async def sending() -> AsyncIterator[Request]:
        for request in requests:
            yield request
        await over.wait()

    try:
        yield sending()
    finally:
        over.set()
