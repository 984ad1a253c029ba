"""`python -m gateway.edge`: what it says before it becomes Envoy."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
import trustme

from tests.integration.edge.running import Edge, settings_text, write_pair


async def edge_command(config: Path, *options: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.edge", "--config", str(config), *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


def change(config: Path, old: str, new: str) -> None:
    config.write_text(config.read_text().replace(old, new))


@pytest.fixture
def config(edge: Edge, tmp_path: Path) -> Path:
    """Settings of another edge with the same certificate."""
    path = tmp_path / "edge.toml"
    path.write_text(settings_text(edge.port, edge.gateway_socket, edge.ca_file.parent, ""))
    return path


async def test_print_shows_what_envoy_would_be_given(config: Path) -> None:
    status, out, _ = await edge_command(config, "--print")
    assert status == 0
    assert json.loads(out)["static_resources"]["listeners"]


async def test_check_lets_envoy_read_it(config: Path) -> None:
    status, _, _ = await edge_command(config, "--check")
    assert status == 0


async def test_a_certificate_that_is_not_there_stops_the_start(config: Path) -> None:
    """Envoy alone would open the port, and serve nobody."""
    change(config, "cert.pem", "away.pem")
    status, _, err = await edge_command(config)
    assert status == 1
    assert "tls.certificate_file" in err


async def test_a_certificate_with_the_key_of_another_stops_the_start(
    edge: Edge, config: Path, tmp_path: Path
) -> None:
    write_pair(tmp_path, trustme.CA().issue_cert("localhost"))
    change(config, f"{edge.ca_file.parent}/key.pem", f"{tmp_path}/key.pem")
    status, _, err = await edge_command(config)
    assert status == 1
    assert "tls.private_key_file" in err


async def test_a_busy_port_stops_the_start(config: Path) -> None:
    status, out, err = await edge_command(config)
    assert status == 1
    assert "Address already in use" in out + err


async def test_spans_may_go_to_a_collector_behind_tls(edge: Edge, config: Path) -> None:
    change(
        config, 'otlp_endpoint = ""', 'otlp_endpoint = "https://collector.example:4317"\nca_file = "ca.pem"'
    )
    change(config, "ca.pem", str(edge.ca_file))
    status, _, err = await edge_command(config, "--check")
    assert status == 0, err


async def test_an_unknown_key_stops_the_start(config: Path) -> None:
    change(config, "listen_address", "listen = 1\nlisten_address")
    status, _, err = await edge_command(config)
    assert status == 1
    assert "listen: unknown key" in err
