"""Who floods the edge is ended by it, and whoever calls it in good faith is answered all the while."""

import asyncio
import json
import math
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.edge.running import Edge, running_edge
from tests.integration.edge.test_certificates import until

SECONDS = 4.0
# The edge of these tests gives a handshake one second, a request and an idle connection two.
LONGEST_SECONDS = {"huge headers": SECONDS, "rapid reset": 1.5, "slow handshake": 1.5}
# A reset costs its sender nothing: some twenty are looked at, and what was on its way with them.
MOST_UNITS_A_CONNECTION = {"rapid reset": 300}


@asynccontextmanager
async def flooded(edge: Edge, attack: str, seconds: float = SECONDS) -> AsyncIterator[dict[str, Any]]:
    """Fills in, at the end, what became of the attacker."""
    command = (sys.executable, "-m", "bench.abuse_client", attack, f"127.0.0.1:{edge.port}", str(seconds))
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    tally: dict[str, Any] = {}
    try:
        yield tally
    finally:
        output, _ = await process.communicate()
    tally.update(json.loads(output))


@pytest.mark.parametrize(
    "attack",
    [
        "rapid reset",
        "CONTINUATION",
        "PING",
        "PING, answers unread",
        "SETTINGS",
        "SETTINGS, answers unread",
        "WINDOW_UPDATE",
        "huge headers",
        "slow handshake",
        "slow headers",
        "slow body",
        "idle connections",
    ],
)
async def test_a_flood_is_ended_and_good_callers_are_answered(attacked_edge: Edge, attack: str) -> None:
    answered = 0
    async with flooded(attacked_edge, attack) as tally, attacked_edge.client() as kept:
        loop = asyncio.get_running_loop()
        end = loop.time() + SECONDS
        while loop.time() < end:
            assert (await kept.get("/v1/status")).status_code == 200
            async with attacked_edge.client(http2=False) as new:
                assert (await new.get("/v1/status")).status_code == 200
            answered += 2
            await asyncio.sleep(0.05)
    assert answered >= 10
    assert tally["ended_by_the_edge"] >= 1, tally
    assert tally["longest_seconds"] < LONGEST_SECONDS.get(attack, 3.5), tally
    assert tally["units"] / tally["opened"] < MOST_UNITS_A_CONNECTION.get(attack, math.inf), tally


async def test_floods_leave_no_memory_behind(attacked_edge: Edge) -> None:
    """Compares with itself: what Envoy keeps for the next connections, it does not keep twice."""
    taken = []
    for _ in range(3):
        async with flooded(attacked_edge, "idle connections", seconds=2.5):
            pass
        await asyncio.sleep(0.5)
        taken.append(resident_mib(attacked_edge.pid))
    assert taken[2] < taken[0] + 10, taken


def resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@asynccontextmanager
async def limited(edge: Edge, root: Path, settings: str) -> AsyncIterator[Edge]:
    async with running_edge(
        root, edge.gateway_socket, edge.policy, edge.collector, otlp_port=1, settings=settings
    ) as running:
        yield running


async def test_beyond_the_limit_new_connections_are_closed_and_those_there_are_served(
    edge: Edge, tmp_path: Path
) -> None:
    async with limited(edge, tmp_path, "max_connections = 20") as running, running.client() as kept:
        assert (await kept.get("/v1/status")).status_code == 200
        crowd = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(40)]
        await asyncio.sleep(0.5)
        assert sum(is_closed(one) for one in crowd) == 21
        assert (await kept.get("/v1/status")).status_code == 200
        for one in crowd:
            one.close()
        await asyncio.sleep(0.5)
        async with running.client() as new:
            assert (await new.get("/v1/status")).status_code == 200


async def test_connections_that_come_too_fast_are_closed_before_a_handshake(
    edge: Edge, tmp_path: Path
) -> None:
    async with limited(edge, tmp_path, "max_new_connections_per_second = 20") as running:
        crowd = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(60)]
        await asyncio.sleep(0.3)
        assert 30 <= sum(is_closed(one) for one in crowd) <= 41
        for one in crowd:
            one.close()
        await asyncio.sleep(1)
        async with running.client() as new:
            assert (await new.get("/v1/status")).status_code == 200


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


async def test_an_edge_whose_memory_is_full_refuses_rather_than_grows(edge: Edge, tmp_path: Path) -> None:
    """Two thousand connections need more than this one has; when they are gone it serves as before."""
    async with limited(edge, tmp_path, "max_heap_mebibytes = 32") as running:
        before = resident_mib(running.pid)
        async with flooded(running, "idle connections", seconds=12) as tally:
            await asyncio.sleep(11)
            assert resident_mib(running.pid) < before + 32
        assert tally["refused"] + tally["ended_by_the_edge"] > 0, tally

        async def is_served_again() -> bool:
            try:
                async with running.client(http2=False) as client:
                    return (await client.get("/v1/status")).status_code == 200
            except httpx.TransportError:
                return False

        await until(is_served_again)
        assert await is_served_again()


async def test_a_connection_is_told_to_go_when_its_time_is_over(edge: Edge, tmp_path: Path) -> None:
    async with (
        limited(edge, tmp_path, "max_connection_seconds = 1") as running,
        running.client(http2=False) as client,
    ):
        assert "connection" not in (await client.get("/v1/status")).headers
        await asyncio.sleep(1.2)
        assert (await client.get("/v1/status")).headers["connection"] == "close"
        assert (await client.get("/v1/status")).status_code == 200
