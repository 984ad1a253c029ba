"""One Envoy for all tests of the edge, one whose policy service is away, one that is attacked."""

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


@pytest.fixture(scope="session")
async def attacked_edge(edge: Edge, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    """An edge of its own before the same policy service, with the limits of production but shorter times."""
    root = tmp_path_factory.mktemp("attacked_edge")
    settings = "handshake_timeout_seconds = 1\nidle_timeout_seconds = 2"
    async with running_edge(
        root, edge.gateway_socket, edge.policy, edge.collector, otlp_port=1, settings=settings
    ) as running:
        yield running


@pytest.fixture
async def renewed_edge(edge: Edge, tmp_path: Path) -> AsyncIterator[Edge]:
    """An edge of its own before the same policy service: its certificate is in `tmp_path`."""
    async with running_edge(
        tmp_path, edge.gateway_socket, edge.policy, edge.collector, otlp_port=1
    ) as running:
        yield running
