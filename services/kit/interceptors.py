"""What surrounds every call, outermost first: tracing, errors, limit, allow-list, deadline (and reading.py).

Each is an async context manager around the handler, so one class serves unary and streaming methods.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import structlog
from google.rpc import status_pb2

from services.kit import telemetry
from services.kit.certificate_names import is_listed
from services.kit.errors import DependencyUnavailable, DomainError, Reason
from services.kit.logs import error_location
from services.kit.status import (
    DETAILS_KEY,
    INTERNAL_TEXT,
    PeerError,
    new_status,
    reason_in,
    status_for_caller,
)
from services.kit.tls import peer_names

if TYPE_CHECKING:  # generic in their stubs only
    Handler: TypeAlias = grpc.RpcMethodHandler[Any, Any]
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
else:
    Context: TypeAlias = grpc.aio.ServicerContext

_HEALTH = "/grpc.health.v1.Health/"
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_log = structlog.get_logger()


def remaining_seconds() -> float | None:
    """Seconds until the deadline of the call being handled; None outside a call."""
    deadline = _deadline.get()
    return None if deadline is None else deadline - time.monotonic()


class Interceptor(grpc.aio.ServerInterceptor, ABC):
    """Surrounds every handler of the server with `around`."""

    def __init__(self) -> None:
        self._wrapped: dict[str, Handler] = {}

    @abstractmethod
    def around(self, method: str, request: Any, context: Context) -> AbstractAsyncContextManager[None]:
        """What happens before and after; `request` is None where requests or responses are streamed."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """The handler of the method, surrounded; the same one for each of its calls."""
        method = handler_call_details.method
        if method not in self._wrapped:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            self._wrapped[method] = self._surround(method, handler)
        return self._wrapped[method]

    def _surround(self, method: str, handler: Handler) -> Handler:
        make, behaviour = _anatomy(handler)

        if inspect.isasyncgenfunction(behaviour):

            @functools.wraps(behaviour)
            async def streaming(request: Any, context: Context) -> AsyncIterator[Any]:
                # A stream of answers ends when its caller has enough, not at a deadline of ours.
                # Closed at once where the caller goes away, and from the inside out.
                async with (
                    self.around(method, None, context),
                    aclosing(behaviour(request, context)) as responses,
                ):
                    async for response in responses:
                        yield response

            wrapped: Callable[..., Any] = streaming
        else:

            @functools.wraps(behaviour)
            async def single(request: Any, context: Context) -> Any:
                async with self.around(method, None if handler.request_streaming else request, context):
                    return await behaviour(request, context)

            wrapped = single
        return make(wrapped, handler.request_deserializer, handler.response_serializer)


class TracingInterceptor(Interceptor):
    """Opens the server's span in the trace of the caller, or of each item of a batch."""

    @asynccontextmanager
    async def around(self, method: str, request: Any, context: Context) -> AsyncIterator[None]:
        """A span named after the method, with its status; health, asked every second, has none."""
        if method.startswith(_HEALTH):
            yield
            return
        service, _, name = method.removeprefix("/").partition("/")
        attributes: dict[str, telemetry.AttributeValue] = {
            "rpc.system": "grpc",
            "rpc.service": service,
            "rpc.method": name,
        }
        items = _batch_items(request)
        if items is not None:
            attributes["qf.batch.size"] = len(items)
            traceparents = [item.traceparent for item in items]
        else:
            traceparents = [_metadata(context).get("traceparent", "")]
        with telemetry.server_span(f"{service}/{name}", traceparents, attributes):
            try:
                yield
            finally:
                telemetry.annotate("rpc.grpc.status_code", _status_code(context))


# What a server adds to a status before a call ends with it: words for people, headers.
Explain: TypeAlias = Callable[[Context, status_pb2.Status], Awaitable[status_pb2.Status]]


async def as_it_is(_: Context, status: status_pb2.Status) -> status_pb2.Status:
    """Adds nothing."""
    return status


class ErrorInterceptor(Interceptor):
    """Maps domain errors to their status; all else is INTERNAL with a fixed text (N5)."""

    def __init__(self, explain: Explain = as_it_is) -> None:
        super().__init__()
        self._explain = explain

    @asynccontextmanager
    async def around(self, method: str, request: Any, context: Context) -> AsyncIterator[None]:
        """Lets replies through; turns an exception into a status."""
        try:
            yield
        except DomainError as error:
            telemetry.fail(error.reason)
            await self._end(context, status_for_caller(error))
        except PeerError as error:
            telemetry.fail(reason_in(error.status) or Reason.INTERNAL)
            await self._end(context, status_for_caller(error))
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001  # the outermost net: nothing else may reach the client
            telemetry.fail(type(error).__name__)
            _log.error(
                "call_failed",
                method=method,
                error_type=type(error).__name__,
                location=error_location(error),
            )
            await self._end(context, new_status(Reason.INTERNAL, INTERNAL_TEXT))

    async def _end(self, context: Context, status: status_pb2.Status) -> None:
        await abort(context, await self._explain(context, status))


class LimitInterceptor(Interceptor):
    """Bounds the calls that are under way; one too many is told to come back, with a reason and a delay."""

    def __init__(self, maximum_calls: int) -> None:
        super().__init__()
        self._maximum_calls = maximum_calls
        self._calls = 0

    @asynccontextmanager
    async def around(self, method: str, request: Any, context: Context) -> AsyncIterator[None]:
        """Counts the call while it runs. Health is told however much there is to do."""
        if method.startswith(_HEALTH):
            yield
            return
        if self._calls >= self._maximum_calls:
            _log.warning("server_full", method=method, calls=self._calls)
            raise DependencyUnavailable
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1


class AllowListInterceptor(Interceptor):
    """Refuses a client whose certificate name is not on the method's list; no list means nobody."""

    def __init__(self, allowed_names: Mapping[str, frozenset[str]]) -> None:
        super().__init__()
        self._allowed_names = allowed_names

    @asynccontextmanager
    async def around(self, method: str, request: Any, context: Context) -> AsyncIterator[None]:
        """Lets a listed client through."""
        allowed = self._allowed_names.get(method, frozenset())
        if not is_listed(peer_names(context.auth_context()), allowed):
            _log.warning("client_refused", method=method)
            raise ClientNotAllowed
        yield


class DeadlineInterceptor(Interceptor):
    """Gives each call a deadline, its caller's or the default, for the calls it makes in turn."""

    def __init__(self, default_seconds: float) -> None:
        super().__init__()
        self._default_seconds = default_seconds

    @asynccontextmanager
    async def around(self, method: str, request: Any, context: Context) -> AsyncIterator[None]:
        """Ends a unary call that outlives its deadline; a stream is as long as its caller lets it be."""
        remaining: Any = context.time_remaining()  # None without a deadline, whatever its stub says
        if request is None:
            yield
            return
        seconds = self._default_seconds if remaining is None else min(remaining, self._default_seconds)
        token = _deadline.set(time.monotonic() + seconds)
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise DeadlineExceeded from None
        finally:
            _deadline.reset(token)


class ClientNotAllowed(DomainError):
    """The peer's certificate name is not on the method's list."""

    reason = Reason.CLIENT_NOT_ALLOWED
    message = "This client certificate is not on the list of this method."


class DeadlineExceeded(DomainError):
    """The deadline passed before there was an answer."""

    reason = Reason.DEADLINE_EXCEEDED
    message = "The deadline passed before there was an answer."


async def abort(context: Context, status: status_pb2.Status) -> None:
    """Ends the call with `status`; always raises AbortError."""
    code = _CODES[status.code]
    await context.abort(code, status.message, ((DETAILS_KEY, status.SerializeToString()),))


_CODES: Mapping[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


def _anatomy(handler: Handler) -> tuple[Callable[..., Handler], Callable[..., Any]]:
    kinds: tuple[tuple[Callable[..., Handler], Callable[..., Any] | None], ...] = (
        (grpc.stream_stream_rpc_method_handler, handler.stream_stream),
        (grpc.stream_unary_rpc_method_handler, handler.stream_unary),
        (grpc.unary_stream_rpc_method_handler, handler.unary_stream),
        (grpc.unary_unary_rpc_method_handler, handler.unary_unary),
    )
    return next((make, behaviour) for make, behaviour in kinds if behaviour is not None)


def _batch_items(request: Any) -> Any:
    """The items of a batch-shaped request, or None for any other request."""
    return request.items if request is not None and _is_batch(request.DESCRIPTOR) else None


@functools.cache
def _is_batch(descriptor: Any) -> bool:
    items = descriptor.fields_by_name.get("items")
    return items is not None and "traceparent" in items.message_type.fields_by_name


def _metadata(context: Context) -> Mapping[str, str]:
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


def _status_code(context: Context) -> int:
    code: Any = context.code()
    return code.value[0] if isinstance(code, grpc.StatusCode) else int(code or 0)
