"""Which calls go to the policy service, and how the others are answered."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from gateway.edge.config import EdgeSettings
from gateway.edge.methods import PublicMethod
from gateway.edge.refusals import UNKNOWN_METHOD, WRONG_VERB
from gateway.edge.values import Json, header, seconds, typed
from gateway.metadata import CLIENT_ADDRESS

POLICY_CLUSTER = "gateway"
RESPONSE_HEADERS_FILTER = "envoy.filters.http.header_mutation"
GUARD_FILTER = "envoy.filters.http.lua"
TRANSCODER_FILTER = "envoy.filters.http.grpc_json_transcoder"

_GRPC = {"name": "content-type", "string_match": {"prefix": "application/grpc"}}
_NOT_GRPC = {**_GRPC, "invert_match": True, "treat_missing_header_as_empty": True}

_OFF = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
_NO_JSON = {GUARD_FILTER: _OFF, TRANSCODER_FILTER: _OFF}

# What Envoy says of the caller on its own account: the address travels once, under our own name.
_ENVOYS_VIEW_OF_THE_CALLER = ("x-envoy-external-address", "x-envoy-internal")
# What the policy service says in gRPC and the transcoder leaves beside the JSON.
_GRPC_ONLY_HEADERS = ("grpc-accept-encoding", "grpc-message", "grpc-status", "grpc-status-details-bin")


def route_table(settings: EdgeSettings, methods: Sequence[PublicMethod]) -> Json:
    """Exact paths with their verb; everything else, health and reflection included, is unknown (default deny)."""
    return {
        "name": "partners",
        "virtual_hosts": [
            {
                "name": "partners",
                "domains": ["*"],
                # What a caller wrote there was removed before (listener.py).
                "request_headers_to_add": [
                    header(CLIENT_ADDRESS, "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")
                ],
                "request_headers_to_remove": list(_ENVOYS_VIEW_OF_THE_CALLER),
                "routes": [
                    *(_grpc_route(settings, method) for method in methods),
                    *(_json_route(settings, method) for method in methods),
                    *_wrong_verbs(methods),
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


def _grpc_route(settings: EdgeSettings, method: PublicMethod) -> Json:
    match = {"path": method.grpc_path, "headers": [_verb("POST"), _GRPC]}
    return {
        **_forward(settings, method.grpc_name, match),
        "typed_per_filter_config": _NO_JSON,
    }


def _json_route(settings: EdgeSettings, method: PublicMethod) -> Json:
    match = {"path": method.path, "headers": [_verb(method.verb), _NOT_GRPC]}
    removals = [{"remove": name} for name in _GRPC_ONLY_HEADERS]
    return {
        **_forward(settings, method.json_name, match),
        "typed_per_filter_config": {
            RESPONSE_HEADERS_FILTER: typed(
                "filters.http.header_mutation.v3.HeaderMutationPerRoute",
                mutations={"response_mutations": removals},
            )
        },
    }


def _forward(settings: EdgeSettings, name: str, match: Json) -> Json:
    return {
        "name": name,
        "match": match,
        "route": {"cluster": POLICY_CLUSTER, "timeout": seconds(settings.request_timeout_seconds)},
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
