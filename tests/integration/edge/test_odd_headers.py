"""Headers that HTTP allows and gRPC does not, sent by whatever stands before a partner's software, stop no call."""

import pytest

from tests.integration.edge.running import Edge


@pytest.mark.parametrize(
    "name", ["&x", "*", "x^y", "x~", "!x", "x%20", "x'", "x#", "x$", "x+y", "x|y", "x-bin"]
)
@pytest.mark.parametrize("http2", [True, False])
async def test_a_header_that_grpc_does_not_know_is_left_behind(edge: Edge, name: str, http2: bool) -> None:
    async with edge.client(http2=http2) as client:
        answer = await client.get("/v1/status", headers={name: "1"})
    assert answer.status_code == 200, answer.text
    assert name not in edge.policy.metadata[-1]


async def test_a_header_that_grpc_knows_still_passes(edge: Edge) -> None:
    async with edge.client() as client:
        await client.get("/v1/status", headers={"x-portal.version-2": "2"})
    assert edge.policy.metadata[-1].get("x-portal.version-2") == "2"


@pytest.mark.parametrize("value", ["été".encode(), b"\xff\xfe", b"a\x80"])
@pytest.mark.parametrize("http2", [True, False])
async def test_a_value_that_grpc_could_not_read_is_left_behind(edge: Edge, value: bytes, http2: bool) -> None:
    headers = [(b"user-agent", value), (b"x-portal", b"caf\t2"), (b"authorization", value)]
    async with edge.client(http2=http2) as client:
        answer = await client.get("/v1/status", headers=headers)
    assert answer.status_code == 200, answer.text
    assert not {"user-agent", "authorization"} & edge.policy.metadata[-1].keys()
    assert edge.policy.metadata[-1]["x-portal"] == "caf\t2"


@pytest.mark.parametrize("header", [("grpc-timeout", "1x"), ("grpc-timeout", "1n"), ("grpc-encoding", "x")])
async def test_what_only_grpc_would_read_stops_no_json_call(edge: Edge, header: tuple[str, str]) -> None:
    async with edge.client() as client:
        answer = await client.get("/v1/status", headers=dict([header]))
    assert answer.status_code == 200, answer.text
