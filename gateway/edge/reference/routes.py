"""Routes that the edge answers by itself, with files: the OpenAPI document and its page, open to everybody.

The page needs no other host: Swagger UI comes from the wheel `fastapi-swagger`, of which nothing is imported.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from gateway.edge.values import Json, header, typed
from services.kit.config import ConfigError

_HERE = Path(__file__).parent
_HTML = "text/html; charset=utf-8"
_CSS = "text/css; charset=utf-8"
_JAVASCRIPT = "text/javascript; charset=utf-8"
_VERBS = "GET, HEAD"
# It sets the headers of every answer, and a route's after those.
_HEADERS_FILTER = "envoy.filters.http.header_mutation"

# Nothing but what this port serves; Swagger UI sets styles in its elements and draws its icons from data: URLs.
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


@dataclass(frozen=True)
class ReferenceFile:
    """One file and the path by which it is asked for."""

    path: str
    content_type: str
    file: Path

    @property
    def etag(self) -> str:
        """Changes with the content."""
        return f'"{hashlib.sha256(self.file.read_bytes()).hexdigest()[:32]}"'


def reference_files() -> list[ReferenceFile]:
    """Everything that is served.

    Raises:
        ConfigError: the wheel is not installed.
    """
    swagger = _swagger_folder()
    return [
        ReferenceFile("/v1/openapi.json", "application/json", _HERE / "openapi.json"),
        ReferenceFile("/docs", _HTML, _HERE / "page.html"),
        ReferenceFile("/docs/page.css", _CSS, _HERE / "page.css"),
        ReferenceFile("/docs/page.js", _JAVASCRIPT, _HERE / "page.js"),
        ReferenceFile("/docs/swagger-ui.css", _CSS, swagger / "swagger-ui.css"),
        ReferenceFile("/docs/swagger-ui-bundle.js", _JAVASCRIPT, swagger / "swagger-ui-bundle.js"),
        ReferenceFile("/docs/icon.png", "image/png", swagger / "favicon-32x32.png"),
    ]


def largest_file_bytes() -> int:
    """How much the route table must let an answer of its own hold."""
    return max(each.file.stat().st_size for each in reference_files())


def reference_routes(without_json: Json) -> Iterator[Json]:
    """For each file: its answer, "not modified" to who has it, and the refusal of other verbs.

    `without_json` is the `typed_per_filter_config` that leaves the filters for JSON calls out.
    """
    for each in reference_files():
        own = {**without_json, _HEADERS_FILTER: _headers(each)}
        reads: Json = {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}
        has_it: Json = {"name": "if-none-match", "string_match": {"contains": each.etag}}
        shown = {"status": 200, "body": {"filename": str(each.file)}}
        yield _route(f"GET {each.path} (known)", each, [reads, has_it], {"status": 304}, own)
        yield _route(f"GET {each.path}", each, [reads], shown, own)
        yield {
            **_route(f"wrong verb {each.path}", each, [], {"status": 405}, without_json),
            "response_headers_to_add": [header("allow", _VERBS)],
        }


def untouched_reply() -> Json:
    """How Envoy words what is no refusal: as it stands in the file."""
    return {
        "filter": {
            "status_code_filter": {
                "comparison": {"op": "LE", "value": {"default_value": 399, "runtime_key": "-"}}
            }
        },
        "body_format_override": {
            "text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"},
            # Each file's own takes its place.
            "content_type": "application/octet-stream",
        },
    }


def _route(name: str, each: ReferenceFile, headers: list[Json], answer: Json, filters: Json) -> Json:
    return {
        "name": name,
        "match": {"path": each.path, "headers": headers},
        "direct_response": answer,
        "typed_per_filter_config": filters,
    }


def _headers(each: ReferenceFile) -> Json:
    wanted = {
        "content-type": each.content_type,
        "etag": each.etag,
        # Asked for again each time, and answered in a few bytes: an upgrade shows at once.
        "cache-control": "no-cache",
        "content-security-policy": _CONTENT_SECURITY_POLICY,
        "referrer-policy": "no-referrer",
    }
    mutations = [{"append": header(key, value)} for key, value in wanted.items()]
    return typed(
        "filters.http.header_mutation.v3.HeaderMutationPerRoute", mutations={"response_mutations": mutations}
    )


def _swagger_folder() -> Path:
    wheel = find_spec("fastapi_swagger")
    if wheel is None or wheel.origin is None:
        raise ConfigError("The reference's page needs the wheel fastapi-swagger: install it")
    return Path(wheel.origin).parent / "resources"
