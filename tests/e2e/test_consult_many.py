"""Many consultations in one call, each at its turn (N1, N2, N3, art. 6-3): through the edge, with the real journal."""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Sequence
from typing import Any

import grpc
import httpx
import pytest

from msa.gateway.v1 import quotient_service_pb2 as public_pb
from services.kit.errors import Reason
from services.kit.status import reason_of
from tests.caisse import AMOUNT_CENTS, ELSEWHERE, Caisse
from tests.e2e.conftest import Agent
from tests.grpc_web import GrpcWeb
from tests.people import new_nir
from tests.portal import (
    CONSULT_MANY,
    NDJSON,
    Portal,
    answered,
    bearer,
    grpc_bearer,
    queries_for,
    reason,
)
from tests.stack import Stack

# Some seconds' worth: there is time to do something while it runs.
MANY = 200
MAXIMUM = 500
# Far from all of them, whatever the machine does meanwhile.
CUT_AFTER, SENT_AT_MOST = 10, 250
QUIET_SECONDS = 0.5


async def people(caisse: Caisse) -> list[tuple[str, str]]:
    """One for each thing that may be met, and what it is; the broken NIR in the middle."""
    opposed = await caisse.publish()
    await caisse.oppose(opposed)
    known, broken = await caisse.publish(), new_nir()
    return [
        (known, "OUTCOME_AVAILABLE"),
        (opposed, "OUTCOME_OPPOSED"),
        (f"{broken[:13]}{int(broken[13:]) % 97 + 1:02}", "INVALID_FIELD"),
        (new_nir(), "OUTCOME_NOT_FOUND"),
        (await caisse.publish(caisse_code=ELSEWHERE), "OUTCOME_NOT_FOUND"),
        (await caisse.publish(amount_cents=None), "OUTCOME_NO_QUOTIENT"),
        (known, "OUTCOME_AVAILABLE"),
    ]


def met(row: dict[str, Any]) -> str:
    """The outcome of a row, or the reason why there is none."""
    return str(row["consultation"]["outcome"] if "consultation" in row else row["error"]["reason"])


def met_grpc(row: public_pb.ConsultQuotientsResponse) -> str:
    """The same."""
    if row.HasField("error"):
        return row.error.reason
    return public_pb.Outcome.Name(row.consultation.outcome)


async def journal_ids(caisse: Caisse, nirs: Sequence[str]) -> list[str]:
    """The lines of these people, each once."""
    return [line.consultation_id for nir in sorted(set(nirs)) for line in await caisse.journal(nir)]


async def test_as_an_array_each_query_has_its_row_and_each_row_its_line_n2(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    asked = await people(caisse)
    nirs = [nir for nir, _ in asked]
    response = await portal.consult_many(agent.token, queries_for(nirs))
    rows = response.json()
    assert response.headers["content-type"] == "application/json"
    assert [row["position"] for row in rows] == list(range(len(asked)))
    assert [met(row) for row in rows] == [expected for _, expected in asked]
    assert rows[0]["consultation"]["periods"][0]["amount_cents"] == AMOUNT_CENTS
    assert "dossier" not in rows[1]["consultation"]
    assert rows[2]["error"]["violations"][0]["rule"] == "NIR_KEY_MISMATCH"
    assert nirs[2][:13] not in json.dumps(rows[2])
    shown = [row["consultation"]["consultation_id"] for row in rows if "consultation" in row]
    assert sorted(await journal_ids(caisse, [*nirs[:2], *nirs[3:]])) == sorted(
        each
        for each, (nir, _) in zip(shown, [each for each in asked if "INVALID" not in each[1]], strict=True)
    )


async def test_as_lines_rows_arrive_as_they_are_made_n2(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    async with portal.consult_many_lines(own_agent.token, queries_for([nir] * MANY)) as rows:
        first = await anext(rows)
        written = len(await caisse.journal(nir))
        rest = [row async for row in rows]
    assert 1 <= written < MANY
    ids = [row["consultation"]["consultation_id"] for row in (first, *rest)]
    assert ids == [line.consultation_id for line in reversed(await caisse.journal(nir))]


async def test_by_grpc_and_grpc_web_the_rows_are_the_same(
    stack: Stack, caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    asked = await people(caisse)
    queries = queries_for([nir for nir, _ in asked])
    by_grpc = [row async for row in portal.consult_many_grpc(agent.token, queries)]
    by_web = await asyncio.to_thread(_consult_many_by_web, stack, agent.token, queries)
    for rows in (by_grpc, by_web):
        assert [row.position for row in rows] == list(range(len(asked)))
        assert [met_grpc(row) for row in rows] == [expected for _, expected in asked]
    assert by_grpc[0].consultation.periods == by_web[0].consultation.periods
    lines = await caisse.journal(asked[3][0])
    assert {line.consultation_id for line in lines} == {
        rows[3].consultation.consultation_id for rows in (by_grpc, by_web)
    }


def _consult_many_by_web(
    stack: Stack, token: str, queries: Sequence[dict[str, str]]
) -> list[public_pb.ConsultQuotientsResponse]:
    request = public_pb.ConsultQuotientsRequest()
    for query in queries:
        reference = query["case_reference"]
        request.queries.add(nir=query["nir"], purpose=public_pb.PURPOSE_PRICING, case_reference=reference)
    context = ssl.create_default_context(cafile=stack.ca_file)
    with httpx.Client(base_url=stack.gateway_url, verify=context) as http:
        path = "/msa.gateway.v1.QuotientService/ConsultQuotients"
        reply = GrpcWeb(http, text=False).call(path, request.SerializeToString(), bearer(token))
    assert reply.trailers["grpc-status"] == "0"
    return [public_pb.ConsultQuotientsResponse.FromString(message) for message in reply.messages]


async def test_a_line_of_the_journal_tells_the_case_of_its_own_row(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nirs = [await caisse.publish() for _ in range(3)]
    rows = (await portal.consult_many(agent.token, queries_for(nirs))).json()
    for position, (nir, row) in enumerate(zip(nirs, rows, strict=True)):
        [line] = await caisse.journal(nir)
        assert line.consultation_id == row["consultation"]["consultation_id"]
        assert line.case_reference == f"row {position}"
        assert line.account_id == agent.user.account_id


async def test_an_opposition_between_two_rows_withholds_the_later_one_n1_art_6_3(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    many, last = await caisse.publish(), await caisse.publish()
    queries = queries_for([last, *[many] * MANY, last])
    async with portal.consult_many_lines(own_agent.token, queries) as rows:
        assert met(await anext(rows)) == "OUTCOME_AVAILABLE"
        await caisse.oppose(last)
        # The acknowledgement came while the last row was still to be made.
        assert len(await caisse.journal(last)) == 1
        *_, final = [row async for row in rows]
    assert met(final) == "OUTCOME_OPPOSED"
    assert "dossier" not in final["consultation"]
    assert final["consultation"]["periods"] == []


async def test_a_sign_out_stops_a_batch_at_its_next_row_n3(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    async with portal.consult_many_lines(own_agent.token, queries_for([nir] * MANY)) as rows:
        first = await anext(rows)
        answered(await portal.json.delete("/v1/session", headers=bearer(own_agent.token)))
        acknowledged = len(await caisse.journal(nir))
        rest = [row async for row in rows]
    shown = [row for row in (first, *rest) if "consultation" in row]
    assert len(rest) == MANY - 1
    assert {met(row) for row in rest[len(shown) - 1 :]} == {"SESSION_NOT_VALID"}
    # One that had begun may have ended after the acknowledgement.
    assert len(shown) <= acknowledged + 1 < MANY
    assert len(await caisse.journal(nir)) == len(shown)


async def test_a_suspension_stops_a_batch_too_art_7_2(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    async with portal.consult_many_lines(own_agent.token, queries_for([nir] * MANY)) as rows:
        first = await anext(rows)
        await caisse.suspend(own_agent.user.partner_id)
        rest = [row async for row in rows]
    # The register tells identity, too, which ends the sessions: either may be met first.
    assert met(rest[-1]) in {"PARTNER_SUSPENDED", "SESSION_NOT_VALID"}
    assert len({met(row) for row in (first, *rest)}) == 2
    assert len(await caisse.journal(nir)) == sum("consultation" in row for row in (first, *rest))


async def settled(caisse: Caisse, nir: str) -> list[str]:
    """The cases in the journal, oldest first, once nothing is added any more."""
    seen = -1
    while len(lines := await caisse.journal(nir)) != seen:
        seen = len(lines)
        await asyncio.sleep(QUIET_SECONDS)
    return [line.case_reference for line in reversed(lines)]


def require_exact(cases: Sequence[str], received: int) -> None:
    """The journal has the first rows, each once: all that were received, and few more, which were on their way."""
    assert cases == [f"row {position}" for position in range(len(cases))]
    assert received <= len(cases) <= SENT_AT_MOST


async def test_a_caller_who_cancels_leaves_the_journal_exact_n2(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    call = portal.consult_many_grpc(own_agent.token, queries_for([nir] * MAXIMUM))
    received = [await call.read() for _ in range(CUT_AFTER)]
    call.cancel()
    require_exact(await settled(caisse, nir), CUT_AFTER)
    ids = [line.consultation_id for line in reversed(await caisse.journal(nir))]
    assert [row.consultation.consultation_id for row in received] == ids[:CUT_AFTER]


async def test_a_connection_that_is_reset_leaves_the_journal_exact_n2(
    stack: Stack, caisse: Caisse, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    rows = await asyncio.to_thread(
        _read_and_reset, stack, own_agent.token, {"queries": queries_for([nir] * MAXIMUM)}
    )
    require_exact(await settled(caisse, nir), CUT_AFTER)
    ids = [line.consultation_id for line in reversed(await caisse.journal(nir))]
    assert [row["consultation"]["consultation_id"] for row in rows] == ids[:CUT_AFTER]


def _read_and_reset(stack: Stack, token: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """HTTP/1.1 by hand: reads ten rows and resets the connection."""
    content = json.dumps(body).encode()
    head = (
        f"POST {CONSULT_MANY} HTTP/1.1\r\nhost: gateway\r\naccept: {NDJSON}\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    context = ssl.create_default_context(cafile=stack.ca_file)
    context.check_hostname = False
    bare = socket.create_connection(("127.0.0.1", stack.ports.edge_port), timeout=10)
    bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with context.wrap_socket(bare) as connection:
        connection.sendall(head.encode() + content)
        arrived = b""
        while arrived.count(b"}\n") < CUT_AFTER:
            arrived += connection.recv(4096)
    return [json.loads(line) for line in arrived.splitlines() if line.startswith(b'{"position"')][:CUT_AFTER]


@pytest.mark.parametrize("count", [0, MAXIMUM + 1])
async def test_a_call_has_1_to_500_queries(caisse: Caisse, portal: Portal, agent: Agent, count: int) -> None:
    nir = await caisse.publish()
    refused = await portal.consult_many(agent.token, queries_for([nir] * count))
    assert (refused.status_code, reason(refused)) == (httpx.codes.BAD_REQUEST, "INVALID_FIELD")
    assert refused.json()["violations"][0]["rule"] == "QUERY_COUNT"
    assert await caisse.journal(nir) == []


async def test_without_a_session_there_is_no_row_in_any_protocol(caisse: Caisse, portal: Portal) -> None:
    nir = await caisse.publish()
    refused = await portal.consult_many("nobody", queries_for([nir]))
    assert (refused.status_code, reason(refused)) == (httpx.codes.UNAUTHORIZED, "SESSION_NOT_VALID")
    with pytest.raises(grpc.aio.AioRpcError) as by_grpc:
        await portal.consult_many_grpc("nobody", queries_for([nir])).read()
    assert reason_of(by_grpc.value) is Reason.SESSION_NOT_VALID
    assert await caisse.journal(nir) == []


async def test_single_consultations_have_their_turn_between_the_rows_of_a_batch(
    caisse: Caisse, portal: Portal, agent: Agent, own_agent: Agent
) -> None:
    """Fair: who asks for one person does not wait for somebody else's many."""
    many, one = await caisse.publish(), await caisse.publish()
    batch = asyncio.create_task(portal.consult_many(own_agent.token, queries_for([many] * MANY)))
    between = 0
    while not batch.done():
        answered(await portal.consult(agent.token, one))
        between += 1
    assert (await batch).status_code == httpx.codes.OK
    turns = await _turns(caisse, many, one)
    # Row, single, row, single …: each single meets a few rows at most, however slow the machine.
    assert between > MANY // 20
    assert max(len(run) for run in turns.split("s")) < MANY // 4


async def _turns(caisse: Caisse, many: str, one: str) -> str:
    """The journal in order: r for a row of the batch, s for a single consultation that came between."""
    lines = [*await caisse.journal(many), *await caisse.journal(one)]
    lines.sort(key=lambda line: (line.disclose_time.ToNanoseconds(), line.consultation_id))
    kinds = "".join("r" if line.case_reference.startswith("row") else "s" for line in lines)
    return kinds.strip("s")


@pytest.mark.usefixtures("stack")
async def test_a_batch_says_what_is_left_of_limits_ahead_of_its_rows(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    response = await portal.consult_many(own_agent.token, queries_for([nir] * 20))
    assert int(response.headers["ratelimit-limit"]) - int(response.headers["ratelimit-remaining"]) in (19, 20)
    assert int(response.headers["session-remaining-seconds"]) > 0
    call = portal.quotients.ConsultQuotients(
        public_pb.ConsultQuotientsRequest(
            queries=[public_pb.QuotientQuery(nir=nir, purpose=public_pb.PURPOSE_PRICING)]
        ),
        metadata=grpc_bearer(own_agent.token),
        timeout=10,
    )
    assert [row.position async for row in call] == [0]
    assert "ratelimit-remaining" in dict(await call.initial_metadata())
