"""The reference is made of the protos: whole, valid, and stopped by what does not fit."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from gateway.edge.methods import public_methods
from gateway.french import WORDS
from services.kit.errors import Reason
from services.kit.status import CODE_BY_REASON
from tools.openapi import rules
from tools.openapi.__main__ import REFERENCE
from tools.openapi.contract import Contract
from tools.openapi.document import document, printed
from tools.openapi.errors import reasons_of, split
from tools.paths import PROJECT, PROTOS
from tools.protos import descriptors

Json = dict[str, Any]
Edit = Callable[[str], str]
QUOTIENTS = "msa/gateway/v1/quotient_service.proto"


@pytest.fixture(scope="module")
def made() -> Json:
    return document(descriptors(PROTOS))


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract(descriptors(PROTOS))


@pytest.fixture
def protos(tmp_path: Path) -> Path:
    """A copy of the project's protos."""
    copy = tmp_path / "protos"
    shutil.copytree(PROTOS / "msa", copy / "msa", ignore=shutil.ignore_patterns("__pycache__", "*_pb2*"))
    return copy


def edit(protos: Path, name: str, before: str, after: str) -> None:
    file = protos / name
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))


def operations(made: Json) -> Iterator[tuple[str, Json]]:
    for path, verbs in made["paths"].items():
        for verb, operation in verbs.items():
            yield f"{verb.upper()} {path}", operation


def schema_of(made: Json, name: str) -> Json:
    schema: Json = made["components"]["schemas"][name]
    return schema


def test_it_is_valid_openapi_3_1(made: Json) -> None:
    validate(made, cls=OpenAPIV31SpecValidator)
    assert made["openapi"] == "3.1.0"


def test_an_operation_is_there_for_each_method_of_the_edge_and_no_other(made: Json) -> None:
    assert {name for name, _ in operations(made)} == {method.json_name for method in public_methods()}


def test_the_committed_file_is_what_the_protos_make(made: Json) -> None:
    assert REFERENCE.read_text(encoding="utf-8") == printed(made)


def test_a_reference_that_lags_behind_fails_the_check(protos: Path, tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"

    def run(command: str) -> subprocess.CompletedProcess[str]:
        arguments = ("-m", "tools.openapi", command, "--protos", str(protos), "--file", str(file))
        return subprocess.run(
            (sys.executable, *arguments), cwd=PROJECT, capture_output=True, text=True, check=False
        )

    assert run("check").returncode == 1
    assert run("generate").returncode == run("check").returncode == 0
    edit(protos, QUOTIENTS, "// What for; must be said.", "// What it is for; must be said.")
    lagging = run("check")
    assert lagging.returncode == 1
    assert "make protos" in lagging.stderr


def test_every_text_of_the_protos_is_in_it(made: Json, contract: Contract) -> None:
    in_queries = {rpc.request for rpc in contract.rpcs if not rpc.has_body}
    for name in (message.name for full, message in contract.messages.items() if full not in in_queries):
        message = contract.messages[f"msa.gateway.v1.{name}"]
        described = schema_of(made, name).get("properties", {})
        assert {f.name: f.comment for f in message.fields} == {
            field: each["description"] for field, each in described.items()
        }
        assert all(each["description"] for each in described.values())


def test_every_example_fits_its_schema(made: Json) -> None:
    examples = [
        (media["schema"], media["example"])
        for _, operation in operations(made)
        for content in (operation.get("requestBody", {}), operation["responses"]["200"])
        for media in content.get("content", {}).values()
        if "example" in media
    ]
    examples += [
        ({"$ref": "#/components/schemas/Problem"}, each["value"])
        for each in made["components"]["examples"].values()
    ]
    assert len(examples) > 25
    for schema, example in examples:
        whole = {**schema, "components": made["components"]}
        checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
        jsonschema.Draft202012Validator(whole, format_checker=checker).validate(example)


def test_requests_are_closed_and_replies_open(made: Json, contract: Contract) -> None:
    for rpc in contract.rpcs:
        reply = schema_of(made, rpc.response.rpartition(".")[2])
        assert "additionalProperties" not in reply
        if rpc.has_body:
            assert schema_of(made, rpc.request.rpartition(".")[2])["additionalProperties"] is False
    assert schema_of(made, "QuotientQuery")["additionalProperties"] is False


def test_a_reply_requires_what_is_always_there(made: Json) -> None:
    reply = schema_of(made, "ConsultQuotientResponse")
    assert reply["required"] == ["outcome", "periods", "consultation_id"]
    row = schema_of(made, "ConsultQuotientsResponse")
    assert row["required"] == ["position"]
    assert row["oneOf"] == [{"required": ["consultation"]}, {"required": ["error"]}]


def test_what_may_be_left_out_of_a_request_may_be_null(made: Json) -> None:
    request = schema_of(made, "ConsultQuotientRequest")
    assert request["required"] == ["nir", "purpose"]
    assert request["properties"]["month"]["type"] == ["string", "null"]
    assert request["properties"]["nir"]["type"] == "string"


def test_values_that_are_never_sent_are_not_told(made: Json) -> None:
    assert "OUTCOME_UNSPECIFIED" not in schema_of(made, "Outcome")["enum"]
    assert "PURPOSE_UNSPECIFIED" not in schema_of(made, "Purpose")["enum"]
    assert "OPPOSITION_CHANNEL_UNSPECIFIED" in schema_of(made, "OppositionChannel")["enum"]


def test_only_sign_in_and_status_need_no_session(made: Json) -> None:
    free = {name for name, operation in operations(made) if not operation["security"]}
    assert free == {"POST /v1/sessions", "GET /v1/status"}


def test_every_reason_of_an_rpc_stands_under_its_status(made: Json) -> None:
    consult = made["paths"]["/v1/quotients:consult"]["post"]["responses"]
    reasons = {
        status: set(answer["content"]["application/problem+json"]["examples"])
        for status, answer in consult.items()
        if status != "200"
    }
    assert reasons["401"] == {"SESSION_REQUIRED", "SESSION_NOT_VALID"}
    assert reasons["400"] == {"INVALID_FIELD", "MALFORMED_REQUEST"}
    assert {"SERVICE_CLOSED", "MAINTENANCE", "DEPENDENCY_UNAVAILABLE"} == reasons["503"]
    assert {"USE_SUSPENDED", "NETWORK_NOT_ALLOWED"} < reasons["403"]
    assert "retry-after" in consult["503"]["headers"]


def test_a_status_names_the_example_of_that_status(made: Json) -> None:
    for name, operation in operations(made):
        for status, answer in operation["responses"].items():
            for media in answer["content"].values():
                for example in media.get("examples", {}).values():
                    value = made["components"]["examples"][example["$ref"].rpartition("/")[2]]["value"]
                    assert str(value["status"]) == status, name


def test_every_reason_that_partners_meet_is_in_it(contract: Contract) -> None:
    documented = {reason for rpc in contract.rpcs for reason in reasons_of(contract, rpc)}
    of_the_edge = {
        Reason.MALFORMED_REQUEST,
        Reason.REQUEST_TOO_LARGE,
        Reason.UNKNOWN_METHOD,
        Reason.TLS_REQUIRED,
        Reason.DEADLINE_EXCEEDED,
        Reason.INTERNAL,
    }
    assert documented | of_the_edge == set(WORDS)


def test_every_rpc_names_the_code_of_its_reasons(contract: Contract) -> None:
    for rpc in contract.rpcs:
        _, errors = split(rpc.comment)
        for reason in reasons_of(contract, rpc):
            assert CODE_BY_REASON[reason].name in errors or "those of" in errors


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            "  // Errors: UNAUTHENTICATED SESSION_REQUIRED",
            "  // UNAUTHENTICATED SESSION_REQUIRED",
            "no errors",
        ),
        ("PERMISSION_DENIED\n  // PASSWORD_CHANGE", "PERMISSION_DENIED\n  // PASSWORD_EXCHANGE", "no reason"),
        ("INVALID_ARGUMENT INVALID_FIELD", "UNAVAILABLE INVALID_FIELD", "stands after UNAVAILABLE"),
        ("string case_reference = 4", "string reference = 4", r"ConsultQuotientRequest\.case_reference"),
        ("int32 amount_cents", "int64 amount_cents", "no schema for its type"),
        (
            'post: "/v1/quotients:consult"',
            'custom: {kind: "X", path: "/v1/quotients:consult"}',
            "no JSON form",
        ),
    ],
    ids=["no errors", "unknown reason", "wrong code", "lost field", "unknown type", "no verb"],
)
def test_what_does_not_fit_stops_it(protos: Path, before: str, after: str, told: str) -> None:
    edit(protos, QUOTIENTS, before, after)
    with pytest.raises(ValueError, match=told):
        document(descriptors(protos))


def test_a_service_that_has_no_place_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.openapi.document.SERVICES", rules.SERVICES[1:])
    with pytest.raises(ValueError, match="StatusService"):
        document(descriptors(PROTOS))


def test_it_holds_no_secret_and_no_address_of_a_machine(made: Json) -> None:
    text = json.dumps(made)
    assert made["servers"] == [{"url": "/"}]
    assert "http://" not in text
    assert "https://" not in text
