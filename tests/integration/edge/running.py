"""A real Envoy, started as in production, before a policy service and a collector in this process."""

import asyncio
import json
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import trustme

from tests.integration.edge.collector import Collector
from tests.integration.edge.policy import Policy


@dataclass(frozen=True)
class Edge:
    """What a test needs of it."""

    port: int
    ca_file: Path
    log: Path
    gateway_socket: str
    policy: Policy
    collector: Collector
    ca: trustme.CA
    pid: int

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def client(self, *, http2: bool = True) -> httpx.AsyncClient:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        return httpx.AsyncClient(base_url=self.url, verify=context, http2=http2, http1=not http2, timeout=10)

    def channel(self) -> grpc.aio.Channel:
        credentials = grpc.ssl_channel_credentials(self.ca_file.read_bytes())
        return grpc.aio.secure_channel(f"127.0.0.1:{self.port}", credentials)

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    async def wait_for_log_line(self, value: str, key: str = "trace_id") -> dict[str, Any]:
        async with asyncio.timeout(5):
            while True:
                for line in self.log_lines():
                    if line.get(key) == value:
                        return line
                await asyncio.sleep(0.05)


@asynccontextmanager
async def running_edge(
    root: Path,
    gateway_socket: str,
    policy: Policy,
    collector: Collector,
    otlp_port: int,
    *,
    settings: str = "",
    tls_settings: str = "",
    tls_folder: Path | None = None,
) -> AsyncIterator[Edge]:
    """With further lines of settings, and its certificate elsewhere than in `root`, where a test wants them."""
    port = _free_port()
    ca = trustme.CA()
    ca.cert_pem.write_to_path(root / "ca.pem")
    folder = tls_folder or root
    write_pair(folder, ca.issue_cert("localhost", "127.0.0.1"))
    config = root / "edge.toml"
    otlp_endpoint = f"http://127.0.0.1:{otlp_port}"
    config.write_text(
        settings_text(
            port, gateway_socket, folder, otlp_endpoint, settings=settings, tls_settings=tls_settings
        )
    )
    log = root / "edge.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.edge", "--config", str(config), stdout=output, stderr=output
        )
    try:
        await _until_it_listens(port, process, log)
        yield Edge(port, root / "ca.pem", log, gateway_socket, policy, collector, ca, process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def write_pair(folder: Path, certificate: trustme.LeafCert) -> None:
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")


def settings_text(
    port: int,
    gateway_socket: str,
    tls_folder: Path,
    otlp_endpoint: str,
    *,
    settings: str = "",
    tls_settings: str = "",
) -> str:
    return f"""
listen_address = "127.0.0.1:{port}"
gateway_socket = "{gateway_socket}"
concurrency = 1
request_timeout_seconds = 1
receive_timeout_seconds = 2
{settings}

[tls]
certificate_file = "{tls_folder}/cert.pem"
private_key_file = "{tls_folder}/key.pem"
{tls_settings}

[telemetry]
otlp_endpoint = "{otlp_endpoint}"
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def _until_it_listens(port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    async with asyncio.timeout(15):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                assert process.returncode is None, f"see {log}"
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return
