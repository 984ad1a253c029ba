"""A server that opened something which never closes: `python -m tests.unit.kit.stuck_server --config FILE`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.kit.config import ServerSettings
from services.kit.server import Server, main


@asynccontextmanager
async def never_closing() -> AsyncIterator[None]:
    """Opens at once; its end does not come."""
    yield
    await asyncio.Event().wait()


async def compose(_settings: ServerSettings, server: Server) -> None:
    await server.enter(never_closing())


if __name__ == "__main__":
    main("stuck", ServerSettings, {}, compose)
