"""Each RPC as an operation."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.kit.errors import Reason
from tools.openapi.contract import PACKAGE, Contract, Rpc
from tools.openapi.errors import PROBLEM_TYPE, example_name, reasons_of, split, statuses
from tools.openapi.rules import EXAMPLES
from tools.openapi.schemas import COMPONENTS, Schemas

Json = dict[str, Any]

SECURITY_SCHEME = "session"
_JSON, _NDJSON = "application/json", "application/x-ndjson"
_OF_EVERY_ANSWER = ("x-request-id", "x-trace-id")
_OF_SESSION = ("session-remaining-seconds",)
_OF_LIMITS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy")
# What a refusal has besides, by its status.
_OF_REFUSALS = {401: ("www-authenticate",), 429: ("retry-after",), 503: ("retry-after",)}
_ARTICLES = re.compile(r" \((?:art\.|annexe) [^)]*\)")
_STOP = re.compile(r"[.:;](?:\s|$)")
_INNER_CAPITAL = re.compile(r"(?<=[a-z])[A-Z]")
# Those whose answers say what is left of the session and of the limits (art. 7-1).
_SAY_WHAT_IS_LEFT = ("QuotientService", "OppositionService", "ConsultationService")


class Operations:
    """The operations of one contract."""

    def __init__(self, contract: Contract, schemas: Schemas) -> None:
        self._contract = contract
        self._schemas = schemas

    def paths(self, rpcs: Sequence[Rpc]) -> Json:
        """`paths` of the document."""
        paths: Json = {}
        for rpc in rpcs:
            paths.setdefault(rpc.path, {})[rpc.verb] = self.operation(rpc)
        return paths

    def operation(self, rpc: Rpc) -> Json:
        """One operation, with its errors."""
        text, errors = split(rpc.comment)
        needs_session = Reason.SESSION_REQUIRED in reasons_of(self._contract, rpc)
        operation: Json = {
            "operationId": rpc.name,
            "tags": [tag(rpc.service)],
            "summary": _summary(text),
            "description": f"{text}\n\nErrors: {errors}\n\nBy gRPC: `{PACKAGE}.{rpc.service}/{rpc.name}`.",
            "security": [{SECURITY_SCHEME: []}] if needs_session else [],
            "parameters": [{"$ref": "#/components/parameters/x-request-id"}, *self._query(rpc)],
        }
        if rpc.has_body:
            operation["requestBody"] = _content(rpc.request)
        operation["responses"] = {"200": self._answer(rpc), **dict(self._refusals(rpc))}
        return operation

    def _query(self, rpc: Rpc) -> Iterator[Json]:
        if rpc.has_body:
            return
        message = self._contract.messages[rpc.request]
        comments = {field.name: field.comment for field in message.fields}
        for name, schema in self._schemas.query(message):
            yield {"name": name, "in": "query", "description": comments[name], "schema": schema}

    def _answer(self, rpc: Rpc) -> Json:
        left = (*_OF_SESSION, *_OF_LIMITS) if rpc.service in _SAY_WHAT_IS_LEFT else ()
        message = self._contract.messages[rpc.response]
        return {
            "description": message.comment,
            "headers": _headers(*_OF_EVERY_ANSWER, *left),
            "content": _stream(message.name) if rpc.streams else _media(message.name),
        }

    def _refusals(self, rpc: Rpc) -> Iterator[tuple[str, Json]]:
        for status, reasons in statuses(self._contract, rpc).items():
            meanings = (f"- `{reason}`: {_meaning(self._contract, reason)}" for reason in reasons)
            yield (
                str(status),
                {
                    "description": "\n".join(meanings),
                    **({"headers": _headers(*_OF_REFUSALS[status])} if status in _OF_REFUSALS else {}),
                    "content": {
                        PROBLEM_TYPE: {
                            "schema": {"$ref": f"{COMPONENTS}Problem"},
                            "examples": {
                                reason.value: {
                                    "$ref": f"#/components/examples/{example_name(status, reason)}"
                                }
                                for reason in reasons
                            },
                        }
                    },
                },
            )


def tag(service: str) -> str:
    """What groups the operations of a service: its name in words, "Second factor"."""
    name = service.removesuffix("Service")
    return _INNER_CAPITAL.sub(lambda capital: f" {capital[0].lower()}", name)


def _content(request: str) -> Json:
    return {"required": True, "content": _media(request.rpartition(".")[2])}


def _media(name: str) -> Json:
    return {_JSON: {"schema": {"$ref": COMPONENTS + name}, **_example(name)}}


def _stream(name: str) -> Json:
    example = EXAMPLES.get(name)
    return {
        _JSON: {
            "schema": {"type": "array", "items": {"$ref": COMPONENTS + name}},
            **({"example": [example]} if example else {}),
        },
        _NDJSON: {"schema": {"type": "string", "description": f"One {name} to a line."}},
    }


def _example(name: str) -> Mapping[str, Any]:
    return {"example": EXAMPLES[name]} if name in EXAMPLES else {}


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _meaning(contract: Contract, reason: Reason) -> str:
    """The comment of the reason, without the code that it begins with."""
    return contract.reasons[reason.value].partition(": ")[2]


def _summary(text: str) -> str:
    """The beginning of the comment, up to its first stop; plain, for it is no Markdown."""
    return _STOP.split(_ARTICLES.sub("", text))[0].replace("`", "")
