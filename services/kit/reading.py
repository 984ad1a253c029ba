"""A message that cannot be read is told as any error is; gRPC itself would answer in the words of an exception (N5)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from services.kit.errors import DomainError, Reason
from services.kit.interceptors import Context, Interceptor

if TYPE_CHECKING:
    from services.kit.interceptors import Handler

# Each call has its own: its message is read in the task that answers it.
_is_readable: ContextVar[bool] = ContextVar("is_readable", default=True)


class MalformedRequest(DomainError):
    """The bytes are no message of the method."""

    reason = Reason.MALFORMED_REQUEST
    message = "The message cannot be read: send one that the proto of this method describes."


class ReadingInterceptor(Interceptor):
    """Lets no handler see a message that could not be read."""

    @asynccontextmanager
    async def around(self, method: str, request: Any, context: Context) -> AsyncIterator[None]:
        """Raises MalformedRequest in the place of the handler."""
        if not _is_readable.get():
            raise MalformedRequest
        yield

    def _surround(self, method: str, handler: Handler) -> Handler:
        # A named tuple, which its stub does not tell.
        surrounded: Any = super()._surround(method, handler)
        careful = _refusing if handler.request_streaming else _noting
        reading: Handler = surrounded._replace(request_deserializer=careful(surrounded.request_deserializer))
        return reading


def _refusing(read: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """`read`, for a stream: its handler is at work when a message is read, and ends by what is raised."""

    def refusing(content: bytes) -> Any:
        try:
            return read(content)
        except DecodeError:
            raise MalformedRequest from None

    return refusing


def _noting(read: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """`read`, for one message: nobody is at work yet, so it notes what it cannot read and goes on with an empty one."""

    def noting(content: bytes) -> Any:
        try:
            return read(content)
        except DecodeError:
            _is_readable.set(False)
            return read(b"")

    return noting
