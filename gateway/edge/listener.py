"""The one port that partners reach: TLS, both HTTP versions, and the filters in the order in which they act."""

import base64
from collections.abc import Sequence

from gateway.edge import json_guard, methods
from gateway.edge.config import EdgeSettings
from gateway.edge.refusals import TLS_REQUIRED, local_replies, tls_required_replies
from gateway.edge.routes import (
    GUARD_FILTER,
    RESPONSE_HEADERS_FILTER,
    TRANSCODER_FILTER,
    refuse_everything,
    route_table,
)
from gateway.edge.tracing import access_log, tracing
from gateway.edge.values import Json, address, header, seconds, typed
from gateway.metadata import CLIENT_ADDRESS

# What a caller must not be able to say: who it is, which trace it is in, how Envoy should treat it.
_FORBIDDEN_REQUEST_HEADERS = {
    "removed": (
        "baggage",
        "forwarded",
        "traceparent",
        "tracestate",
        "x-client-trace-id",
        CLIENT_ADDRESS,
        "x-real-ip",
        "x-request-id",
    ),
    "removed_by_prefix": ("x-envoy-", "x-forwarded-"),
}

_TLS_PARAMETERS = {
    "tls_minimum_protocol_version": "TLSv1_2",
    "tls_maximum_protocol_version": "TLSv1_3",
    # Of TLS 1.2 only what keeps past traffic secret and is authenticated; TLS 1.3 has nothing else.
    "cipher_suites": [
        "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
        "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
    ],
    "ecdh_curves": ["X25519MLKEM768", "X25519", "P-256"],
}

_RESPONSE_HEADERS = {
    "x-trace-id": "%TRACE_ID%",
    "cache-control": "no-store",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
}

_BUFFER_BYTES = 256 * 1024
_HELLO_TIMEOUT_SECONDS = 5


def listener(settings: EdgeSettings) -> Json:
    """The port: calls over TLS are served, plain HTTP is told to use TLS (art. 7-1)."""
    return {
        "name": "partners",
        "address": address(settings.listen_address),
        "per_connection_buffer_limit_bytes": _BUFFER_BYTES,
        # Two processes never share a port unnoticed.
        "enable_reuse_port": False,
        "listener_filters": [
            {
                "name": "envoy.filters.listener.tls_inspector",
                "typed_config": typed("filters.listener.tls_inspector.v3.TlsInspector"),
            }
        ],
        "listener_filters_timeout": seconds(_HELLO_TIMEOUT_SECONDS),
        "filter_chains": [_tls_chain(settings), _plain_chain(settings)],
    }


def _tls_chain(settings: EdgeSettings) -> Json:
    public_methods = methods.public_methods()
    return {
        "name": "tls",
        "filter_chain_match": {"transport_protocol": "tls"},
        "transport_socket": _tls(settings),
        "transport_socket_connect_timeout": seconds(_HELLO_TIMEOUT_SECONDS),
        "filters": [
            _connection_manager(
                settings,
                stat_prefix="partners",
                route_config=route_table(settings, public_methods),
                local_reply_config=local_replies(settings.max_body_bytes),
                http_filters=_filters(settings, public_methods),
                **tracing(settings),
            )
        ],
    }


def _plain_chain(settings: EdgeSettings) -> Json:
    return {
        "name": "plain",
        "filter_chain_match": {"transport_protocol": "raw_buffer"},
        "filters": [
            _connection_manager(
                settings,
                stat_prefix="plain",
                route_config=refuse_everything("tls required", TLS_REQUIRED.http_status),
                local_reply_config=tls_required_replies(),
                http_filters=[_router()],
            )
        ],
    }


def _connection_manager(settings: EdgeSettings, **own: object) -> Json:
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": typed(
            "filters.network.http_connection_manager.v3.HttpConnectionManager",
            **_limits(settings),
            **_hygiene(),
            access_log=[access_log(settings)],
            **own,
        ),
    }


def _limits(settings: EdgeSettings) -> Json:
    return {
        "max_request_headers_kb": settings.max_header_kibibytes,
        "request_headers_timeout": seconds(settings.receive_timeout_seconds),
        "request_timeout": seconds(settings.receive_timeout_seconds),
        "stream_idle_timeout": seconds(settings.receive_timeout_seconds + settings.request_timeout_seconds),
        "common_http_protocol_options": {
            "idle_timeout": seconds(settings.idle_timeout_seconds),
            "max_headers_count": 64,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": settings.max_streams_per_connection,
            "initial_stream_window_size": 64 * 1024,
            "initial_connection_window_size": 1024 * 1024,
        },
    }


def _hygiene() -> Json:
    return {
        # This is the edge: the peer is the caller, whatever the headers say, and nobody is internal.
        "use_remote_address": True,
        "skip_xff_append": True,
        "internal_address_config": {"unix_sockets": False},
        "early_header_mutation_extensions": [
            {
                "name": "envoy.http.early_header_mutation.header_mutation",
                "typed_config": typed(
                    "http.early_header_mutation.header_mutation.v3.HeaderMutation", mutations=_removals()
                ),
            }
        ],
        "server_header_transformation": "PASS_THROUGH",
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
    }


def _removals() -> list[Json]:
    by_prefix = _FORBIDDEN_REQUEST_HEADERS["removed_by_prefix"]
    return [
        *({"remove": name} for name in _FORBIDDEN_REQUEST_HEADERS["removed"]),
        *({"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in by_prefix),
    ]


def _filters(settings: EdgeSettings, public_methods: Sequence[methods.PublicMethod]) -> list[Json]:
    return [
        _response_headers(),
        {
            # Not body_size_limit: it logs what it refuses, with the caller's address and path.
            "name": "envoy.filters.http.buffer",
            "typed_config": typed("filters.http.buffer.v3.Buffer", max_request_bytes=settings.max_body_bytes),
        },
        {"name": "envoy.filters.http.grpc_web", "typed_config": typed("filters.http.grpc_web.v3.GrpcWeb")},
        {
            "name": GUARD_FILTER,
            "typed_config": typed(
                "filters.http.lua.v3.Lua",
                default_source_code={"inline_string": json_guard.script(public_methods)},
            ),
        },
        _transcoder(),
        _router(),
    ]


def _response_headers() -> Json:
    mutations = [{"append": header(key, value)} for key, value in _RESPONSE_HEADERS.items()]
    return {
        "name": RESPONSE_HEADERS_FILTER,
        "typed_config": typed(
            "filters.http.header_mutation.v3.HeaderMutation", mutations={"response_mutations": mutations}
        ),
    }


def _transcoder() -> Json:
    return {
        "name": TRANSCODER_FILTER,
        "typed_config": typed(
            "filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
            proto_descriptor_bin=base64.b64encode(methods.descriptor_set()).decode(),
            services=methods.public_services(),
            print_options={"preserve_proto_field_names": True, "always_print_primitive_fields": True},
            match_incoming_request_route=True,
            convert_grpc_status=True,
            request_validation_options={
                "reject_unknown_method": True,
                "reject_unknown_query_parameters": True,
                "reject_binding_body_field_collisions": True,
            },
        ),
    }


def _router() -> Json:
    return {
        "name": "envoy.filters.http.router",
        "typed_config": typed("filters.http.router.v3.Router", suppress_envoy_headers=True),
    }


def _tls(settings: EdgeSettings) -> Json:
    certificate = {
        "certificate_chain": {"filename": str(settings.tls.certificate_file.absolute())},
        "private_key": {"filename": str(settings.tls.private_key_file.absolute())},
    }
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed(
            "transport_sockets.tls.v3.DownstreamTlsContext",
            common_tls_context={
                "tls_params": _TLS_PARAMETERS,
                "tls_certificates": [certificate],
                "alpn_protocols": ["h2", "http/1.1"],
            },
        ),
    }
