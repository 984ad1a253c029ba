"""Where the server is that connections go to: fixed, told by Sentinels, or told by the nodes of a cluster."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from services.kit.redis_url import Address

_NOWHERE = Address("", 0)


class Route:
    """Leads every connection of one client to the server that has its keys: here, to the one that there is."""

    def __init__(self, address: Address, *, only_to_primaries: bool = True) -> None:
        self._address = address
        # Whether a server that calls itself a replica is refused: it would answer reads with what it has, perhaps old.
        self.only_to_primaries = only_to_primaries

    async def find(self) -> Address:
        """Where to connect now. Raises ConnectionError when nobody knows."""
        return self._address

    def leads_to(self, address: Address) -> bool:
        """Whether a connection that is open to `address` may stay."""
        return address == self._address

    def failed(self, address: Address) -> None:
        """A connection to `address` could not be opened."""

    def moved(self, address: Address) -> None:
        """A node of a cluster says that `address` has the keys."""

    async def aclose(self) -> None:
        """Ends what it does to find its way."""


class SentinelRoute(Route):
    """To the primary that the Sentinels name.

    A majority is heard, where there is one, and the latest that it says counts: a Sentinel that was cut off goes on
    naming the primary of old.
    """

    def __init__(self, service_name: str, sentinels: Sequence[Redis]) -> None:
        super().__init__(_NOWHERE)
        self._service_name = service_name
        self._sentinels = sentinels
        self._asking: asyncio.Task[Address] | None = None

    async def find(self) -> Address:
        """The primary. Who asks while another does shares his answer: a failover breaks many connections at once."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(_heard)
        self._address = await asyncio.shield(self._asking)
        return self._address

    async def aclose(self) -> None:
        """Closes the connections to the Sentinels."""
        if self._asking is not None:
            self._asking.cancel()
        for sentinel in self._sentinels:
            await sentinel.aclose()

    async def _ask(self) -> Address:
        asked = [asyncio.create_task(self._state_from(sentinel)) for sentinel in self._sentinels]
        states: list[dict[str, Any]] = []
        try:
            for answer in asyncio.as_completed(asked):
                with suppress(RedisError, OSError):
                    states.append(await answer)
                if len(states) > len(asked) // 2:
                    break
        finally:
            for task in asked:
                task.cancel()
        latest = max((state["config-epoch"] for state in states), default=0)
        for state in states:
            if state["config-epoch"] == latest and _serves(state):
                return Address(state["ip"], state["port"])
        raise RedisConnectionError("No Sentinel knows of a primary that lives")

    async def _state_from(self, sentinel: Redis) -> dict[str, Any]:
        state: dict[str, Any] = await sentinel.execute_command(  # type: ignore[no-untyped-call]  # redis-py's own lack
            "SENTINEL MASTER", self._service_name
        )
        return state


class ClusterRoute(Route):
    """To the node of a cluster that has the keys, which are all in one slot.

    Any node is asked, a replica too; one that does not have the slot tells who does.
    """

    def __init__(self, addresses: Sequence[Address]) -> None:
        super().__init__(addresses[0], only_to_primaries=False)
        self._known = deque(addresses)

    def leads_to(self, address: Address) -> bool:
        """Always: the node itself says when the keys have gone."""
        return True

    def failed(self, address: Address) -> None:
        """Another node is asked the next time."""
        if address == self._address:
            self._known.rotate(-1)
            self._address = self._known[0]

    def moved(self, address: Address) -> None:
        """That node is asked the next time."""
        self._address = address


def _heard(asking: asyncio.Task[Address]) -> None:
    """Its error is not news where everybody who asked has gone away."""
    if not asking.cancelled():
        asking.exception()


def _serves(state: dict[str, Any]) -> bool:
    return state["is_master"] and not (state["is_sdown"] or state["is_odown"])
