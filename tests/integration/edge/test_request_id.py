"""X-Request-ID: in and out by every protocol; what is no UUID never comes back (N5)."""

import asyncio
import re
import ssl

import pytest

from msa.gateway.v1 import status_service_pb2, status_service_pb2_grpc
from tests.integration.edge.running import Edge

ASKED = "01890a5d-ac96-774b-bcce-b302099a8057"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SECRET = "284017123456789"
NO_UUIDS = (SECRET, f"{ASKED}-{SECRET}", f" {SECRET}", ASKED.replace("-", ""), "é")
STATUS_PATH = "/msa.gateway.v1.StatusService/GetStatus"
# Each is refused by another part of Envoy, most before any filter has acted.
REFUSED_EARLY = {
    "no host": "GET /v1/status HTTP/1.1\r\n{header}\r\n",
    "escaped slash": "GET /v1%2Fstatus HTTP/1.1\r\nhost: a\r\n{header}\r\n",
    "underscore": "GET /v1/status HTTP/1.1\r\nhost: a\r\nx_y: 1\r\n{header}\r\n",
    "upgrade": "GET /v1/status HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n{header}\r\n",
    "long": f"GET /v1/status HTTP/1.1\r\nhost: a\r\n{{header}}x: {'1' * 40_000}\r\n\r\n",
    "slow": "POST /v1/sessions HTTP/1.1\r\nhost: a\r\n{header}content-length: 9\r\n\r\n1",
    "coding": "POST /v1/sessions HTTP/1.1\r\nhost: a\r\n{header}transfer-encoding: x\r\n\r\n",
    "old": "GET /v1/status HTTP/1.0\r\n{header}\r\n",
}


@pytest.mark.parametrize("http2", [True, False])
@pytest.mark.parametrize("path", ["/v1/status", "/v1/session", "/v1/status?a=b", "/nowhere"])
async def test_a_uuid_comes_back_and_goes_on(edge: Edge, http2: bool, path: str) -> None:
    reached = len(edge.policy.requests)
    async with edge.client(http2=http2) as client:
        response = await client.get(path, headers={"X-Request-ID": ASKED.upper()})
    assert response.headers.get_list("x-request-id") == [ASKED]
    line = await edge.wait_for_log_line(response.headers["x-trace-id"])
    assert line["request_id"] == ASKED
    for metadata in edge.policy.metadata[reached:]:
        assert metadata["x-request-id"] == ASKED


async def test_it_stands_in_the_span(edge: Edge) -> None:
    async with edge.client() as client:
        response = await client.get("/v1/status", headers={"x-request-id": ASKED})
    span = await edge.collector.wait_for_span(response.headers["x-trace-id"])
    said = {attribute.key: attribute.value.string_value for attribute in span.attributes}
    assert said["guid:x-request-id"] == ASKED


async def test_it_comes_back_by_grpc_and_grpc_web(edge: Edge) -> None:
    async with edge.channel() as channel:
        call = status_service_pb2_grpc.StatusServiceStub(channel).GetStatus(
            status_service_pb2.GetStatusRequest(), metadata=[("x-request-id", ASKED)], timeout=5
        )
        await call
        initial = await call.initial_metadata()
    assert [value for key, value in initial if key == "x-request-id"] == [ASKED]
    assert edge.policy.metadata[-1]["x-request-id"] == ASKED
    headers = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1", "x-request-id": ASKED}
    async with edge.client(http2=False) as client:
        by_web = await client.post(STATUS_PATH, content=b"\0\0\0\0\0", headers=headers)
    assert by_web.headers.get_list("x-request-id") == [ASKED]


async def test_without_one_each_call_has_its_own(edge: Edge) -> None:
    async with edge.client() as client:
        told = [
            (await client.get(path)).headers["x-request-id"] for path in ("/v1/status",) * 3 + ("/nowhere",)
        ]
    assert len(set(told)) == len(told)
    assert all(UUID.fullmatch(each) for each in told)


@pytest.mark.parametrize("asked", NO_UUIDS)
async def test_what_is_no_uuid_is_replaced(edge: Edge, asked: str) -> None:
    async with edge.client() as client:
        response = await client.get(
            "/v1/status",
            headers=[(b"x-request-id", asked.encode()), (b"x-qf-asked-request-id", asked.encode())],
        )
    assert UUID.fullmatch(response.headers["x-request-id"])
    assert edge.policy.metadata[-1]["x-request-id"] == response.headers["x-request-id"] != ASKED
    assert asked not in str(edge.policy.metadata[-1])


async def test_one_of_two_is_neither(edge: Edge) -> None:
    async with edge.client() as client:
        response = await client.get("/v1/status", headers=[("x-request-id", ASKED), ("x-request-id", SECRET)])
    assert UUID.fullmatch(response.headers["x-request-id"])
    assert response.headers["x-request-id"] != ASKED


@pytest.mark.parametrize("request_text", REFUSED_EARLY.values(), ids=REFUSED_EARLY)
async def test_what_is_refused_before_all_else_has_one_and_never_the_callers_words(
    edge: Edge, request_text: str
) -> None:
    context = ssl.create_default_context(cafile=str(edge.ca_file))
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port, ssl=context)
    writer.write(request_text.format(header=f"x-request-id: {SECRET}\r\n").encode())
    await writer.drain()
    answer = (await reader.read()).decode()
    writer.close()
    (told,) = re.findall(r"^x-request-id: (.*)\r$", answer, re.MULTILINE)
    assert UUID.fullmatch(told)
    assert SECRET not in answer
    await edge.wait_for_log_line(told, "request_id")
    assert SECRET not in edge.log.read_text()
