"""Whatever is sent to an operation, it answers as the reference says: no other status, content type or shape.

On a stack of its own: guesses at credentials would wear out the limits that other tests live by.
"""

import copy
import json
from collections import Counter
from collections.abc import Iterator
from time import sleep
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.caisse import Caisse
from tests.people import new_nir
from tests.portal import NEW_PASSWORD, Portal, bearer
from tests.stack import Stack, empty_stack
from tools.openapi.__main__ import REFERENCE

Json = dict[str, Any]

# Each operation is called about so often with a session, and as often without.
CASES = 10
TRIES = 4
ANSWERS_BY_ROW = ("ConsultQuotients",)
UNKNOWN_HEADER = "x-schemathesis-unknown-property"
PROBLEM = "application/problem+json"
# What answers a caller who did no wrong only when a part is away, or slow.
NOT_NOW = ("500", "503", "504")
CHECKS = [
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]
KNOWN = [new_nir() for _ in range(8)]


def strict(document: Json) -> Json:
    """The reference, read as a promise that nothing else comes: no further field, and no other reason of an error."""
    document = copy.deepcopy(document)
    for schema in document["components"]["schemas"].values():
        if schema.get("type") == "object":
            schema["additionalProperties"] = False
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if media := answer["content"].get(PROBLEM):
                    media["schema"] = {
                        "allOf": [
                            media["schema"],
                            {
                                "properties": {
                                    "reason": {"enum": list(media["examples"])},
                                    "status": {"const": int(status)},
                                }
                            },
                        ]
                    }
    return document


def without(document: Json, statuses: tuple[str, ...]) -> Json:
    """The reference without these answers."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for status in statuses:
                operation["responses"].pop(status, None)
    return document


DOCUMENT = without(strict(json.loads(REFERENCE.read_text())), NOT_NOW)
OPERATIONS = [
    f"{verb.upper()} {path}" for path, operations in DOCUMENT["paths"].items() for verb in operations
]
schemathesis.openapi.format("nir", st.sampled_from(KNOWN))
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
SCHEMA.config.generation.deterministic = True
# The test brings its own, or none.
SCHEMA.config.generation.with_security_parameters = False
# QUERY is unknown to Envoy's HTTP/1.1 altogether: the request is unreadable, 400.
SCHEMA.config.phases.coverage.unexpected_methods = {
    "get",
    "put",
    "post",
    "delete",
    "options",
    "patch",
    "trace",
}
CASE_SETTINGS = settings(
    max_examples=CASES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
# As many wrong credentials and calls as it takes, with what else stands as in production.
LIMITS = (
    "identity.sign_in.network_failures_per_hour=1000000",
    "identity.sign_in.global_failures_per_minute=1000000",
    "identity.sessions.calls_per_minute=1000000",
    "identity.sessions.partner_calls_per_minute=1000000",
    "identity.sessions.address_calls_per_minute=1000000",
)


class Callers:
    """One user for each operation, and his session, opened anew when the operation has ended it."""

    def __init__(self, url: str, users: Json) -> None:
        self._url = url
        self._users = users
        self._tokens: dict[str, str] = {}

    def headers(self, operation: str, client: requests.Session) -> dict[str, str]:
        """What shows that the caller is signed in."""
        if operation not in self._tokens:
            body = {"login": self._users[operation].login, "password": NEW_PASSWORD}
            opened = client.post(f"{self._url}/v1/sessions", json=body)
            SCHEMA["/v1/sessions"]["POST"].validate_response(opened)
            self._tokens[operation] = opened.json()["session_token"]
        return bearer(self._tokens[operation])

    def forget(self, operation: str) -> None:
        """The session may be over."""
        self._tokens.pop(operation, None)


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    with empty_stack(settings=LIMITS) as stack:
        yield stack


@pytest.fixture(scope="module")
async def callers(own_stack: Stack) -> Callers:
    channels = [own_stack.channel(name, "qf") for name in ("identity", "partners", "quotient")]
    portal = Portal(own_stack.gateway_url, own_stack.ca_file)
    caisse = Caisse(*channels)
    for nir in KNOWN[:-2]:
        await caisse.publish(nir)
    await caisse.oppose(KNOWN[0])
    users = {}
    for operation in OPERATIONS:
        users[operation] = user = await caisse.habilitate()
        await portal.open_session(user)
    await portal.aclose()
    for channel in channels:
        await channel.close()
    return Callers(own_stack.gateway_url, users)


@pytest.fixture(scope="module")
def client(own_stack: Stack) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(own_stack.ca_file)
        yield session


@pytest.fixture(scope="module")
def answers() -> Counter[tuple[str, int]]:
    """How often each operation answered with each status."""
    return Counter()


@pytest.mark.parametrize("signed_in", [True, False], ids=["signed in", "without a session"])
@SCHEMA.parametrize()
@CASE_SETTINGS
def test_an_operation_answers_as_the_reference_says(
    case: Any,
    signed_in: bool,
    own_stack: Stack,
    callers: Callers,
    client: requests.Session,
    answers: Counter[tuple[str, int]],
) -> None:
    operation = case.operation.label
    case.headers.pop("Authorization", None)
    headers = callers.headers(operation, client) if signed_in else {}
    response = sent(
        case, base_url=own_stack.gateway_url, session=client, headers=headers, verify=client.verify
    )
    # A header that nobody knows is nobody's business; a query that breaks a rule has its error in its own row.
    lenient = UNKNOWN_HEADER in case.headers or case.operation.definition.raw["operationId"] in ANSWERS_BY_ROW
    ignored = [negative_data_rejection] if lenient else []
    case.validate_response(response, checks=[each for each in CHECKS if each not in ignored], headers=headers)
    answers[operation, response.status_code] += 1
    if case.method == "DELETE" or "SESSION_NOT_VALID" in response.text:
        callers.forget(operation)
    assert "x-request-id" in response.headers
    # What is refused before anything of it was read has no trace.
    assert "x-trace-id" in response.headers or '"trace_id":""' in response.text


def test_the_reference_was_tried_with_and_without_success(answers: Counter[tuple[str, int]]) -> None:
    statuses = {
        operation: {status for name, status in answers if name == operation} for operation, _ in answers
    }
    assert len(statuses) == len(OPERATIONS)
    for operation in ("GET /v1/status", "POST /v1/quotients:consult", "POST /v1/quotients:consultMany"):
        assert requests.codes.ok in statuses[operation]
    for operation, answered in statuses.items():
        assert operation == "GET /v1/status" or requests.codes.unauthorized in answered


def sent(case: Any, **how: Any) -> Response:
    """The answer; as the reference says, asked for again where a busy machine answers that it is away."""
    for _ in range(TRIES):
        response: Response = case.call(**how)
        if response.status_code != requests.codes.service_unavailable:
            break
        sleep(float(response.headers["retry-after"][0]))
    return response
