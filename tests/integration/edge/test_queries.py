"""Fields in a URL: those of a GET only, plain values only, and none in an answer, a log line or a span (N5)."""

import pytest

from msa.gateway.v1 import consultation_service_pb2 as pb
from tests.integration.edge.running import Edge
from tests.integration.edge.statuses import problem

PATH = "/v1/consultations"
SECRET = "284017123456789"


@pytest.mark.parametrize(
    ("query", "request_message"),
    [
        ("", pb.ListConsultationsRequest()),
        ("?page_size=20", pb.ListConsultationsRequest(page_size=20)),
        ("?page_size=-1", pb.ListConsultationsRequest(page_size=-1)),
        (
            "?page_token=MDE5MDc.~x_-=&whole_partner=true",
            pb.ListConsultationsRequest(page_token="MDE5MDc.~x_-=", whole_partner=True),
        ),
        ("?whole_partner=false&page_token=", pb.ListConsultationsRequest()),
        (f"?page_token={'a' * 512}", pb.ListConsultationsRequest(page_token="a" * 512)),
    ],
)  # fmt: skip
async def test_known_fields_are_taken(
    edge: Edge, query: str, request_message: pb.ListConsultationsRequest
) -> None:
    async with edge.client() as client:
        response = await client.get(PATH + query)
    assert response.json() == {"consultations": [], "next_page_token": "n"}
    assert edge.policy.requests[-1] == request_message


@pytest.mark.parametrize(
    "query",
    [
        f"nir={SECRET}",
        f"{SECRET}",
        f"page_size={SECRET}",
        "page_size=2147483648",
        "page_size=1e2",
        "page_size=",
        "page_size=1&page_size=2",
        "pageSize=1",
        "page_size",
        "whole_partner=1",
        "whole_partner=TRUE",
        f"page_token=a%20{SECRET}",
        f"page_token=a+{SECRET}",
        f"page_token={'a' * 513}",
        "page_token=é",
        "page%5Fsize=1",
        "page_size=1&",
        "&",
        "",
    ],
)
async def test_anything_else_is_refused_and_what_is_taken_is_told(edge: Edge, query: str) -> None:
    reached = len(edge.policy.requests)
    async with edge.client() as client:
        response = await client.get(f"{PATH}?{query}")
    told = problem(response)
    assert (told["status"], told["reason"]) == (400, "MALFORMED_REQUEST")
    assert "page_size (un nombre entier), page_token (" in told["detail"]
    assert "whole_partner (true ou false)." in told["detail"]
    assert SECRET not in response.text + str(response.headers)
    assert len(edge.policy.requests) == reached


async def span_of(edge: Edge, trace_id: str) -> str:
    """The span in words, but for its identifiers: of random bytes some print as any sign there is."""
    span = await edge.collector.wait_for_span(trace_id)
    named = type(span).FromString(span.SerializeToString())
    for identifier in ("trace_id", "span_id", "parent_span_id"):
        named.ClearField(identifier)
    return str(named)


async def test_no_query_stands_in_a_log_line_or_a_span(edge: Edge) -> None:
    async with edge.client() as client:
        refused = await client.get(f"{PATH}?nir={SECRET}")
        taken = await client.get(f"{PATH}?page_token={SECRET}")
    assert (refused.status_code, taken.status_code) == (400, 200)
    for response in (refused, taken):
        trace_id = response.headers["x-trace-id"]
        told = f"{await span_of(edge, trace_id)} {await edge.wait_for_log_line(trace_id)}"
        assert f"GET {PATH}" in told
        for secret in (SECRET, "page_token", "?"):
            assert secret not in told
