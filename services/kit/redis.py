"""Redis or Valkey: short time-outs, spans without keys, failures that are DependencyUnavailable (N8)."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha1
from typing import Any

import structlog
from opentelemetry.trace import SpanKind
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from services.kit import telemetry
from services.kit.config import RedisSettings, read_secret
from services.kit.errors import DependencyUnavailable

_TIMEOUT_SECONDS = 0.5
_log = structlog.get_logger()

# What the stores use: the commands of both are the same. The keys of one call share a hash tag, `{identity}:…`.
RedisClient = Redis | RedisCluster


class RedisScript:
    """A Lua script that the servers know by its digest, and are told whole when they do not (after a restart, say).

    A connection that dies while it runs is opened anew and the script sent again: it may run twice.
    """

    def __init__(self, client: RedisClient, source: str) -> None:
        self._client = client
        self._source = source
        # The name that Redis gives a script.
        self._digest = sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, keys: Sequence[str], args: Sequence[str | bytes | int | float]) -> Any:
        """What the script returns; one round trip. All keys have one hash tag, for they must be in one slot."""
        arguments: tuple[Any, ...] = (*keys, *args)
        try:
            return await self._client.evalsha(self._digest, len(keys), *arguments)
        except NoScriptError:
            return await self._client.eval(self._source, len(keys), *arguments)


@asynccontextmanager
async def open_redis(settings: RedisSettings) -> AsyncIterator[RedisClient]:
    """A client of the server; one that is away at the start is no error, its calls answer UNAVAILABLE."""
    client = Redis.from_url(
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
        except (RedisError, RedisClusterException, OSError, TimeoutError) as error:
            _log.warning(
                "redis_unavailable",
                operation=operation,
                error_type=type(error).__name__,
            )
            raise DependencyUnavailable from None
