"""Connections to Redis: over TLS, and to whichever server Sentinel says is the primary."""

import ssl
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio import Connection, Redis
from redis.asyncio.sentinel import MasterNotFoundError, SentinelManagedConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError


class TlsConnection(Connection):
    """A connection over TLS. All share one context: redis-py would read the CAs anew for each, 25 ms every time."""

    def __init__(self, *, tls: ssl.SSLContext, **options: Any) -> None:
        super().__init__(**options)
        self._tls = tls

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "ssl": self._tls}


class PrimaryConnection(SentinelManagedConnection):
    """A connection to the primary, and to nothing else.

    Sentinel may name a server that has just become a replica, and redis-py opens a broken connection anew where it
    was. A replica refuses writes but answers reads; so each new connection asks the server what it is.
    """

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        """Greets the server. Raises ConnectionError for one that is no primary."""
        await super().on_connect_check_health(check_health)
        await self.send_command("ROLE", check_health=False)
        role, *_ = await self.read_response()
        if role != b"master":
            raise RedisConnectionError("Sentinel names a server that is not the primary")

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,
    ) -> None:
        """Sends; where the connection broke, first asks Sentinel where the primary is now."""
        if not self.is_connected:
            await self.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
        await super().send_packed_command(command, check_health)


class PrimaryTlsConnection(PrimaryConnection, TlsConnection):
    """The same, over TLS."""


class Sentinels:
    """Those who know where the primary is. The part of redis-py's `Sentinel` that its connection pool needs.

    redis-py's own drops a Sentinel for good when two callers ask at once.
    """

    def __init__(self, clients: Sequence[Redis]) -> None:
        self._clients = list(clients)

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """Host and port of the primary, by the first Sentinel that knows, who is asked first the next time.

        Raises:
            MasterNotFoundError: none knows it, or none that answers sees it alive.
        """
        for client in tuple(self._clients):
            with suppress(RedisError, OSError):
                state = await client.execute_command(  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
                    "SENTINEL MASTER", service_name
                )
                if state["is_master"] and not (state["is_sdown"] or state["is_odown"]):
                    self._clients.remove(client)
                    self._clients.insert(0, client)
                    return state["ip"], state["port"]
        raise MasterNotFoundError

    async def aclose(self) -> None:
        """Closes the connections."""
        for client in self._clients:
            await client.aclose()
