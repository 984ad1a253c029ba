"""Settings that cannot be used stop the start, with the key and the remedy."""

from pathlib import Path

import pytest

from gateway.edge.config import EdgeSettings
from services.kit.config import ConfigError, load

GOOD = {
    "listen_address": '"127.0.0.1:8443"',
    "gateway_socket": '"/run/qf/gateway.sock"',
    "tls": '{certificate_file = "c.pem", private_key_file = "k.pem"}',
}


def read(tmp_path: Path, **changed: str) -> EdgeSettings:
    path = tmp_path / "edge.toml"
    path.write_text("".join(f"{key} = {value}\n" for key, value in {**GOOD, **changed}.items()))
    return load(EdgeSettings, path, "QF_EDGE_", {})


def test_the_defaults_are_those_of_production(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert settings.admin_address == ""
    assert settings.max_body_bytes == 64 * 1024
    assert settings.log_level == "warning"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("listen_address", '"localhost:8443"'),
        ("listen_address", '"127.0.0.1"'),
        ("listen_address", '"127.0.0.1:99999"'),
        ("telemetry", '{otlp_endpoint = "https://collector:4317/v1"}'),
        ("telemetry", '{otlp_endpoint = "collector:4317"}'),
        ("telemetry", '{otlp_endpoint = "https://collector:4317"}'),
        ("listen", "1"),
        ("max_body_bytes", "0"),
        ("max_heap_mebibytes", "1"),
        ("max_new_connections_per_second", "0"),
        ("handshake_timeout_seconds", "0"),
        ("max_connection_seconds", "0"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=key):
        read(tmp_path, **{key: value})


@pytest.mark.parametrize("level", ["trace", "debug", "info"])
def test_levels_at_which_envoy_logs_requests_are_refused(tmp_path: Path, level: str) -> None:
    with pytest.raises(ConfigError, match="log_level"):
        read(tmp_path, log_level=f'"{level}"')
