"""The whole of Envoy's configuration, as JSON."""

from pathlib import Path

from gateway.edge.config import EdgeSettings, EdgeTelemetrySettings
from gateway.edge.limits import PREMATURE_RESETS, overload_manager
from gateway.edge.listener import listener
from gateway.edge.routes import POLICY_CLUSTER
from gateway.edge.tracing import OTLP_CLUSTER, application_log
from gateway.edge.values import Json, address, seconds, typed

_CONNECT_TIMEOUT_SECONDS = 1
# Spans wait this long to travel together, at most this many.
_SPAN_FLUSH_MILLISECONDS = 500
_SPAN_FLUSH_COUNT = 256


def bootstrap(settings: EdgeSettings, secret_file: Path) -> Json:
    """Everything Envoy is told: one port, the policy service behind it, and where spans go.

    `secret_file` names the certificate's files (tls.py).
    """
    telemetry = settings.telemetry
    return {
        "node": {"id": "edge", "cluster": "edge"},
        **_admin(settings),
        "application_log_config": application_log(),
        "overload_manager": overload_manager(settings),
        "layered_runtime": {"layers": [{"name": "static", "static_layer": _runtime()}]},
        "static_resources": {
            "listeners": [listener(settings, secret_file)],
            "clusters": [
                _policy_cluster(settings),
                *([_otlp_cluster(telemetry)] if telemetry.otlp_endpoint else []),
            ],
        },
    }


def _admin(settings: EdgeSettings) -> Json:
    return {"admin": {"address": address(settings.admin_address)}} if settings.admin_address else {}


def _runtime() -> Json:
    return {
        "tracing.opentelemetry.flush_interval_ms": _SPAN_FLUSH_MILLISECONDS,
        "tracing.opentelemetry.min_flush_spans": _SPAN_FLUSH_COUNT,
        **PREMATURE_RESETS,
    }


def _policy_cluster(settings: EdgeSettings) -> Json:
    """No retry and no second host: when the policy service is away the caller hears it at once (N8)."""
    endpoint = {"pipe": {"path": str(settings.gateway_socket.absolute())}}
    return _grpc_cluster(POLICY_CLUSTER, "STATIC", endpoint)


def _otlp_cluster(telemetry: EdgeTelemetrySettings) -> Json:
    host_and_port = telemetry.otlp_endpoint.partition("://")[2]
    cluster = _grpc_cluster(OTLP_CLUSTER, "STRICT_DNS", address(host_and_port))
    if not telemetry.otlp_endpoint.startswith("https://") or telemetry.ca_file is None:
        return cluster
    return {**cluster, "transport_socket": _tls_to(host_and_port.rpartition(":")[0], telemetry.ca_file)}


def _tls_to(host: str, ca_file: Path) -> Json:
    validation = {
        "trusted_ca": {"filename": str(ca_file.absolute())},
        "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": host}}],
    }
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed(
            "transport_sockets.tls.v3.UpstreamTlsContext",
            sni=host,
            common_tls_context={"validation_context": validation, "alpn_protocols": ["h2"]},
        ),
    }


def _grpc_cluster(name: str, kind: str, endpoint: Json) -> Json:
    return {
        "name": name,
        "type": kind,
        "connect_timeout": seconds(_CONNECT_TIMEOUT_SECONDS),
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "upstreams.http.v3.HttpProtocolOptions", explicit_http_config={"http2_protocol_options": {}}
            )
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": endpoint}}]}],
        },
    }
