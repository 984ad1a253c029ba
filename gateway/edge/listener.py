"""The one port that partners reach: TLS, both HTTP versions, and the filters in the order in which they act."""

from collections.abc import Sequence
from pathlib import Path

from gateway.edge import json_guard, methods
from gateway.edge.config import EdgeSettings
from gateway.edge.limits import http_limits, new_connections
from gateway.edge.marks import generated, marks_filter, set_aside, told
from gateway.edge.refusals import TLS_REQUIRED, local_replies, tls_required_replies
from gateway.edge.routes import (
    BUFFER_FILTER,
    GUARD_FILTER,
    RESPONSE_HEADERS_FILTER,
    max_batch_bytes,
    refuse_everything,
    route_table,
)
from gateway.edge.tls import transport_socket
from gateway.edge.tracing import access_log, tracing
from gateway.edge.transcoder import FILTER as TRANSCODER_FILTER
from gateway.edge.transcoder import transcoder
from gateway.edge.values import Json, address, header, seconds, typed
from gateway.metadata import CLIENT_ADDRESS, CLIENT_CERTIFICATE

# What a caller must not be able to say: who it is, which trace it is in, how Envoy should treat it.
_FORBIDDEN_REQUEST_HEADERS = {
    "removed": (
        "baggage",
        "forwarded",
        "traceparent",
        "tracestate",
        "x-client-trace-id",
        CLIENT_ADDRESS,
        CLIENT_CERTIFICATE,
        "x-real-ip",
    ),
    "removed_by_prefix": ("x-envoy-", "x-forwarded-"),
}

# Names that HTTP allows and gRPC does not, and those of its binary metadata: one of them, whatever it holds, makes the
# policy service refuse the whole call as unreadable.
_NO_GRPC_NAME = ".*[^-a-z0-9_.:].*|.*-bin"

_RESPONSE_HEADERS = {
    "x-trace-id": "%TRACE_ID%",
    "cache-control": "no-store",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
}

# What a body of the largest kind needs, with room for what becomes of it.
_BUFFER_BYTES = 512 * 1024
_ACCEPTED_AT_ONCE = 8
_OVER_TLS: Json = {"transport_protocol": "tls"}


def listener(settings: EdgeSettings, secret_file: Path) -> Json:
    """The port: calls over TLS are served, plain HTTP is told to use TLS (art. 7-1)."""
    return {
        "name": "partners",
        "address": address(settings.listen_address),
        "per_connection_buffer_limit_bytes": _BUFFER_BYTES,
        # Two processes never share a port unnoticed.
        "enable_reuse_port": False,
        # Calls under way have their turn between the arrivals of a crowd.
        "max_connections_to_accept_per_socket_event": _ACCEPTED_AT_ONCE,
        "listener_filters": [
            new_connections(settings),
            {
                "name": "envoy.filters.listener.tls_inspector",
                "typed_config": typed("filters.listener.tls_inspector.v3.TlsInspector"),
            },
        ],
        "listener_filters_timeout": seconds(settings.handshake_timeout_seconds),
        "filter_chains": [*_tls_chains(settings, secret_file), _plain_chain(settings)],
    }


def _tls_chains(settings: EdgeSettings, secret_file: Path) -> list[Json]:
    """All calls alike; only who is asked for a certificate of its own depends on the name that it calls."""
    asking = settings.tls.client_certificate_names
    tls = _tls_chain(settings)
    chains = []
    if asking != ("*",):
        quiet = transport_socket(settings.tls, secret_file, ask_for_certificate=False)
        chains.append({"name": "tls", "filter_chain_match": _OVER_TLS, "transport_socket": quiet, **tls})
    if asking:
        names = {} if asking == ("*",) else {"server_names": list(asking)}
        curious = transport_socket(settings.tls, secret_file, ask_for_certificate=True)
        chains.append(
            {
                "name": "tls with client certificates",
                "filter_chain_match": _OVER_TLS | names,
                "transport_socket": curious,
                **tls,
            }
        )
    return chains


def _tls_chain(settings: EdgeSettings) -> Json:
    public_methods = methods.public_methods()
    return {
        "transport_socket_connect_timeout": seconds(settings.handshake_timeout_seconds),
        "filters": [
            _connection_manager(
                settings,
                stat_prefix="partners",
                route_config=route_table(settings, public_methods),
                local_reply_config=local_replies(settings.max_body_bytes, max_batch_bytes(settings)),
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
            **http_limits(settings),
            **_hygiene(),
            access_log=[access_log(settings)],
            **own,
        ),
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
        **generated(),
        "server_header_transformation": "PASS_THROUGH",
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
    }


def _removals() -> list[Json]:
    by_prefix = _FORBIDDEN_REQUEST_HEADERS["removed_by_prefix"]
    return [
        *set_aside(),
        *({"remove": name} for name in _FORBIDDEN_REQUEST_HEADERS["removed"]),
        *({"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in by_prefix),
        {"remove_on_match": {"key_matcher": {"safe_regex": {"regex": _NO_GRPC_NAME}}}},
    ]


def _filters(settings: EdgeSettings, public_methods: Sequence[methods.PublicMethod]) -> list[Json]:
    return [
        marks_filter(),
        {
            # Not body_size_limit: it logs what it refuses, with the caller's address and path.
            "name": BUFFER_FILTER,
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
        # Answers pass it first: the others read the trace id.
        _response_headers(),
        _router(),
    ]


def _response_headers() -> Json:
    mutations = [*told(), *({"append": header(key, value)} for key, value in _RESPONSE_HEADERS.items())]
    return {
        "name": RESPONSE_HEADERS_FILTER,
        "typed_config": typed(
            "filters.http.header_mutation.v3.HeaderMutation", mutations={"response_mutations": mutations}
        ),
    }


def _transcoder() -> Json:
    return {"name": TRANSCODER_FILTER, "typed_config": transcoder()}


def _router() -> Json:
    return {
        "name": "envoy.filters.http.router",
        "typed_config": typed("filters.http.router.v3.Router", suppress_envoy_headers=True),
    }
