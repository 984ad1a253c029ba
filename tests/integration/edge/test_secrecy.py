"""N5 at the edge: nothing a caller sends stands in a log line or a span, however it is sent."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest

from gateway.metadata import CLIENT_ADDRESS
from tests.integration.edge.policy import BREAKS, REFUSED
from tests.integration.edge.running import Edge

SECRET = "284017123456789"
TOKEN = "kYq3u0m7pT4cJ9vR2xLbWnEoZsGhDfAiUeQyKtMrPls"
SECRETS = (SECRET, TOKEN)

LOG_FIELDS = {
    "details", "duration_ms", "event", "flags", "grpc_status", "level", "protocol", "request_bytes", "request_id",
    "response_bytes", "route", "service", "status", "timestamp", "trace_id", "upstream_duration_ms",
}  # fmt: skip


async def test_a_span_says_route_and_outcome_only(edge: Edge) -> None:
    async with edge.client() as client:
        response = await client.post(
            "/v1/quotients:consult", json={"nir": SECRET, "purpose": "PURPOSE_PRICING"}
        )
    span = await edge.collector.wait_for_span(response.headers["x-trace-id"])
    said = {attribute.key: attribute.value.string_value for attribute in span.attributes}
    assert span.name == said["http.route"] == "POST /v1/quotients:consult"
    assert span.kind == span.SPAN_KIND_SERVER
    assert (said["http.method"], said["http.status_code"]) == ("POST", "200")
    assert {said[key] for key in ("http.url", "user_agent", "peer.address", "downstream_cluster")} == {"-"}


async def test_the_gateway_continues_the_trace_that_the_edge_began(edge: Edge) -> None:
    async with edge.client() as client:
        response = await client.get("/v1/status")
    span = await edge.collector.wait_for_span(response.headers["x-trace-id"])
    arrived = edge.policy.metadata[-1]["traceparent"]
    assert arrived == f"00-{response.headers['x-trace-id']}-{span.span_id.hex()}-01"
    assert not span.parent_span_id


@pytest.mark.parametrize(
    "header", [f"00-{SECRET:0>32}-{'a' * 16}-00", f"00-{SECRET:0>32}-{'a' * 16}-01", "nonsense"]
)
async def test_a_caller_can_neither_choose_a_trace_nor_turn_it_off(edge: Edge, header: str) -> None:
    headers = {"traceparent": header, "x-request-id": SECRET, "x-client-trace-id": SECRET}
    async with edge.client() as client:
        response = await client.get("/v1/status", headers=headers)
    assert SECRET not in response.headers["x-trace-id"]
    span = await edge.collector.wait_for_span(response.headers["x-trace-id"])
    assert SECRET not in str(span)
    assert SECRET not in str(edge.policy.metadata[-1])


async def test_one_log_line_a_call_in_known_fields(edge: Edge) -> None:
    async with edge.client() as client:
        response = await client.post("/v1/quotients:consult", json={"nir": SECRET})
    line = await edge.wait_for_log_line(response.headers["x-trace-id"])
    assert line.keys() <= LOG_FIELDS
    assert (line["event"], line["route"], line["status"]) == (
        "request_served",
        "POST /v1/quotients:consult",
        400,
    )


async def test_the_callers_address_stands_in_no_log_line_and_no_span(edge: Edge) -> None:
    forged = {CLIENT_ADDRESS: "203.0.113.7"}
    async with edge.client() as client:
        response = await client.post("/v1/quotients:consult", json={"nir": SECRET}, headers=forged)
    trace_id = response.headers["x-trace-id"]
    told = f"{await edge.collector.wait_for_span(trace_id)} {await edge.wait_for_log_line(trace_id)}"
    assert edge.policy.addresses[-1] == ["127.0.0.1"]
    for address in ("127.0.0.1", "203.0.113.7"):
        assert address not in told


async def test_secrets_are_nowhere_however_they_are_sent(edge: Edge, lonely_edge: Edge) -> None:
    for each in (edge, lonely_edge):
        async for response in _answers_to_secrets(each):
            for secret in SECRETS:
                assert secret not in f"{response.headers} {response.text}", response.request.url.path
        await _send_by_grpc(each)
        await _send_without_http(each)
    async with edge.client() as client:
        last = await client.get("/v1/status")
    await edge.collector.wait_for_span(last.headers["x-trace-id"])
    await edge.wait_for_log_line(last.headers["x-trace-id"])
    for secret in SECRETS:
        assert secret not in str(edge.collector.resources)
        for each in (edge, lonely_edge):
            assert secret not in each.log.read_text()


async def _answers_to_secrets(edge: Edge) -> AsyncIterator[httpx.Response]:
    """Success and every failure there is, each with secrets in all places that a request has."""
    headers = {
        "user-agent": SECRET, "authorization": f"Bearer {TOKEN}", "referer": SECRET, "host": SECRET,
        "x-request-id": SECRET, "x-qf-asked-request-id": TOKEN, "x-client-trace-id": SECRET, "cookie": TOKEN,
        "x-qf-problem": SECRET, "accept-language": SECRET,
    }  # fmt: skip
    for http2 in (True, False):
        async with edge.client(http2=http2) as client:
            for verb in ("GET", "POST", SECRET):
                for path in (*_PATHS, f"/{SECRET}", f"/%2F{SECRET}"):
                    for query in ("", f"?nir={SECRET}&page_token={TOKEN}#{SECRET}", f"?page_token={SECRET}"):
                        body = {"nir": SECRET, SECRET: TOKEN}
                        yield await client.request(verb, path + query, json=body, headers=headers)
            for path, body in _BODIES:
                yield await client.post(path, json=body, headers=headers)
                yield await client.post(
                    path, json=body, headers={**headers, "accept": "application/x-ndjson"}
                )
                yield await client.post(path, content=SECRET * 5_000, headers=headers)
                yield await client.post(path, content=f'{{"{SECRET}', headers={**headers, **_JSON})


_JSON = {"content-type": "application/json"}
_PATHS = ("/v1/status", "/v1/session", "/v1/consultations", "/v1/quotients:consult", "/nowhere")
_BODIES: tuple[tuple[str, Any], ...] = (
    ("/v1/sessions", {"login": SECRET, "password": TOKEN}),
    ("/v1/password", {"current_password": TOKEN, "new_password": SECRET}),
    ("/v1/quotients:consult", {"nir": SECRET, "purpose": "PURPOSE_PRICING", "case_reference": TOKEN}),
    ("/v1/quotients:consult", {"nir": SECRET, "case_reference": TOKEN}),
    ("/v1/quotients:consult", {"nir": REFUSED, "purpose": "PURPOSE_PRICING", "case_reference": SECRET}),
    ("/v1/quotients:consultMany", {"queries": [{"nir": SECRET, "purpose_text": TOKEN}]}),
    ("/v1/quotients:consultMany", {"queries": [{"nir": SECRET}, {"nir": BREAKS, "purpose_text": TOKEN}]}),
    ("/v1/quotients:consultMany", {"queries": [{"nir": BREAKS, "purpose_text": TOKEN}]}),
    ("/v1/quotients:consultMany", {"queries": SECRET}),
    ("/v1/oppositions", {"nir": SECRET, "reference": TOKEN}),
)


async def _send_by_grpc(edge: Edge) -> None:
    async with edge.channel() as channel:
        for path in (f"/{SECRET}/{SECRET}", f"/msa.gateway.v1.StatusService/GetStatus?{SECRET}"):
            call: Any = channel.unary_unary(path)
            metadata = [("x-nir", SECRET), ("x-request-id", SECRET), ("authorization", f"Bearer {TOKEN}")]
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(SECRET.encode(), metadata=metadata, timeout=5)
            told = f"{caught.value} {caught.value.initial_metadata()} {caught.value.trailing_metadata()}"
            for secret in SECRETS:
                assert secret not in told


async def _send_without_http(edge: Edge) -> None:
    for context in (None, ssl.create_default_context(cafile=str(edge.ca_file))):
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port, ssl=context)
        writer.write(f"GET /{SECRET} {SECRET}\r\nx: \x01{SECRET}\r\n\r\n".encode())
        await writer.drain()
        assert SECRET.encode() not in await reader.read()
        writer.close()
