"""What goes wrong at the gateway and at the services' doors gets a clear error that says what to do."""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import pytest

from msa.identity.v1 import session_service_pb2 as identity_pb
from msa.identity.v1.session_service_pb2_grpc import SessionServiceStub
from msa.partners.v1 import partner_service_pb2 as partner_pb
from msa.partners.v1.partner_service_pb2_grpc import PartnerServiceStub
from services.kit.status import reason_of
from tests.e2e.conftest import Agent, Channels
from tests.people import new_nir
from tests.portal import PURPOSE, Portal, bearer, grpc_bearer, reason, violations
from tests.stack import Stack

CONSULT = "/v1/quotients:consult"


def with_key(body: str) -> str:
    return f"{body}{97 - int(body.replace('2A', '19').replace('2B', '18')) % 97:02}"


@pytest.mark.parametrize(
    ("nir", "rule"),
    [
        ("", "NIR_LENGTH"),
        ("28405212310010", "NIR_LENGTH"),
        ("2840521231001066", "NIR_LENGTH"),
        ("28405212310O106", "NIR_CHARACTERS"),
        ("２84052123100106", "NIR_CHARACTERS"),
        (with_key("0840521231001"), "NIR_SEX"),
        (with_key("9840521231001"), "NIR_SEX"),
        (with_key("2841521231001"), "NIR_MONTH"),
        (with_key("2840500231001"), "NIR_DEPARTMENT"),
        (with_key("2840521000001"), "NIR_COMMUNE"),
        (with_key("2840521231000"), "NIR_ORDER"),
        ("284052123100107", "NIR_KEY_MISMATCH"),
    ],
)
async def test_what_is_wrong_with_a_nir_is_told_by_rule(
    portal: Portal, agent: Agent, nir: str, rule: str
) -> None:
    refused = await portal.consult(agent.token, nir)
    assert refused.status_code == httpx.codes.BAD_REQUEST
    assert reason(refused) == "INVALID_FIELD"
    assert violations(refused) == [("nir", rule)]


@pytest.mark.parametrize(
    "nir",
    [
        "2 84 05 21 231 001 06",
        with_key("284052A231001"),
        with_key("2842021231001"),
        with_key("184992B231001"),
    ],
)
async def test_spaces_corsica_and_unknown_months_are_understood(
    portal: Portal, agent: Agent, nir: str
) -> None:
    response = await portal.consult(agent.token, nir)
    assert response.json()["outcome"] == "OUTCOME_NOT_FOUND"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"nir": "1", "purpose": "PURPOSE_PRICING", "amount": 3}', "MALFORMED_REQUEST"),
        (b'{"nir": ', "MALFORMED_REQUEST"),
        (b'{"nir": 5}', "MALFORMED_REQUEST"),
        (b'{"nir": {"a": 1}}', "MALFORMED_REQUEST"),
        (b'{"purpose": "PURPOSE_GOSSIP"}', "MALFORMED_REQUEST"),
        (b"[]", "MALFORMED_REQUEST"),
        (b"hello", "MALFORMED_REQUEST"),
        (b'\xff\xfe{"nir": "1"}', "MALFORMED_REQUEST"),
        (b"", "MALFORMED_REQUEST"),
        (b"{}", "INVALID_FIELD"),
        (json.dumps({"nir": "1" * 70_000}).encode(), "REQUEST_TOO_LARGE"),
    ],
)
async def test_a_body_that_cannot_be_read_is_told(
    portal: Portal, agent: Agent, content: bytes, told: str
) -> None:
    headers = bearer(agent.token) | {"content-type": "application/json"}
    refused = await portal.json.post(CONSULT, content=content, headers=headers)
    assert reason(refused) == told
    assert refused.status_code in (httpx.codes.BAD_REQUEST, httpx.codes.REQUEST_ENTITY_TOO_LARGE)
    assert refused.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, "SESSION_REQUIRED"),
        ({"authorization": "Basic YTpi"}, "SESSION_REQUIRED"),
        ({"authorization": "Bearer"}, "SESSION_REQUIRED"),
        ({"authorization": "Bearer a b"}, "SESSION_REQUIRED"),
        ({"authorization": "Bearer nobody"}, "SESSION_NOT_VALID"),
        ({"authorization": "Bearer " + "x" * 2000}, "SESSION_NOT_VALID"),
    ],
)
async def test_a_missing_or_wrong_token_is_told(portal: Portal, headers: dict[str, str], told: str) -> None:
    body = {"nir": new_nir(), "purpose": PURPOSE}
    refused = await portal.json.post(CONSULT, json=body, headers=headers)
    assert refused.status_code == httpx.codes.UNAUTHORIZED
    assert reason(refused) == told


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [("GET", "/", 404), ("GET", "/v2/session", 404), ("PATCH", CONSULT, 404), ("GET", "/v1/status?x=1", 400)],
)
async def test_what_there_is_not_is_told(portal: Portal, verb: str, path: str, status: int) -> None:
    refused = await portal.json.request(verb, path)
    assert refused.status_code in (status, httpx.codes.METHOD_NOT_ALLOWED)
    assert reason(refused) in ("UNKNOWN_METHOD", "MALFORMED_REQUEST")


async def test_a_wrong_sign_in_tells_neither_login_nor_password_wrong(portal: Portal, agent: Agent) -> None:
    wrong_password = await portal.sign_in(agent.user.login, "Mauvais-mot-de-passe-1")
    wrong_login = await portal.sign_in("x21-nobody", "Mauvais-mot-de-passe-1")
    assert wrong_password.status_code == wrong_login.status_code == httpx.codes.UNAUTHORIZED
    assert reason(wrong_password) == reason(wrong_login) == "CREDENTIALS_REFUSED"
    assert {**wrong_password.json(), "trace_id": ""} == {**wrong_login.json(), "trace_id": ""}


async def test_a_weak_new_password_is_told_by_rule(portal: Portal, agent: Agent) -> None:
    refused = await portal.change_password(agent.token, "Coquelicot-Jonquille-1999", "court")
    assert reason(refused) == "INVALID_FIELD"
    assert {name for name, _ in violations(refused)} == {"new_password"}
    assert {rule for _, rule in violations(refused)} >= {"PASSWORD_LENGTH", "PASSWORD_TOO_GUESSABLE"}


async def test_plain_http_on_the_tls_port_is_told(stack: Stack) -> None:
    def ask() -> str:
        with socket.create_connection(("127.0.0.1", stack.ports.edge_port), timeout=5) as connection:
            connection.sendall(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            received = b""
            while part := connection.recv(65536):
                received += part
            return received.decode()

    assert "TLS_REQUIRED" in await asyncio.to_thread(ask)


async def test_by_grpc_errors_carry_the_same_reasons(portal: Portal, agent: Agent) -> None:
    async def refusal(call: Callable[[], Any]) -> tuple[grpc.StatusCode, str | None]:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call()
        return refused.value.code(), reason_of(refused.value)

    assert await refusal(lambda: portal.consult_grpc("nobody", new_nir())) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "SESSION_NOT_VALID",
    )
    assert await refusal(lambda: portal.consult_grpc(agent.token, "1")) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_FIELD",
    )
    unknown: Any = portal.channel.unary_unary("/msa.gateway.v1.QuotientService/Guess")
    code, _ = await refusal(lambda: unknown(b"", metadata=grpc_bearer(agent.token)))
    assert code is grpc.StatusCode.UNIMPLEMENTED


async def test_an_internal_port_lets_nobody_in_without_a_certificate(stack: Stack) -> None:
    address = stack.demo["internal_addresses"]["partners"]
    ca = stack.layout.tls / "ca.pem"
    options = (("grpc.ssl_target_name_override", address["server_name"]),)
    credentials = grpc.ssl_channel_credentials(ca.read_bytes())
    async with grpc.aio.secure_channel(address["address"], credentials, options) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await PartnerServiceStub(channel).ListPartners(partner_pb.ListPartnersRequest(), timeout=5)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_client_that_is_not_on_the_methods_list_is_refused(channels: Channels) -> None:
    for client, call in (
        ("qf", SessionServiceStub(channels("identity", "qf")).Authenticate),
        ("partners", SessionServiceStub(channels("identity", "partners")).Authenticate),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(identity_pb.AuthenticateRequest(), timeout=5)
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED, client
        assert reason_of(refused.value) == "CLIENT_NOT_ALLOWED"
    gateway = PartnerServiceStub(channels("partners", "gateway"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await gateway.RegisterPartner(partner_pb.RegisterPartnerRequest(), timeout=5)
    assert reason_of(refused.value) == "CLIENT_NOT_ALLOWED"
