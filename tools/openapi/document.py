"""The whole document."""

import json
from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tools.openapi.contract import Contract, Service
from tools.openapi.errors import PROBLEM_SCHEMA, example, example_name, statuses
from tools.openapi.operations import SECURITY_SCHEME, Operations, tag
from tools.openapi.rules import SERVICES
from tools.openapi.schemas import Schemas

Json = dict[str, Any]

_DESCRIPTION = """\
Look-up of a family's *quotient familial* (QF) by the social-action partners of the caisses MSA, within a signed
convention, unless the family objected.

- One TLS port serves JSON, gRPC and gRPC-Web; this document is the JSON. Field names are the protos' own.
- A request holds the documented fields and no others, each once. What a reply leaves out is not set. Ignore fields
  of a reply, and values, that you do not know: more may be added.
- `POST /v1/sessions` opens a session; its token travels as `authorization: Bearer …`. A NIR travels in a body, never
  in a URL.
- Instants are RFC 3339, durations `"900s"`, days `"2026-11-23"`, amounts whole euro cents.
- Every error is a problem (RFC 9457, `application/problem+json`) with a stable `reason`. Another path is answered
  404, another verb 405 with `allow`, both `UNKNOWN_METHOD`. Send a call again only where there is a `retry-after`, and
  after it.
- Every answer, errors included, names the call (`x-request-id`) and its trace (`x-trace-id`); consultations also say
  how long the session lives and what is left of the limits (`ratelimit-…`).
- The service is open from 05:00 to 23:00, Europe/Paris (art. 5); `GET /v1/status` tells more.

All persons and numbers in the examples are invented. Articles (art. 6-3) are those of the convention between the caisse
and its partner."""

_HEADERS: dict[str, tuple[str, Json]] = {
    "x-request-id": ("Names this call: yours where you sent a UUID.", {"type": "string", "format": "uuid"}),
    "x-trace-id": ("Names the trace of this call; quote it to the caisse.", {"type": "string"}),
    "www-authenticate": ("How a caller shows who it is: `Bearer`.", {"type": "string"}),
    "retry-after": ("Seconds to wait before the call is sent again.", {"type": "integer", "minimum": 0}),
    "session-remaining-seconds": (
        "How long the session lives if nothing more is called, rounded down (art. 7-1).",
        {"type": "integer", "minimum": 0},
    ),
    "ratelimit-limit": (
        "How many consultations the nearest limit allows.",
        {"type": "integer", "minimum": 0},
    ),
    "ratelimit-remaining": ("How many of them are left.", {"type": "integer", "minimum": 0}),
    "ratelimit-reset": ("Seconds until all of them are there again.", {"type": "integer", "minimum": 0}),
    "ratelimit-policy": ("Every limit that counts, with its window in seconds.", {"type": "string"}),
}


def document(descriptors: FileDescriptorSet) -> Json:
    """OpenAPI 3.1 of the gateway.

    Raises:
        ValueError: the protos and the rules of this tool do not fit.
    """
    contract = Contract(descriptors)
    schemas = Schemas(contract)
    services = sorted(contract.services, key=_order)
    rpcs = [rpc for service in services for rpc in service.rpcs]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Quotient familial",
            "version": "v1",
            "summary": "What software of town halls and other partners calls.",
            "description": _DESCRIPTION,
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag(service.name), "description": service.comment} for service in services],
        "paths": Operations(contract, schemas).paths(rpcs),
        "components": {
            "securitySchemes": {
                SECURITY_SCHEME: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The `session_token` of a sign-in. Keep it in memory only.",
                }
            },
            "parameters": {
                "x-request-id": {
                    "name": "x-request-id",
                    "in": "header",
                    "description": "A UUID of yours that the answer repeats; what is none is replaced.",
                    "schema": {"type": "string"},
                }
            },
            "headers": {
                name: {"description": description, "schema": schema}
                for name, (description, schema) in _HEADERS.items()
            },
            "examples": _examples(contract),
            "schemas": dict(sorted([*schemas.components(), ("Problem", PROBLEM_SCHEMA)])),
        },
    }


def printed(made: Json) -> str:
    """The document as it is committed."""
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _order(service: Service) -> int:
    if service.name not in SERVICES:
        raise ValueError(f"tools/openapi/rules.py does not say where {service.name} stands")
    return SERVICES.index(service.name)


def _examples(contract: Contract) -> Json:
    refusals = {
        (status, reason)
        for rpc in contract.rpcs
        for status, reasons in statuses(contract, rpc).items()
        for reason in reasons
    }
    ordered: Sequence[Any] = sorted(refusals, key=lambda each: (each[0], each[1].value))
    return {
        example_name(status, reason): {"summary": reason.value, "value": example(status, reason)}
        for status, reason in ordered
    }
