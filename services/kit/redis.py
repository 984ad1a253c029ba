"""Redis or Valkey: short time-outs, spans without keys, failures that are DependencyUnavailable (N8)."""

import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha1
from pathlib import Path
from typing import Any

import structlog
from opentelemetry.trace import SpanKind
from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisClusterException, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from services.kit import telemetry
from services.kit.config import ConfigError, RedisSettings, read_secret
from services.kit.errors import DependencyUnavailable
from services.kit.redis_connections import PrimaryConnection, PrimaryTlsConnection, Sentinels, TlsConnection
from services.kit.redis_url import Address, RedisMode, RedisUrl, parse_redis_url

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
    """A client of the server that `settings.url` names, of the primary behind Sentinels, or of a cluster.

    It writes to primaries and reads from them, never from a replica. Servers that are away at the start are no error:
    calls answer UNAVAILABLE until they are back. After a failover the client finds the new primary by itself.

    Raises:
        ConfigError: a secret or the CA cannot be read.
    """
    url = parse_redis_url(settings.url)
    opened = {
        RedisMode.STANDALONE: _open_standalone,
        RedisMode.SENTINEL: _open_primary,
        RedisMode.CLUSTER: _open_cluster,
    }[url.mode]
    async with opened(settings, url) as client:
        yield client


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


@asynccontextmanager
async def _open_standalone(settings: RedisSettings, url: RedisUrl) -> AsyncIterator[RedisClient]:
    (address,) = url.addresses
    async with _client(address, db=url.database, **_options(settings, url)) as client:
        yield client


@asynccontextmanager
async def _open_primary(settings: RedisSettings, url: RedisUrl) -> AsyncIterator[RedisClient]:
    options = _options(settings, url)
    sentinel_password = settings.sentinel_password_file and read_secret(settings.sentinel_password_file)
    sentinel_options = options | {"username": None, "password": sentinel_password}
    sentinels = Sentinels([_client(address, **sentinel_options) for address in url.addresses])
    options["connection_class"] = PrimaryTlsConnection if url.tls else PrimaryConnection
    pool = SentinelConnectionPool(  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
        url.service_name, sentinels, db=url.database, **options
    )
    try:
        async with Redis.from_pool(pool) as client:
            yield client
    finally:
        await sentinels.aclose()


@asynccontextmanager
async def _open_cluster(settings: RedisSettings, url: RedisUrl) -> AsyncIterator[RedisClient]:
    options = _options(settings, url)
    tls: dict[str, Any] = {key: options.pop(key) for key in ("connection_class", "tls") if key in options}
    client = RedisCluster(
        startup_nodes=[ClusterNode(address.host, address.port) for address in url.addresses],
        # One node without its slots is no matter for the keys of the others.
        require_full_coverage=False,
        # The addresses of the URL stay those to ask, however often the nodes changed theirs.
        dynamic_startup_nodes=False,
        **options,
    )
    client.connection_kwargs.update(tls)
    client.nodes_manager.startup_nodes = {
        node.name: ClusterNode(node.host, node.port, **client.connection_kwargs)
        for node in client.nodes_manager.startup_nodes.values()
    }
    try:
        yield client
    finally:
        await client.aclose()
        # After a failure the client counts as not open yet, and leaves its connections.
        await client.nodes_manager.aclose()
        await client.nodes_manager.aclose("startup_nodes")


def _client(address: Address, **options: Any) -> Redis:
    return Redis.from_pool(ConnectionPool(host=address.host, port=address.port, **options))


def _options(settings: RedisSettings, url: RedisUrl) -> dict[str, Any]:
    """Of every connection."""
    options: dict[str, Any] = {
        "username": settings.username,
        "password": read_secret(settings.password_file),
        "socket_timeout": _TIMEOUT_SECONDS,
        "socket_connect_timeout": _TIMEOUT_SECONDS,
        # As many as a server takes calls at once: in a flood each call has its answer, and none is turned away here.
        "max_connections": 1000,
        # For a connection that died while it idled. What timed out is not sent again: it may be at work.
        "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        # Where they are on, a connection that still holds the answer to somebody else is not noticed.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    if url.tls:
        options |= {"connection_class": TlsConnection, "tls": _tls_context(settings.ca_file)}
    return options


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigError(f"{ca_file} holds no certificates that can be read (PEM)") from error
