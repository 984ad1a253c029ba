"""A stream of chunks, each answered by one answer: a few in flight, and each wait bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, Self, TypeVar

import grpc

from cli.connection import Answers

Request = TypeVar("Request")
Answer = TypeVar("Answer")

# A chunk is committed in well under a second; a service that is silent for so long has stopped.
ANSWER_TIMEOUT_SECONDS = 60.0


class StreamEndedEarly(grpc.RpcError):
    """The service ended the stream before it had answered every chunk."""

    def code(self) -> grpc.StatusCode:
        """As if the connection had been lost."""
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        """In words."""
        return "the stream ended early"

    def trailing_metadata(self) -> tuple[()]:
        """None."""
        return ()


class ChunkStream(Generic[Request, Answer]):
    """Opened with its block; what is left unanswered when the block fails is given up."""

    def __init__(self, open_stream: Callable[[Iterator[Request]], Answers[Answer]]) -> None:
        self._open_stream = open_stream
        self._requests: SimpleQueue[Request | None] = SimpleQueue()

    def __enter__(self) -> Self:
        self._answers = self._open_stream(iter(self._requests.get, None))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._answers.cancel()
        self._requests.put(None)

    def send(self, request: Request) -> None:
        """Sends a chunk; waits for nothing."""
        self._requests.put(request)

    def answer(self) -> Answer:
        """The answer to the oldest chunk that has none. Raises grpc.RpcError when the stream breaks or stays silent."""
        watchdog = threading.Timer(ANSWER_TIMEOUT_SECONDS, self._answers.cancel)
        watchdog.daemon = True
        watchdog.start()
        try:
            return next(self._answers)
        except StopIteration:
            raise StreamEndedEarly from None
        finally:
            watchdog.cancel()
