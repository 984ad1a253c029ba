"""One Envoy for all tests of the edge, and one whose policy service is away."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.integration.edge.collector import Collector, start_collector
from tests.integration.edge.policy import Policy, policy_server
from tests.integration.edge.running import Edge, running_edge


@pytest.fixture(scope="session")
def short_directory() -> Iterator[Path]:
    """The path of a Unix socket has room for some 100 characters only."""
    with tempfile.TemporaryDirectory(prefix="qf-edge-") as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
async def edge(short_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    policy, collector = Policy(), Collector()
    gateway_socket = f"{short_directory}/gateway.sock"
    policy_process = policy_server(policy, gateway_socket)
    await policy_process.start()
    collecting, otlp_port = await start_collector(collector)
    try:
        root = tmp_path_factory.mktemp("edge")
        async with running_edge(root, gateway_socket, policy, collector, otlp_port) as running:
            yield running
    finally:
        await policy_process.stop(None)
        await collecting.stop(None)


@pytest.fixture(scope="session")
async def lonely_edge(short_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    """An edge whose policy service is away, and whose collector is away as well."""
    root = tmp_path_factory.mktemp("lonely_edge")
    away = f"{short_directory}/away.sock"
    async with running_edge(root, away, Policy(), Collector(), otlp_port=1) as running:
        yield running
