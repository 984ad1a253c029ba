"""The headers of the reply that is being made, whoever in the course of the call has something to tell.

They leave with the reply, or with the error. Not before: once headers are on their way, the edge cannot answer in the
place of a policy service that dies.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from services.kit.interceptors import Context, Interceptor


@dataclass
class _Reply:
    headers: dict[str, str] = field(default_factory=dict)
    headers_sent: bool = False


_reply: ContextVar[_Reply] = ContextVar("reply")


def tell(name: str, value: str) -> None:
    """Sets a header of the reply; `name` in small letters."""
    _reply.get().headers[name] = value


async def send_headers(context: Context, further: Mapping[str, str] | None = None) -> None:
    """Sends what was told, and `further`, ahead of a stream or of an error; does nothing once they are sent.

    A stream does it right before its first message, whatever was told: gRPC would send headers of its own there, after
    which none can be sent with an error.
    """
    reply = _reply.get(_Reply())
    headers = {} if reply.headers_sent else {**reply.headers, **(further or {})}
    reply.headers_sent = True
    if headers:
        await context.send_initial_metadata(tuple(headers.items()))


class ReplyInterceptor(Interceptor):
    """Gives each call its headers, and sends those of a single reply; a stream sends its own, ahead."""

    @asynccontextmanager
    async def around(self, method: str, request: Any, context: Context) -> AsyncIterator[None]:
        """An error leaves them where `send_headers` finds them."""
        _reply.set(_Reply())
        yield
        if request is not None:
            await send_headers(context)
