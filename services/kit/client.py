"""Calls to other services: mutual TLS, a deadline on every call, one span, domain errors back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TypeVar

import grpc
import structlog
from opentelemetry.trace import SpanKind

from services.kit import telemetry
from services.kit.config import Section, TlsSettings
from services.kit.errors import DependencyUnavailable, Reason
from services.kit.interceptors import remaining_seconds
from services.kit.status import (
    INTERNAL_TEXT,
    PeerError,
    new_status,
    reason_of,
    status_of,
)
from services.kit.tls import channel_credentials

Request = TypeVar("Request")
Response = TypeVar("Response")

# Kept back from the caller's deadline, so that there is time to say which call was too slow.
_MARGIN_SECONDS = 0.02
_AWAY = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        # Without a reason of ours: the peer has more calls in hand than it takes.
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
_log = structlog.get_logger()


class UpstreamSettings(Section):
    """Where a service listens and the name its certificate must carry."""

    address: str
    server_name: str
    timeout_seconds: float = 1.2


class Upstream:
    """One service that this process calls."""

    def __init__(self, name: str, channel: grpc.aio.Channel, timeout_seconds: float) -> None:
        self.name = name
        self.channel = channel
        self._timeout_seconds = timeout_seconds

    async def call(
        self,
        rpc: str,
        method: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        timeout_seconds: float | None = None,
    ) -> Response:
        """Calls `method`, named `rpc` ("package.Service/Method"), in a span of its own.

        `timeout_seconds` stands in for the upstream's. Raises DependencyUnavailable where the service is away
        or too slow, PeerError where it refuses.
        """
        with self.span(rpc):
            return await self.send(method, request, timeout_seconds)

    async def send(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        timeout_seconds: float | None = None,
    ) -> Response:
        """Like `call`, within the span that is in scope."""
        header = telemetry.current_traceparent()
        try:
            return await method(
                request,
                timeout=_within_deadline(timeout_seconds or self._timeout_seconds),
                metadata=(("traceparent", header),) if header else None,
            )
        except grpc.aio.AioRpcError as error:
            raise self._translated(error) from None

    def span(self, rpc: str) -> AbstractContextManager[None]:
        """The client's span around a call of `rpc`."""
        service, _, name = rpc.partition("/")
        attributes = {
            "rpc.system": "grpc",
            "rpc.service": service,
            "rpc.method": name,
            "server.address": self.name,
        }
        return telemetry.span(rpc, attributes, SpanKind.CLIENT)

    def _translated(self, error: grpc.aio.AioRpcError) -> Exception:
        reason = reason_of(error)
        if reason is None and error.code() not in _AWAY:
            return PeerError(new_status(Reason.INTERNAL, INTERNAL_TEXT))
        if reason in (None, Reason.DEPENDENCY_UNAVAILABLE, Reason.DEADLINE_EXCEEDED):
            _log.warning("upstream_unavailable", upstream=self.name, code=error.code().name)
            return DependencyUnavailable()
        return PeerError(status_of(error))


def _within_deadline(timeout_seconds: float) -> float:
    remaining = remaining_seconds()
    if remaining is None:
        return timeout_seconds
    return max(0.001, min(timeout_seconds, remaining - _MARGIN_SECONDS))


@asynccontextmanager
async def open_upstream(name: str, settings: UpstreamSettings, tls: TlsSettings) -> AsyncIterator[Upstream]:
    """A channel to the service `name`; one that is away at the start is no error."""
    options: Sequence[tuple[str, str | int]] = (
        ("grpc.ssl_target_name_override", settings.server_name),
        ("grpc.enable_retries", 0),
        # A service that comes back is used again at once, whatever the length of its absence.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 500),
        ("grpc.keepalive_time_ms", 20_000),
        ("grpc.keepalive_timeout_ms", 2_000),
    )
    async with grpc.aio.secure_channel(
        settings.address, channel_credentials(tls), options=options
    ) as channel:
        yield Upstream(name, channel, settings.timeout_seconds)
