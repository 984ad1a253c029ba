"""A connection to Redis that follows its route, over TLS or not, and the client that a cluster needs."""

import ssl
from collections.abc import Iterable, Mapping
from typing import Any

from redis.asyncio import Connection, Redis
from redis.exceptions import AskError, MovedError, ReadOnlyError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from services.kit.redis_routes import Route
from services.kit.redis_url import Address


class RoutedConnection(Connection):
    """A connection to where its route leads whenever it is opened, also where redis-py opens it anew after an error.

    A server that has become a replica, or a node that has given its keys away, is left at once: that is a
    ConnectionError, after which redis-py tries again. All share one TLS context: redis-py would read the CAs for each,
    which takes 25 ms.
    """

    def __init__(self, *, route: Route, tls: ssl.SSLContext | None, **options: Any) -> None:
        super().__init__(**options)
        self._route = route
        self._tls = tls

    async def connect(self) -> None:
        """Opens it, if it is not open to where the route leads. Raises ConnectionError, TimeoutError of redis-py."""
        if self.is_connected and not self._route.leads_to(Address(self.host, self.port)):
            await self.disconnect(nowait=True)
        await self.retry.call_with_retry(self._connect_by_route, self._disconnect_after)

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        """Greets the server. Raises ConnectionError for a replica, where the route leads to primaries only."""
        await super().on_connect_check_health(check_health)
        if self._route.only_to_primaries:
            await self.send_command("ROLE", check_health=False)
            role, *_ = await self.read_response()
            if role != b"master":
                raise RedisConnectionError("This server is a replica")

    async def send_packed_command(
        self, command: bytes | str | Iterable[bytes], check_health: bool = True
    ) -> None:
        """Sends, and first opens what broke."""
        if not self.is_connected:
            await self.connect()
        await super().send_packed_command(command, check_health)

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """Reads. Raises ConnectionError where the keys are at another server, AskError while they are moved there."""
        try:
            return await super().read_response(*args, **options)
        except ReadOnlyError:
            await self.disconnect(nowait=True)
            raise RedisConnectionError("This server has become a replica") from None
        except AskError as error:
            # A node leaves the host out where it is its own.
            error.host = error.host or self.host
            if not isinstance(error, MovedError):
                raise
            self._route.moved(Address(error.host, error.port))
            await self.disconnect(nowait=True)
            raise RedisConnectionError("Another node has the keys") from None

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), **({"ssl": self._tls} if self._tls else {})}

    async def _connect_by_route(self) -> None:
        if self.is_connected:
            return
        address = await self._route.find()
        self.host, self.port = address.host, address.port
        try:
            await self.connect_check_health(retry_socket_connect=False)
        except (RedisConnectionError, RedisTimeoutError):
            self._route.failed(address)
            raise

    async def _disconnect_after(self, error: Exception) -> None:
        await self.disconnect(nowait=True, error=error)


class ClusterRedis(Redis):
    """A client of a cluster's node that follows keys which are on their way to another node (ASK).

    redis-py's own cluster client loses the word that such a command needs before it, where the other node has more than
    one connection.
    """

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """What the node answers that has the key now. Raises RedisError."""
        try:
            return await super().execute_command(  # type: ignore[no-untyped-call]  # redis-py's own lack
                *args, **options
            )
        except AskError as ask:
            address = Address(ask.host, ask.port)
        connection = RoutedConnection(
            **self.connection_pool.connection_kwargs | {"route": Route(address, only_to_primaries=False)}
        )
        try:
            await connection.send_command("ASKING")
            await connection.read_response()
            await connection.send_command(*args)
            return await self.parse_response(connection, args[0], **options)
        finally:
            await connection.disconnect(nowait=True)
