"""The mail sink as the stack sees it."""

import asyncio

from deploy.local.probes import NotServing
from deploy.local.settings import HOST


async def probe(port: int) -> None:
    """Whether it greets as a mail server does."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        if not (await reader.readline()).startswith(b"220 "):
            raise NotServing
    finally:
        writer.close()
