"""What one caller, and all callers together, may take of the edge."""

from gateway.edge.config import EdgeSettings
from gateway.edge.values import Json, seconds, typed

# Streams that a caller resets within their first second: after so many, most of them, the connection is closed.
PREMATURE_RESETS: Json = {
    "overload.premature_reset_total_stream_count": 40,
    "overload.premature_reset_min_stream_lifetime_seconds": 1,
    # The rest of a connection's calls waits until the others have had their turn.
    "http.max_requests_per_io_cycle": 1,
}

_MONITORS = "envoy.resource_monitors."
_ACTIONS = "envoy.overload_actions."
_HEAP = f"{_MONITORS}fixed_heap"

# Share of the heap from which on each is done: first what nobody notices, last what everybody does.
_WHEN_THE_HEAP_IS_FULL = (
    ("shrink_heap", 0.80),
    ("disable_http_keepalive", 0.90),
    ("stop_accepting_requests", 0.95),
    ("reject_incoming_connections", 0.98),
)
_RESETS_BEGIN, _RESETS_ARE_ALL = 0.85, 0.95
# Streams that hold less than 32 KiB are never reset for it.
_LEAST_TRACKED_POWER_OF_TWO = 15

_FILL_MILLISECONDS = 100


def overload_manager(settings: EdgeSettings) -> Json:
    """Connections and memory of the whole process."""
    return {
        "refresh_interval": seconds(0.25),
        "resource_monitors": [
            {
                "name": f"{_MONITORS}global_downstream_max_connections",
                "typed_config": typed(
                    "resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                    max_active_downstream_connections=settings.max_connections,
                ),
            },
            {
                "name": _HEAP,
                "typed_config": typed(
                    "resource_monitors.fixed_heap.v3.FixedHeapConfig",
                    max_heap_size_bytes=settings.max_heap_mebibytes * 1024 * 1024,
                ),
            },
        ],
        "actions": [
            *(_action(name, {"threshold": {"value": share}}) for name, share in _WHEN_THE_HEAP_IS_FULL),
            _action(
                "reset_high_memory_stream",
                {"scaled": {"scaling_threshold": _RESETS_BEGIN, "saturation_threshold": _RESETS_ARE_ALL}},
            ),
        ],
        "buffer_factory_config": {"minimum_account_to_track_power_of_two": _LEAST_TRACKED_POWER_OF_TWO},
    }


def new_connections(settings: EdgeSettings) -> Json:
    """The listener's filter that closes connections beyond the rate, before anything is spent on them."""
    a_fill = max(1, settings.max_new_connections_per_second * _FILL_MILLISECONDS // 1000)
    return {
        "name": "envoy.filters.listener.local_ratelimit",
        "typed_config": typed(
            "filters.listener.local_ratelimit.v3.LocalRateLimit",
            stat_prefix="partners",
            token_bucket={
                "max_tokens": settings.max_new_connections_per_second,
                "tokens_per_fill": a_fill,
                "fill_interval": seconds(_FILL_MILLISECONDS / 1000),
            },
        ),
    }


def http_limits(settings: EdgeSettings) -> Json:
    """The connection manager's part: times, headers, streams, and frames that carry nothing."""
    return {
        "max_request_headers_kb": settings.max_header_kibibytes,
        "request_headers_timeout": seconds(settings.receive_timeout_seconds),
        "request_timeout": seconds(settings.receive_timeout_seconds),
        "stream_idle_timeout": seconds(settings.receive_timeout_seconds + settings.request_timeout_seconds),
        "common_http_protocol_options": {
            "idle_timeout": seconds(settings.idle_timeout_seconds),
            "max_connection_duration": seconds(settings.max_connection_seconds),
            "max_headers_count": 64,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": settings.max_streams_per_connection,
            "initial_stream_window_size": 64 * 1024,
            "initial_connection_window_size": 1024 * 1024,
            **_FRAMES,
        },
    }


# A connection beyond one of these is closed. Callers that follow RFC 9113 come nowhere near.
_FRAMES = {
    # Answers that wait to be sent, because their reader does not read.
    "max_outbound_frames": 2000,
    # Of them those to PING, SETTINGS and resets.
    "max_outbound_control_frames": 200,
    "max_consecutive_inbound_frames_with_empty_payload": 1,
    "max_inbound_priority_frames_per_stream": 20,
    "max_inbound_window_update_frames_per_data_frame_sent": 10,
    # A message that breaks the protocol ends the connection, not only its stream.
    "override_stream_error_on_invalid_http_message": False,
}


def _action(name: str, when: Json) -> Json:
    return {"name": _ACTIONS + name, "triggers": [{"name": _HEAP, **when}]}
