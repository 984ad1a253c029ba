"""What does not pass, and what a caller is told in fixed words: a problem as JSON, one google.rpc.Status by gRPC."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest

from gateway.edge.methods import public_methods
from msa.gateway.v1 import (
    quotient_service_pb2,
    quotient_service_pb2_grpc,
    status_service_pb2,
    status_service_pb2_grpc,
)
from tests.integration.edge.policy import policy_server
from tests.integration.edge.running import Edge
from tests.integration.edge.statuses import problem, told_in_grpc

SECRET = "284017123456789"
JSON = {"content-type": "application/json"}

NOT_ONE_OF_THE_METHOD = {
    "empty": (b"", "est vide"),
    "spaces only": (b" \n", "est vide"),
    "null": (b"null", "n'est pas un objet JSON"),
    "array": (b'[{"nir":"%s"}]', "n'est pas un objet JSON"),
    "string": (b'"%s"', "n'est pas un objet JSON"),
    "cut off": (b'{"nir":"%s', "n'est pas du JSON"),
    "no colon": (b'{"nir" "%s"}', "n'est pas du JSON"),
    "no value": (b'{"nir":}', "doit être un texte"),
    "trailing comma": (b'{"nir":"%s",}', "n'est pas du JSON"),
    "trailing garbage": (b'{"nir":"%s"} x', "n'est pas du JSON"),
    "two objects": (b'{"nir":"%s"}{}', "n'est pas du JSON"),
    "single quotes": (b"{'nir':'%s'}", "n'est pas du JSON"),
    "comment": (b'{/* %s */"nir":"1"}', "n'est pas du JSON"),
    "bad escape": (b'{"nir":"%s\\x"}', "n'est pas du JSON"),
    "lone surrogate": (b'{"nir":"%s\\ud800"}', "n'est pas du JSON"),
    "control character": (b'{"nir":"%s\n"}', "n'est pas du JSON"),
    "NUL": (b'{"nir":"%s\0"}', "n'est pas du JSON"),
    "byte order mark": (b'\xef\xbb\xbf{"nir":"%s"}', "sans BOM"),
    "not UTF-8": (b'{"nir":"%s\xff"}', "n'est pas du JSON"),
    "overlong UTF-8": (b'{"nir":"%s\xc0\x80"}', "n'est pas du JSON"),
    "surrogate in UTF-8": (b'{"nir":"%s\xed\xa0\x80"}', "n'est pas du JSON"),
    "unknown field": (b'{"nir":"1","nom":"%s"}', "n'existe pas ; les champs sont : nir, month"),
    "secret as field": (b'{"%s":1}', "n'existe pas"),
    "camel case": (b'{"caseReference":"%s"}', "n'existe pas"),
    "escaped field": (b'{"n\\u0069r":"%s"}', "n'existe pas"),
    "twice the same": (b'{"nir":"1","nir":"%s"}', "Le champ nir figure deux fois"),
    "number for string": (b'{"nir":%s}', "Le champ nir doit être un texte"),
    "boolean for string": (b'{"nir":true}', "Le champ nir doit être un texte"),
    "object for string": (b'{"nir":{"a":"%s"}}', "Le champ nir doit être un texte"),
    "deep": (b'{"nir":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "Le champ nir doit être un texte"),
    "unknown purpose": (b'{"purpose":"%s"}', "doit être l'une des valeurs PURPOSE_ACTIVITY_REGISTRATION"),
    "purpose as number": (b'{"purpose":2}', "doit être l'une des valeurs PURPOSE_ACTIVITY_REGISTRATION"),
}


@pytest.mark.parametrize(("body", "expected"), NOT_ONE_OF_THE_METHOD.values(), ids=NOT_ONE_OF_THE_METHOD)
async def test_a_body_that_is_not_of_the_method_is_refused_in_words_of_ours(
    edge: Edge, body: bytes, expected: str
) -> None:
    reached = len(edge.policy.requests)
    async with edge.client() as client:
        content = body.replace(b"%s", SECRET.encode())
        response = await client.post("/v1/quotients:consult", content=content, headers=JSON)
    told = problem(response)
    assert (response.status_code, told["reason"]) == (400, "MALFORMED_REQUEST")
    assert expected in told["detail"]
    assert SECRET not in response.text
    assert len(edge.policy.requests) == reached


@pytest.mark.parametrize("method", [method.path for method in public_methods() if method.has_body])
async def test_no_method_takes_a_field_that_it_does_not_have(edge: Edge, method: str) -> None:
    reached = len(edge.policy.requests)
    async with edge.client() as client:
        response = await client.post(method, json={"session_token": SECRET, SECRET: "x"})
    assert (response.status_code, problem(response)["reason"]) == (400, "MALFORMED_REQUEST")
    assert "n'existe pas ; les champs sont : " in problem(response)["detail"]
    assert SECRET not in response.text
    assert len(edge.policy.requests) == reached


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
)
async def test_a_body_that_does_not_say_it_is_json_is_refused(edge: Edge, content_type: str | None) -> None:
    headers = {"content-type": content_type} if content_type else {}
    async with edge.client() as client:
        response = await client.post("/v1/sessions", content=b"{}", headers=headers)
    assert response.status_code == 415
    assert problem(response)["reason"] == "MALFORMED_REQUEST"
    assert "application/json" in problem(response)["detail"]


@pytest.mark.parametrize("content_type", ["APPLICATION/JSON", "Application/Json ;charset=UTF-8"])
async def test_a_content_type_is_read_in_any_case(edge: Edge, content_type: str) -> None:
    async with edge.client() as client:
        response = await client.post(
            "/v1/quotients:consult",
            content=b'{"purpose":"PURPOSE_PRICING"}',
            headers={"content-type": content_type},
        )
    assert response.status_code == 200


@pytest.mark.parametrize(("coding", "status"), [("gzip", 415), ("br", 415), ("Identity", 200)])
async def test_a_body_that_is_compressed_is_told_so(edge: Edge, coding: str, status: int) -> None:
    async with edge.client() as client:
        response = await client.post(
            "/v1/quotients:consult",
            content=b'{"purpose":"PURPOSE_PRICING"}',
            headers={**JSON, "content-encoding": coding},
        )
    assert response.status_code == status
    if status != 200:
        assert problem(response)["reason"] == "MALFORMED_REQUEST"
        assert "compressé" in problem(response)["detail"]


async def test_french_is_read_as_french_whoever_words_the_problem(edge: Edge) -> None:
    """No escapes: a person reads it in a terminal."""
    async with edge.client() as client:
        responses = [
            await client.get("/nowhere"),
            await client.post("/v1/sessions", json={"login": "x"}),
            await client.post("/v1/sessions", content=b"x", headers=JSON),
            await client.post("/v1/sessions", content=b"1" * 70_000, headers=JSON),
            await client.put("/v1/session"),
        ]
    for response in responses:
        assert problem(response)["detail"] in response.text
        assert "\\u" not in response.text
        assert not response.text.isascii()


@pytest.mark.parametrize("verb", ["GET", "POST", "DELETE"])
async def test_nothing_is_taken_from_a_url(edge: Edge, verb: str) -> None:
    path = {"GET": "/v1/status", "POST": "/v1/quotients:consult", "DELETE": "/v1/session"}[verb]
    reached = len(edge.policy.requests)
    async with edge.client() as client:
        body = {"purpose": "PURPOSE_PRICING"} if verb == "POST" else None
        response = await client.request(verb, f"{path}?nir={SECRET}", json=body)
    assert response.status_code == 400
    assert problem(response)["reason"] == "MALFORMED_REQUEST"
    assert SECRET not in response.text
    assert len(edge.policy.requests) == reached


async def test_a_method_without_body_takes_none(edge: Edge) -> None:
    async with edge.client() as client:
        response = await client.request("DELETE", "/v1/session", json={"a": SECRET})
    assert response.status_code == 400
    assert "n'accepte pas de corps" in problem(response)["detail"]


@pytest.mark.parametrize("http2", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_over_64_kib_is_refused(edge: Edge, http2: bool, chunked: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(7):
            yield b"1" * 10_000

    async with edge.client(http2=http2) as client:
        content = chunks() if chunked else b"1" * 70_000
        response = await client.post("/v1/quotients:consult", content=content, headers=JSON)
    told = problem(response)
    assert (response.status_code, told["reason"]) == (413, "REQUEST_TOO_LARGE")


async def test_a_grpc_message_over_64_kib_is_refused(edge: Edge) -> None:
    request = quotient_service_pb2.ConsultQuotientRequest(case_reference="1" * 70_000)
    async with edge.channel() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await quotient_service_pb2_grpc.QuotientServiceStub(channel).ConsultQuotient(request, timeout=5)
    told = told_in_grpc(caught.value)
    assert (told.code, told.reason) == (8, "REQUEST_TOO_LARGE")


async def test_a_body_of_64_kib_passes(edge: Edge) -> None:
    frame = '{"purpose":"PURPOSE_PRICING","case_reference":"%s"}'
    async with edge.client() as client:
        content = frame % ("1" * (64 * 1024 - len(frame) + 2))
        response = await client.post("/v1/quotients:consult", content=content, headers=JSON)
    assert len(content) == 64 * 1024
    assert response.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/status/",
        "/v1/quotients",
        f"/v1/quotients/{SECRET}",
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "/msa.gateway.v1.StatusService/GetStatus",
        "/msa.identity.v1.SessionService/Authenticate",
    ],
)
async def test_an_unknown_path_is_not_found(edge: Edge, path: str) -> None:
    async with edge.client() as client:
        for verb in ("GET", "POST"):
            response = await client.request(verb, path)
            told = problem(response)
            assert (response.status_code, told["reason"]) == (404, "UNKNOWN_METHOD")
            assert SECRET not in response.text


@pytest.mark.parametrize(
    "path",
    [
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "/msa.gateway.v1.StatusService/Unknown",
        "/msa.identity.v1.SessionService/Authenticate",
        "/v1/status",
    ],
)
async def test_grpc_reaches_nothing_but_the_public_methods(edge: Edge, path: str) -> None:
    async with edge.channel() as channel:
        call: Any = channel.unary_unary(path)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"", timeout=5)
    told = told_in_grpc(caught.value)
    assert (told.code, told.reason) == (12, "UNKNOWN_METHOD")


@pytest.mark.parametrize("verb", ["PUT", "PATCH", "OPTIONS", "TRACE", "SECRET284017123456789"])
async def test_a_wrong_verb_is_told_the_right_one(edge: Edge, verb: str) -> None:
    async with edge.client() as client:
        response = await client.request(verb, "/v1/session")
    assert response.status_code == 405
    assert response.headers["allow"] == "DELETE, GET"
    assert problem(response)["reason"] == "UNKNOWN_METHOD"


async def test_no_foreign_web_page_may_read_an_answer(edge: Edge) -> None:
    headers = {"origin": "https://elsewhere.example", "access-control-request-method": "POST"}
    async with edge.client() as client:
        preflight = await client.options("/v1/sessions", headers=headers)
        answer = await client.get("/v1/status", headers=headers)
    assert preflight.status_code == 405
    for response in (preflight, answer):
        assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("http2", [True, False])
async def test_plain_http_is_told_to_use_tls(edge: Edge, http2: bool) -> None:
    async with httpx.AsyncClient(http2=http2, http1=not http2) as client:
        response = await client.post(f"http://127.0.0.1:{edge.port}/v1/sessions", json={"login": SECRET})
    told = problem(response)
    assert (response.status_code, told["reason"]) == (400, "TLS_REQUIRED")
    assert "https" in told["detail"]


async def test_plain_grpc_is_told_to_use_tls(edge: Edge) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{edge.port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await status_service_pb2_grpc.StatusServiceStub(channel).GetStatus(
                status_service_pb2.GetStatusRequest(), timeout=5
            )
    assert told_in_grpc(caught.value).reason == "TLS_REQUIRED"


async def test_headers_over_the_limit_are_refused(edge: Edge) -> None:
    async with edge.client(http2=False) as client:
        response = await client.get("/v1/status", headers={"x": "1" * 40_000})
    assert response.status_code == 431
    assert problem(response)["reason"] == "REQUEST_TOO_LARGE"


async def test_header_names_with_underscores_are_refused(edge: Edge) -> None:
    async with edge.client(http2=False) as client:
        response = await client.get("/v1/status", headers={"x_forwarded_for": "1"})
    assert response.status_code == 400
    assert problem(response)["reason"] == "MALFORMED_REQUEST"


async def test_escaped_slashes_are_refused(edge: Edge) -> None:
    async with edge.client() as client:
        response = await client.get("/v1%2Fstatus")
    assert response.status_code == 400
    assert problem(response)["reason"] == "MALFORMED_REQUEST"


async def test_another_protocol_is_not_spoken(edge: Edge) -> None:
    headers = {"connection": "upgrade", "upgrade": "websocket"}
    async with edge.client(http2=False) as client:
        response = await client.get("/v1/status", headers=headers)
    assert 400 <= response.status_code < 500
    assert problem(response)["reason"] == "MALFORMED_REQUEST"


async def test_a_request_that_does_not_arrive_whole_is_given_up(edge: Edge) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(4)

    async with edge.client(http2=False) as client:
        response = await client.post("/v1/sessions", content=chunks(), headers=JSON)
    assert response.status_code == 408
    assert problem(response)["reason"] == "DEADLINE_EXCEEDED"


async def test_what_is_not_http_gets_no_5xx(edge: Edge) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(b"284017123456789\r\n\r\n")
    await writer.drain()
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"284017123456789" not in answer


async def test_without_the_policy_service_callers_hear_it_at_once(lonely_edge: Edge) -> None:
    began = time.monotonic()
    async with lonely_edge.client() as client:
        response = await client.post("/v1/quotients:consult", json={"nir": SECRET})
    told = problem(response)
    assert (response.status_code, told["reason"]) == (503, "DEPENDENCY_UNAVAILABLE")
    assert told["retry_after_seconds"] == 1
    async with lonely_edge.channel() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await status_service_pb2_grpc.StatusServiceStub(channel).GetStatus(
                status_service_pb2.GetStatusRequest(), timeout=5
            )
    assert told_in_grpc(caught.value).reason == "DEPENDENCY_UNAVAILABLE"
    assert time.monotonic() - began < 1


async def test_the_policy_service_is_found_again_when_it_is_back(lonely_edge: Edge) -> None:
    async with lonely_edge.client() as client:
        assert (await client.get("/v1/status")).status_code == 503
        back = policy_server(lonely_edge.policy, lonely_edge.gateway_socket)
        await back.start()
        try:
            assert (await client.get("/v1/status")).status_code == 200
        finally:
            await back.stop(None)
        assert (await client.get("/v1/status")).status_code == 503


async def test_a_call_without_answer_ends_with_deadline_exceeded(edge: Edge) -> None:
    edge.policy.release.clear()
    try:
        async with edge.client() as client:
            response = await client.get("/v1/status")
        async with edge.channel() as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await status_service_pb2_grpc.StatusServiceStub(channel).GetStatus(
                    status_service_pb2.GetStatusRequest(), timeout=5
                )
    finally:
        edge.policy.release.set()
    assert response.status_code == 504
    assert problem(response)["reason"] == "DEADLINE_EXCEEDED"
    assert told_in_grpc(caught.value).reason == "DEADLINE_EXCEEDED"
