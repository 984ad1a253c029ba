"""Redis or Valkey: short time-outs, spans without keys, failures that are DependencyUnavailable (N8)."""

import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha1
from pathlib import Path
from typing import Any

import structlog
from opentelemetry.trace import SpanKind
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from services.kit import telemetry
from services.kit.config import ConfigError, RedisSettings, read_secret
from services.kit.errors import DependencyUnavailable
from services.kit.redis_connection import ClusterRedis, RoutedConnection
from services.kit.redis_routes import ClusterRoute, Route, SentinelRoute
from services.kit.redis_url import RedisMode, RedisUrl, parse_redis_url

_TIMEOUT_SECONDS = 0.5
_TURN_SECONDS = 1
_log = structlog.get_logger()

# What the stores use, whatever stands behind it. All keys of one client share a hash tag, `{identity}:…`.
RedisClient = Redis


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
    """A client of the server that `settings.url` names, of the primary behind Sentinels, or of a cluster.

    It writes to primaries and reads from them, never from a replica. Servers that are away at the start are no error:
    calls answer UNAVAILABLE until they are back. After a failover the client finds the new primary by itself.

    Raises:
        ConfigError: a secret or the CA cannot be read.
    """
    url = parse_redis_url(settings.url)
    options = _options(settings, url)
    route = _route(settings, url, options)
    if url.mode is RedisMode.CLUSTER:
        # Once to each node, and once to the one that it names.
        options["retry"] = _retry(len(url.addresses) + 1)
        opened = _client(route, options, ClusterRedis)
    else:
        opened = _client(route, options | {"db": url.database})
    try:
        async with opened as client:
            yield client
    finally:
        await route.aclose()


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


def _route(settings: RedisSettings, url: RedisUrl, options: Mapping[str, Any]) -> Route:
    if url.mode is RedisMode.CLUSTER:
        return ClusterRoute(url.addresses)
    if url.mode is RedisMode.STANDALONE:
        return Route(url.addresses[0])
    password = settings.sentinel_password_file and read_secret(settings.sentinel_password_file)
    theirs = {**options, "username": None, "password": password}
    routes = (Route(address, only_to_primaries=False) for address in url.addresses)
    return SentinelRoute(url.service_name, [_client(route, theirs) for route in routes])


def _client(route: Route, options: Mapping[str, Any], client_class: type[Redis] = Redis) -> Redis:
    pool = BlockingConnectionPool(connection_class=RoutedConnection, route=route, **options)
    return client_class.from_pool(pool)


def _options(settings: RedisSettings, url: RedisUrl) -> dict[str, Any]:
    """Of every connection."""
    return {
        "username": settings.username,
        "password": read_secret(settings.password_file),
        "tls": _tls_context(settings.ca_file) if url.tls else None,
        "socket_timeout": _TIMEOUT_SECONDS,
        "socket_connect_timeout": _TIMEOUT_SECONDS,
        # In a flood, calls wait for one of these: to open another takes longer (2 ms) than a call.
        "max_connections": 16,
        "timeout": _TURN_SECONDS,
        # For a connection that died while it idled.
        "retry": _retry(1),
        # Where they are on, a connection that still holds the answer to somebody else is not noticed.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }


def _retry(times: int) -> Retry:
    """At once, after an error of the connection. Not after a time-out: a server that hangs costs a call one of them."""
    return Retry(NoBackoff(), times, supported_errors=(RedisConnectionError,))


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigError(f"{ca_file} holds no certificates that can be read (PEM)") from error
