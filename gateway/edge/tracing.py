"""Spans and log lines of the edge: what they say is listed here, and nothing of it comes from the caller (N5)."""

from gateway.edge.config import EdgeSettings
from gateway.edge.values import Json, seconds, typed

OTLP_CLUSTER = "otlp"
_SERVICE = "edge"

# Envoy puts these attributes on every span from what the caller sent; each is overwritten.
_FROM_THE_CALLER = (
    "downstream_cluster",
    "grpc.authority",
    "grpc.content_type",
    "grpc.path",
    "grpc.timeout",
    "guid:x-client-trace-id",
    "http.url",
    "peer.address",
    "user_agent",
)
_LEFT_OUT = "-"

_LOG_LINE = {
    "timestamp": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
    "level": "info",
    "service": _SERVICE,
    "event": "request_served",
    "route": "%ROUTE_NAME%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "grpc_status": "%GRPC_STATUS_NUMBER%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "duration_ms": "%DURATION%",
    "upstream_duration_ms": "%RESPONSE_DURATION%",
    "request_bytes": "%BYTES_RECEIVED%",
    "response_bytes": "%BYTES_SENT%",
    "trace_id": "%TRACE_ID%",
    # That of the answer: what a caller asked for may not have been looked at yet.
    "request_id": "%RESP(x-request-id)%",
}


def tracing(settings: EdgeSettings) -> Json:
    """The connection manager's part: every trace begins here; `sample_ratio` alone says which are kept.

    A caller's `traceparent` is removed before this: it could hold digits that are not ours to keep, join the
    calls of strangers, or turn tracing off.
    """
    if not settings.telemetry.otlp_endpoint:
        return {}
    return {
        "tracing": {
            # Not the caller's to ask for, nor to refuse.
            "client_sampling": {"value": 0},
            "random_sampling": {"value": settings.telemetry.sample_ratio * 100},
            "operation": "%ROUTE_NAME%",
            "max_path_tag_length": 1,
            "custom_tags": [
                {"tag": "http.route", "value": "%ROUTE_NAME%"},
                *({"tag": tag, "literal": {"value": _LEFT_OUT}} for tag in _FROM_THE_CALLER),
            ],
            "provider": {
                "name": "envoy.tracers.opentelemetry",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                    "grpc_service": {
                        "envoy_grpc": {"cluster_name": OTLP_CLUSTER},
                        "timeout": seconds(2),
                    },
                    "service_name": _SERVICE,
                },
            },
        }
    }


def access_log(settings: EdgeSettings) -> Json:
    """One JSON object a line: the route's name instead of a path, the outcome, no header, no address."""
    log_format = {"json_format": _LOG_LINE, "omit_empty_values": True}
    if settings.access_log_file:
        name, where = "envoy.access_loggers.file", {"path": settings.access_log_file}
        config = typed("access_loggers.file.v3.FileAccessLog", log_format=log_format, **where)
    else:
        name = "envoy.access_loggers.stdout"
        config = typed("access_loggers.stream.v3.StdoutAccessLog", log_format=log_format)
    return {"name": name, "typed_config": config}


def application_log() -> Json:
    """Envoy's own log, in the form of ours."""
    line = {"timestamp": "%Y-%m-%dT%H:%M:%S.%eZ", "level": "%l", "service": _SERVICE, "event": "envoy_logged"}
    return {"log_format": {"json_format": {**line, "logger": "%n", "message": "%j"}}}
