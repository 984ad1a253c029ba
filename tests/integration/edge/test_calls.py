"""What passes: JSON over both HTTP versions, gRPC and gRPC-Web, and what each adds and takes away."""

import base64

import grpc
import pytest

from msa.gateway.v1 import quotient_service_pb2, quotient_service_pb2_grpc, status_service_pb2
from tests.integration.edge.running import Edge
from tests.integration.edge.statuses import detail, told_in_json

CONSULTATION = {"nir": "284017123456789", "purpose": "PURPOSE_PRICING"}
GRPC_STATUS_PATH = "/msa.gateway.v1.StatusService/GetStatus"


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
        assert (await client.get("/v1/status")).json() == {"state": "SERVICE_STATE_OPEN", "hours": ""}
        assert (await client.delete("/v1/session")).json() == {}
        passwords = {"current_password": "a", "new_password": "b"}
        assert (await client.post("/v1/password", json=passwords)).json() == {"session_token": "t"}


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


async def test_the_gateways_errors_reach_json_callers_with_their_details(edge: Edge) -> None:
    async with edge.client() as client:
        no_purpose = await client.post("/v1/quotients:consult", json={"nir": "1"})
        too_many = await client.post("/v1/sessions", json={"login": "x"})
        no_session = await client.get("/v1/session")
    assert no_purpose.status_code == 400
    assert told_in_json(no_purpose).reason == "INVALID_FIELD"
    (violation,) = detail(no_purpose, "BadRequest")["field_violations"]
    assert (violation["field"], violation["reason"]) == ("purpose", "PURPOSE_REQUIRED")
    assert too_many.status_code == 429
    assert detail(too_many, "RetryInfo")["retry_delay"] == "30s"
    assert no_session.status_code == 401
    assert told_in_json(no_session).code == grpc.StatusCode.UNAUTHENTICATED.value[0]


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
