"""Which calls go to the policy service, and how the others are answered."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from gateway.edge.config import EdgeSettings
from gateway.edge.methods import PublicMethod
from gateway.edge.reference.routes import largest_file_bytes, reference_routes
from gateway.edge.refusals import UNKNOWN_METHOD, WRONG_VERB
from gateway.edge.transcoder import FILTER as TRANSCODER_FILTER
from gateway.edge.transcoder import transcoder
from gateway.edge.values import Json, header, seconds, typed
from gateway.metadata import CLIENT_ADDRESS, CLIENT_CERTIFICATE

POLICY_CLUSTER = "gateway"
RESPONSE_HEADERS_FILTER = "envoy.filters.http.header_mutation"
GUARD_FILTER = "envoy.filters.http.lua"
BUFFER_FILTER = "envoy.filters.http.buffer"

# Five hundred queries, each with all its fields at their longest, written with room between them.
_BATCH_BYTES = 256 * 1024
# As many consultations one after another, each of which may take its whole budget while a service is slow.
_STREAM_TIMEOUT_SECONDS = 120
_NDJSON = "application/x-ndjson"
_REFLECTION = tuple(
    f"grpc.reflection.{version}.ServerReflection/ServerReflectionInfo" for version in ("v1", "v1alpha")
)

_GRPC = {"name": "content-type", "string_match": {"prefix": "application/grpc"}}
_LISTS_NDJSON = rf"(?i)(.*,)?\s*{_NDJSON}\s*"
# Listed, and not with q=0, which is how a caller refuses it (RFC 9110, 12.4.2).
_WANTS_NDJSON: tuple[Json, ...] = (
    {"name": "accept", "string_match": {"safe_regex": {"regex": rf"{_LISTS_NDJSON}([;,].*)?"}}},
    {
        "name": "accept",
        "string_match": {"safe_regex": {"regex": rf"{_LISTS_NDJSON}(;[^,]*)?;\s*q=0(\.0*)?\s*(,.*)?"}},
        "invert_match": True,
    },
)
_NOT_GRPC = {**_GRPC, "invert_match": True, "treat_missing_header_as_empty": True}

# They would be read as gRPC's once the body has become gRPC: a wrong one would fail the call.
_GRPC_ONLY_REQUEST_HEADERS = ("grpc-timeout", "grpc-encoding")

_OFF = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
_NO_JSON = {GUARD_FILTER: _OFF, TRANSCODER_FILTER: _OFF}

# What Envoy says of the caller on its own account: the address travels once, under our own name.
_ENVOYS_VIEW_OF_THE_CALLER = ("x-envoy-external-address", "x-envoy-internal")


def route_table(settings: EdgeSettings, methods: Sequence[PublicMethod]) -> Json:
    """Exact paths with their verb; everything else, health included, is unknown (default deny)."""
    return {
        "name": "partners",
        "max_direct_response_body_size_bytes": largest_file_bytes(),
        "virtual_hosts": [
            {
                "name": "partners",
                "domains": ["*"],
                # What a caller wrote there was removed before (listener.py).
                "request_headers_to_add": [
                    header(CLIENT_ADDRESS, "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
                    # Empty, and then not sent, where the caller showed none.
                    header(CLIENT_CERTIFICATE, "%DOWNSTREAM_PEER_FINGERPRINT_256%"),
                ],
                "request_headers_to_remove": list(_ENVOYS_VIEW_OF_THE_CALLER),
                "routes": [
                    *(_grpc_route(settings, method) for method in methods),
                    *(route for method in methods for route in _json_routes(settings, method)),
                    *(_reflection_route(name) for name in _REFLECTION if settings.reflection),
                    *_wrong_verbs(methods),
                    *reference_routes(_NO_JSON),
                    _answer("unknown method", {"prefix": "/"}, UNKNOWN_METHOD.http_status),
                ],
            }
        ],
    }


def refuse_everything(name: str, http_status: int) -> Json:
    """A route table that knows one answer only."""
    return {
        "name": name,
        "virtual_hosts": [
            {"name": name, "domains": ["*"], "routes": [_answer(name, {"prefix": "/"}, http_status)]}
        ],
    }


def max_batch_bytes(settings: EdgeSettings) -> int:
    """The largest body of a method that takes many queries."""
    return max(_BATCH_BYTES, settings.max_body_bytes)


def _grpc_route(settings: EdgeSettings, method: PublicMethod) -> Json:
    match = {"path": method.grpc_path, "headers": [_verb("POST"), _GRPC]}
    return _forward(settings, method, method.grpc_name, match, _NO_JSON)


def _json_routes(settings: EdgeSettings, method: PublicMethod) -> Iterable[Json]:
    match = {"path": method.path, "headers": [_verb(method.verb), _NOT_GRPC]}
    if method.is_stream:
        wants_lines = {**match, "headers": [*match["headers"], *_WANTS_NDJSON]}
        lines = {TRANSCODER_FILTER: transcoder(one_to_a_line=True)}
        yield {
            **_forward(settings, method, f"{method.json_name} {_NDJSON}", wants_lines, lines),
            "request_headers_to_remove": list(_GRPC_ONLY_REQUEST_HEADERS),
            # The guard reads it: the transcoder calls lines a JSON, too.
            "metadata": {"filter_metadata": {GUARD_FILTER: {"content_type": _NDJSON}}},
        }
    yield {
        **_forward(settings, method, method.json_name, match, {}),
        "request_headers_to_remove": list(_GRPC_ONLY_REQUEST_HEADERS),
    }


def _forward(
    settings: EdgeSettings, method: PublicMethod, name: str, match: Json, filters: Mapping[str, Json]
) -> Json:
    timeout = _STREAM_TIMEOUT_SECONDS if method.is_stream else settings.request_timeout_seconds
    batch = typed(
        "filters.http.buffer.v3.BufferPerRoute", buffer={"max_request_bytes": max_batch_bytes(settings)}
    )
    return {
        "name": name,
        "match": match,
        "route": {"cluster": POLICY_CLUSTER, "timeout": seconds(timeout)},
        "typed_per_filter_config": {**({BUFFER_FILTER: batch} if method.is_stream else {}), **filters},
    }


def _reflection_route(name: str) -> Json:
    """Both sides talk for as long as the caller has questions; `stream_idle_timeout` ends it when it has none."""
    return {
        "name": name,
        "match": {"path": f"/{name}", "headers": [_verb("POST"), _GRPC]},
        "route": {"cluster": POLICY_CLUSTER, "timeout": seconds(0)},
        "typed_per_filter_config": {BUFFER_FILTER: _OFF, **_NO_JSON},
    }


def _wrong_verbs(methods: Iterable[PublicMethod]) -> Iterable[Json]:
    verbs = defaultdict(list)
    for method in methods:
        verbs[method.path].append(method.verb)
    for path, allowed in verbs.items():
        match = {"path": path, "headers": [_NOT_GRPC]}
        yield {
            **_answer(f"wrong verb {path}", match, WRONG_VERB.http_status),
            "response_headers_to_add": [header("allow", ", ".join(sorted(allowed)))],
        }


def _answer(name: str, match: Json, http_status: int) -> Json:
    return {
        "name": name,
        "match": match,
        "direct_response": {"status": http_status},
        "typed_per_filter_config": _NO_JSON,
    }


def _verb(verb: str) -> Json:
    return {"name": ":method", "string_match": {"exact": verb}}
