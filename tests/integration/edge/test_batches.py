"""ConsultQuotients at the edge: rows as they come, as an array or as lines, and how a caller hears of an error."""

import json
import time
from collections.abc import Sequence
from typing import Any

import grpc
import httpx
import pytest

from gateway.metadata import SESSION_REMAINING
from msa.gateway.v1 import quotient_service_pb2 as pb
from msa.gateway.v1.quotient_service_pb2_grpc import QuotientServiceStub
from tests.integration.edge.policy import BREAKS, PAUSE_SECONDS, PAUSES
from tests.integration.edge.running import Edge
from tests.integration.edge.statuses import problem, told_in_grpc

PATH = "/v1/quotients:consultMany"
LINES = {"accept": "application/json;q=0.5, Application/X-NDJSON"}
# All that a query may hold, at its longest.
LONGEST: dict[str, str] = {
    "nir": "1 84 12 76 451 089 46", "month": "2026-11", "purpose": "PURPOSE_ACTIVITY_REGISTRATION",
    "case_reference": "é" * 64, "purpose_text": "é" * 100,
}  # fmt: skip


def batch(*nirs: str) -> dict[str, Any]:
    return {"queries": [{"nir": nir} for nir in nirs]}


def rows(response: httpx.Response) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = response.json()
    return found


async def timed_pieces(
    client: httpx.AsyncClient, body: dict[str, Any], headers: dict[str, str]
) -> list[tuple[float, bytes]]:
    began = time.monotonic()
    async with client.stream("POST", PATH, json=body, headers=headers) as response:
        assert response.status_code == 200
        return [(time.monotonic() - began, piece) async for piece in response.aiter_raw()]


@pytest.mark.parametrize("http2", [True, False])
async def test_the_rows_are_an_array(edge: Edge, http2: bool) -> None:
    async with edge.client(http2=http2) as client:
        response = await client.post(PATH, json=batch("a", "b"))
    assert response.headers["content-type"] == "application/json"
    assert response.headers[SESSION_REMAINING] == "893"
    assert [row["position"] for row in rows(response)] == [0, 1]
    assert rows(response)[0]["consultation"]["outcome"] == "OUTCOME_NOT_FOUND"
    assert [query.nir for query in edge.policy.requests[-1].queries] == ["a", "b"]


@pytest.mark.parametrize("http2", [True, False])
async def test_or_lines_for_who_asks_for_them(edge: Edge, http2: bool) -> None:
    async with edge.client(http2=http2) as client:
        response = await client.post(PATH, json=batch("a", "b", "c"), headers=LINES)
    assert response.headers.get_list("content-type") == ["application/x-ndjson"]
    assert response.text.endswith("}\n")
    assert [json.loads(line)["position"] for line in response.text.splitlines()] == [0, 1, 2]


@pytest.mark.parametrize(
    ("accept", "told"),
    [
        ("application/x-ndjson", "x-ndjson"),
        ("text/html , application/x-ndjson ;q=0.5", "x-ndjson"),
        ("application/x-ndjson;charset=utf-8;q=0.05,*/*", "x-ndjson"),
        ("application/x-ndjson;q=0", "json"),
        ("application/json, application/x-ndjson; Q=0.000 ,text/html", "json"),
        ("application/x-ndjson;charset=utf-8;q=0.0", "json"),
        ("application/x-ndjsonp", "json"),
        ("x-application/x-ndjson", "json"),
        ("*/*", "json"),
    ],
)
async def test_lines_are_for_who_lists_them_and_does_not_refuse_them(
    edge: Edge, accept: str, told: str
) -> None:
    async with edge.client() as client:
        response = await client.post(PATH, json=batch("a"), headers={"accept": accept})
    assert response.headers["content-type"] == f"application/{told}"


@pytest.mark.parametrize("http2", [True, False])
@pytest.mark.parametrize("headers", [{}, LINES])
async def test_a_row_leaves_as_soon_as_it_is_there(edge: Edge, http2: bool, headers: dict[str, str]) -> None:
    async with edge.client(http2=http2) as client:
        pieces = await timed_pieces(client, batch("a", PAUSES, "b"), headers)
    first, last = pieces[0], pieces[-1]
    assert b'"position":0' in first[1]
    assert b'"position":1' not in first[1]
    assert last[0] - first[0] > PAUSE_SECONDS / 2


async def test_a_stream_may_take_longer_than_a_single_call(edge: Edge) -> None:
    """`request_timeout_seconds` is 1 here."""
    async with edge.client() as client:
        response = await client.post(PATH, json=batch(*[PAUSES] * 5))
    assert len(rows(response)) == 5


@pytest.mark.parametrize("headers", [{}, LINES])
@pytest.mark.parametrize(
    ("body", "status", "reason"), [(batch(), 400, "INVALID_FIELD"), (batch(BREAKS), 500, "INTERNAL")]
)
async def test_an_error_before_the_first_row_is_a_problem(
    edge: Edge, headers: dict[str, str], body: dict[str, Any], status: int, reason: str
) -> None:
    async with edge.client() as client:
        response = await client.post(PATH, json=body, headers=headers)
    assert (problem(response)["status"], problem(response)["reason"]) == (status, reason)
    assert response.headers[SESSION_REMAINING] == "893"


async def test_after_some_rows_what_is_missing_tells_of_an_error(edge: Edge) -> None:
    """The status has left already; there is one row to each query, unless something broke."""
    queries = batch("a", PAUSES, BREAKS, "b")
    async with edge.client() as client:
        array = await client.post(PATH, json=queries)
        lines = await client.post(PATH, json=queries, headers=LINES)
    assert (array.status_code, lines.status_code) == (200, 200)
    assert len(rows(array)) == len(lines.text.splitlines()) == 2
    assert BREAKS not in array.text + lines.text


async def test_by_grpc_the_error_comes_after_the_rows(edge: Edge) -> None:
    received: list[int] = []
    async with edge.channel() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await _receive(channel, ("a", BREAKS), received)
    assert received == [0]
    assert told_in_grpc(caught.value).reason == "INTERNAL"


async def _receive(channel: grpc.aio.Channel, nirs: Sequence[str], received: list[int]) -> None:
    request = pb.ConsultQuotientsRequest(queries=[pb.QuotientQuery(nir=nir) for nir in nirs])
    call = QuotientServiceStub(channel).ConsultQuotients(request, timeout=5)
    while isinstance(row := await call.read(), pb.ConsultQuotientsResponse):
        received.append(row.position)


async def test_five_hundred_queries_at_their_longest_pass(edge: Edge) -> None:
    content = json.dumps({"queries": [LONGEST] * 500}, ensure_ascii=False, indent=1).encode()
    assert len(content) > 200 * 1024
    async with edge.client() as client:
        response = await client.post(PATH, content=content, headers={"content-type": "application/json"})
    assert len(rows(response)) == 500


@pytest.mark.parametrize("spaces", [0, 1])
async def test_a_batch_may_have_256_kib_and_no_more(edge: Edge, spaces: int) -> None:
    content = b'{"queries":[' + b" " * (256 * 1024 - 14 + spaces) + b"]}"
    async with edge.client() as client:
        response = await client.post(PATH, content=content, headers={"content-type": "application/json"})
    expected = "REQUEST_TOO_LARGE" if spaces else "INVALID_FIELD"
    assert problem(response)["reason"] == expected


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"queries": [{"nir": "1", "nom": "x"}]}, "n'existe pas ; les champs sont : nir, month"),
        ({"queries": {"nir": "1"}}, "Le champ queries doit être une liste ; chaque élément est un objet."),
        (
            {"queries": ["284017123456789"]},
            "Le champ queries doit être une liste ; chaque élément est un objet.",
        ),
        ({"queries": [{"nir": ["284017123456789"]}]}, "Le champ nir doit être un texte."),
    ],
)
async def test_each_query_must_be_one(edge: Edge, body: dict[str, Any], told: str) -> None:
    async with edge.client() as client:
        response = await client.post(PATH, json=body)
    assert problem(response)["reason"] == "MALFORMED_REQUEST"
    assert told in problem(response)["detail"]
    assert "284017123456789" not in response.text
