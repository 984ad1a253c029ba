"""Redis or Valkey: short time-outs, spans without keys, failures that are DependencyUnavailable (N8)."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import redis.asyncio
import structlog
from opentelemetry.trace import SpanKind
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from services.kit import telemetry
from services.kit.config import RedisSettings, read_secret
from services.kit.errors import DependencyUnavailable

_TIMEOUT_SECONDS = 0.5
_log = structlog.get_logger()


@asynccontextmanager
async def open_redis(settings: RedisSettings) -> AsyncIterator[redis.asyncio.Redis]:
    """A client of the server; one that is away at the start is no error, its calls answer UNAVAILABLE."""
    client = redis.asyncio.Redis.from_url(
        settings.url,
        password=read_secret(settings.password_file),
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        # One retry: a connection that died while it idled is opened anew.
        retry=Retry(NoBackoff(), 1),
        retry_on_error=[RedisConnectionError],
    )
    try:
        yield client
    finally:
        await client.aclose()


@contextmanager
def redis_operation(operation: str) -> Iterator[None]:
    """Names what is done for its span; any failure of Redis becomes DependencyUnavailable."""
    attributes = {"db.system.name": "redis", "db.operation.name": operation}
    with telemetry.span(f"redis {operation}", attributes, SpanKind.CLIENT):
        try:
            yield
        except (RedisError, OSError, TimeoutError) as error:
            _log.warning(
                "redis_unavailable",
                operation=operation,
                error_type=type(error).__name__,
            )
            raise DependencyUnavailable from None
