"""What passes: JSON over both HTTP versions, gRPC and gRPC-Web, and what each adds and takes away."""

import base64
from typing import Any

import grpc
import pytest

from gateway.french import RULES, WORDS
from gateway.metadata import CLIENT_ADDRESS, SESSION_REMAINING
from gateway.problems import PROBLEM, RETRY_AFTER
from msa.gateway.v1 import (
    quotient_service_pb2,
    quotient_service_pb2_grpc,
    session_service_pb2,
    status_service_pb2,
    status_service_pb2_grpc,
)
from services.kit.errors import Reason
from tests.integration.edge.policy import REFUSED
from tests.integration.edge.running import Edge
from tests.integration.edge.statuses import problem, told_in_grpc

CONSULTATION = {"nir": "284017123456789", "purpose": "PURPOSE_PRICING"}
GRPC_STATUS_PATH = "/msa.gateway.v1.StatusService/GetStatus"
GRPC_CONSULT_PATH = "/msa.gateway.v1.QuotientService/ConsultQuotient"
FORGED = [("x-qf-client-address", "203.0.113.7"), ("X-QF-Client-Address", "203.0.113.8")]


@pytest.mark.parametrize("http2", [True, False])
async def test_json_is_served_over_both_http_versions(edge: Edge, http2: bool) -> None:
    async with edge.client(http2=http2) as client:
        response = await client.post("/v1/quotients:consult", json=CONSULTATION)
    assert response.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
    assert response.status_code == 200
    assert response.json() == {
        "outcome": "OUTCOME_AVAILABLE",
        "periods": [{"valid_from": "2026-11-01", "valid_to": "", "amount_cents": 64_200}],
        "consultation_id": "c-1",
    }
    assert edge.policy.requests[-1] == quotient_service_pb2.ConsultQuotientRequest(
        nir="284017123456789", purpose=quotient_service_pb2.PURPOSE_PRICING
    )


async def test_every_verb_reaches_its_method(edge: Edge) -> None:
    async with edge.client() as client:
        assert (await client.get("/v1/status")).json() == {
            "state": "SERVICE_STATE_OPEN",
            "hours": "",
            "caisses": [],
        }
        assert (await client.delete("/v1/session")).json() == {}
        passwords = {"current_password": "a", "new_password": "b"}
        assert (await client.post("/v1/password", json=passwords)).json() == {
            "session_token": "t",
            "second_factor_enrolment_required": False,
        }


@pytest.mark.parametrize(
    ("verb", "body", "answer"),
    [
        (
            "begin",
            {"current_password": "a"},
            {"totp_secret": "s", "otpauth_uri": "otpauth://totp/x", "qr_code_svg": '<svg xmlns="x"></svg>'},
        ),
        ("confirm", {"one_time_code": "123456"}, {"recovery_codes": ["r"], "session_token": "t"}),
        ("renewRecoveryCodes", {"one_time_code": "123456"}, {"recovery_codes": ["r"]}),
        ("remove", {"current_password": "a", "one_time_code": "123456"}, {"session_token": "t"}),
    ],
)
async def test_a_second_factor_is_set_up_in_json(
    edge: Edge, verb: str, body: dict[str, str], answer: dict[str, Any]
) -> None:
    async with edge.client() as client:
        response = await client.post(f"/v1/second-factor:{verb}", json=body)
    assert response.json() == answer
    assert {field.name: value for field, value in edge.policy.requests[-1].ListFields()} == body


async def test_a_sign_in_carries_the_code_and_the_device_token(edge: Edge) -> None:
    fields = {"login": "a", "password": "b", "one_time_code": "123456", "device_token": "d"}
    async with edge.client() as client:
        await client.post("/v1/sessions", json=fields)
    assert edge.policy.requests[-1] == session_service_pb2.SignInRequest(**fields)


@pytest.mark.parametrize("purpose", ["PURPOSE_PRICING", "PURPOSE_UNSPECIFIED"])
async def test_what_is_left_of_the_session_is_told_with_answers_and_errors_art_7_1(
    edge: Edge, purpose: str
) -> None:
    """One that the policy service refuses, and one that it answers: in JSON, in gRPC and in gRPC-Web."""
    request = quotient_service_pb2.ConsultQuotientRequest(purpose=quotient_service_pb2.Purpose.Value(purpose))
    message = request.SerializeToString()
    web = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
    async with edge.client() as client:
        json = await client.post("/v1/quotients:consult", json={"purpose": purpose})
        by_web = await client.post(
            GRPC_CONSULT_PATH, content=b"\0" + len(message).to_bytes(4) + message, headers=web
        )
    assert json.status_code == (200 if purpose == "PURPOSE_PRICING" else 400)
    assert by_web.status_code == 200
    for response in (json, by_web):
        assert response.headers.get_list(SESSION_REMAINING) == ["893"]
    async with edge.channel() as channel:
        call = quotient_service_pb2_grpc.QuotientServiceStub(channel).ConsultQuotient(request, timeout=5)
        initial = await call.initial_metadata()
        code = await call.code()
    assert [value for key, value in initial if key == SESSION_REMAINING] == ["893"]
    assert (code is grpc.StatusCode.OK) is (purpose == "PURPOSE_PRICING")


async def test_grpc_is_served(edge: Edge) -> None:
    async with edge.channel() as channel:
        stub = quotient_service_pb2_grpc.QuotientServiceStub(channel)
        request = quotient_service_pb2.ConsultQuotientRequest(
            nir="284017123456789", purpose=quotient_service_pb2.PURPOSE_PRICING
        )
        response = await stub.ConsultQuotient(request, timeout=5)
    assert response.periods[0].amount_cents == 64_200


@pytest.mark.parametrize("text", [False, True])
async def test_grpc_web_is_served(edge: Edge, text: bool) -> None:
    frame = b"\0\0\0\0\0"
    content_type = f"application/grpc-web{'-text' if text else ''}+proto"
    headers = {"content-type": content_type, "accept": content_type, "x-grpc-web": "1"}
    async with edge.client(http2=False) as client:
        response = await client.post(
            GRPC_STATUS_PATH, content=base64.b64encode(frame) if text else frame, headers=headers
        )
    body = decoded(response.content) if text else response.content
    message = body[5 : 5 + int.from_bytes(body[1:5])]
    assert (
        status_service_pb2.GetStatusResponse.FromString(message).state
        == status_service_pb2.SERVICE_STATE_OPEN
    )
    assert b"grpc-status:0" in body


def decoded(text: bytes) -> bytes:
    """Each frame is encoded by itself, so padding may stand in the middle."""
    return b"".join(base64.b64decode(text[i : i + 4]) for i in range(0, len(text), 4))


async def test_grpc_web_callers_hear_errors_in_trailers_or_headers(edge: Edge) -> None:
    headers = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
    async with edge.client(http2=False) as client:
        unknown = await client.post("/grpc.health.v1.Health/Check", content=b"\0\0\0\0\0", headers=headers)
        no_session = await client.post(
            "/msa.gateway.v1.SessionService/GetSession", content=b"\0\0\0\0\0", headers=headers
        )
    assert unknown.headers["grpc-status"] == "12"
    assert no_session.headers["grpc-status"] == "16"


async def test_null_means_absent(edge: Edge) -> None:
    async with edge.client() as client:
        response = await client.post("/v1/quotients:consult", json={**CONSULTATION, "month": None})
    assert response.status_code == 200


async def test_content_type_may_name_its_charset(edge: Edge) -> None:
    headers = {"content-type": "application/json; charset=utf-8"}
    async with edge.client() as client:
        response = await client.post(
            "/v1/quotients:consult",
            content='{"purpose" : "PURPOSE_PRICING", "case_reference": "\\u00e9\\ud83d\\ude00 é \\"x\\"\\n"}',
            headers=headers,
        )
    assert response.status_code == 200
    assert edge.policy.requests[-1].case_reference == 'é😀 é "x"\n'


async def test_the_gateways_errors_reach_json_callers_as_problems(edge: Edge) -> None:
    async with edge.client() as client:
        no_purpose = problem(await client.post("/v1/quotients:consult", json={"nir": "1"}))
        too_many = problem(await client.post("/v1/sessions", json={"login": "x"}))
        no_session = problem(await client.get("/v1/session"))
    assert (no_purpose["status"], no_purpose["reason"]) == (400, "INVALID_FIELD")
    assert no_purpose["violations"] == [
        {"field": "purpose", "rule": "PURPOSE", "detail": RULES["PURPOSE"]},
    ]
    assert (too_many["status"], too_many["retry_after_seconds"]) == (429, 30)
    assert too_many["detail"].endswith("Réessayez dans 30 secondes.")
    assert (no_session["status"], no_session["title"]) == (401, "Session requise")


async def test_a_401_says_how_a_caller_shows_who_it_is(edge: Edge) -> None:
    async with edge.client() as client:
        unknown, other = await client.get("/v1/session"), await client.post("/v1/quotients:consult", json={})
    assert (unknown.status_code, unknown.headers["www-authenticate"]) == (401, "Bearer")
    assert "www-authenticate" not in other.headers


async def test_what_grpc_refuses_by_itself_is_a_problem_too(edge: Edge) -> None:
    async with edge.client() as client:
        refused = await client.post(
            "/v1/quotients:consult", json={"nir": REFUSED, "purpose": "PURPOSE_PRICING"}
        )
    assert problem(refused)["reason"] == "DEPENDENCY_UNAVAILABLE"


async def test_grpc_callers_hear_french_too_and_no_problem(edge: Edge) -> None:
    async with edge.channel() as channel:
        call = quotient_service_pb2_grpc.QuotientServiceStub(channel).ConsultQuotient(
            quotient_service_pb2.ConsultQuotientRequest(),
            metadata=[("x-envoy-original-path", "/v1")],
            timeout=5,
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        initial = dict(await call.initial_metadata())
    assert told_in_grpc(caught.value).french == WORDS[Reason.INVALID_FIELD].detail
    assert not initial.keys() & {PROBLEM, RETRY_AFTER}


async def test_json_answers_carry_no_header_of_grpc(edge: Edge) -> None:
    async with edge.client() as client:
        responses = [await client.get("/v1/status"), await client.get("/v1/session")]
    for response in responses:
        assert not [name for name in response.headers if name.startswith("grpc-")]


async def test_every_answer_carries_its_trace_id_and_is_kept_nowhere(edge: Edge) -> None:
    async with edge.client() as client:
        responses = [
            await client.get(path) for path in ("/v1/status", "/v1/session", "/nowhere", "/v1/status?a=b")
        ]
    assert len({response.headers["x-trace-id"] for response in responses}) == len(responses)
    for response in responses:
        assert len(response.headers["x-trace-id"]) == 32
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["strict-transport-security"] == "max-age=31536000"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "server" not in response.headers
        assert not [name for name in response.headers if name.startswith("x-envoy-")]


async def test_what_a_caller_claims_about_itself_does_not_pass(edge: Edge) -> None:
    claims = {
        "x-forwarded-for": "10.0.0.1",
        "x-forwarded-host": "internal",
        "x-envoy-original-path": "/x",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-real-ip": "10.0.0.1",
        "forwarded": "for=10.0.0.1",
        "baggage": "a=b",
        "tracestate": "a=b",
        "authorization": "Bearer kept",
    }
    async with edge.client() as client:
        await client.get("/v1/status", headers=claims)
    arrived = edge.policy.metadata[-1]
    assert arrived["authorization"] == "Bearer kept"
    for name in claims.keys() - {"authorization"}:
        assert arrived.get(name) != claims[name], name


@pytest.mark.parametrize("http2", [True, False])
async def test_the_policy_service_hears_the_callers_address_from_the_edge_alone(
    edge: Edge, http2: bool
) -> None:
    async with edge.client(http2=http2) as client:
        await client.get("/v1/status", headers=FORGED)
        assert edge.policy.addresses[-1] == ["127.0.0.1"]
        await client.get("/v1/status")
        assert edge.policy.addresses[-1] == ["127.0.0.1"]
        web = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
        headers = [*web.items(), *FORGED]
        reached = len(edge.policy.addresses)
        await client.post(GRPC_STATUS_PATH, content=b"\0\0\0\0\0", headers=headers)
    assert edge.policy.addresses[reached:] == [["127.0.0.1"]]


async def test_the_callers_address_cannot_be_forged_over_grpc(edge: Edge) -> None:
    metadata = tuple((name.lower(), value) for name, value in FORGED)
    async with edge.channel() as channel:
        stub = status_service_pb2_grpc.StatusServiceStub(channel)
        await stub.GetStatus(status_service_pb2.GetStatusRequest(), timeout=5, metadata=metadata)
    assert edge.policy.addresses[-1] == ["127.0.0.1"]


async def test_the_address_reaches_the_policy_service_once_and_comes_back_to_nobody(edge: Edge) -> None:
    async with edge.client() as client:
        response = await client.get("/v1/status", headers=FORGED)
    assert [name for name, value in edge.policy.metadata[-1].items() if "127.0.0.1" in str(value)] == [
        CLIENT_ADDRESS
    ]
    assert not edge.policy.metadata[-1].keys() & {"x-envoy-external-address", "x-envoy-internal"}
    assert "127.0.0.1" not in str(response.headers)
