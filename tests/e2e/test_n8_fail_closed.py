"""N8: what is needed to answer safely is killed (`kill -9`); the answer is UNAVAILABLE, and it heals by itself."""

import asyncio
import signal

import grpc
import httpx
import pytest

from tests.caisse import Caisse
from tests.e2e.conftest import Agent
from tests.portal import Portal, answered, queries_for, reason
from tests.stack import Stack

ANSWER_SECONDS = 2.0
HEALING_SECONDS = 20.0
MANY = 200


async def healed(portal: Portal, agent: Agent, nir: str) -> None:
    """Returns once a consultation is answered again; until then every answer is UNAVAILABLE."""
    async with asyncio.timeout(HEALING_SECONDS):
        while (response := await portal.consult(agent.token, nir)).is_error:
            assert response.status_code == httpx.codes.SERVICE_UNAVAILABLE
            await asyncio.sleep(0.1)
    assert answered(response)["outcome"] == "OUTCOME_AVAILABLE"


@pytest.mark.parametrize("part", ["identity", "partners", "quotient", "valkey", "postgres", "gateway"])
async def test_a_killed_part_means_unavailable_within_2_s_and_heals(
    stack: Stack, caisse: Caisse, portal: Portal, own_agent: Agent, part: str
) -> None:
    nir = await caisse.publish()
    answered(await portal.consult(own_agent.token, nir))
    loop = asyncio.get_running_loop()

    async with stack.kept_away(part):
        started = loop.time()
        refused = await portal.consult(own_agent.token, nir)
        seconds = loop.time() - started

    assert refused.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert reason(refused) == "DEPENDENCY_UNAVAILABLE"
    assert "amount_cents" not in refused.text
    assert seconds < ANSWER_SECONDS

    await healed(portal, own_agent, nir)


@pytest.mark.parametrize("part", ["identity", "partners", "quotient", "valkey"])
async def test_a_part_that_hangs_means_unavailable_within_2_s_too(
    stack: Stack, caisse: Caisse, portal: Portal, own_agent: Agent, part: str
) -> None:
    nir = await caisse.publish()
    answered(await portal.consult(own_agent.token, nir))
    loop = asyncio.get_running_loop()

    stack.process(part).send(signal.SIGSTOP)
    try:
        started = loop.time()
        calls = [portal.consult(own_agent.token, nir) for _ in range(3)]
        responses = await asyncio.gather(*calls)
        seconds = loop.time() - started
    finally:
        stack.process(part).send(signal.SIGCONT)

    assert [reason(response) for response in responses] == ["DEPENDENCY_UNAVAILABLE"] * 3
    assert seconds < ANSWER_SECONDS
    await healed(portal, own_agent, nir)


@pytest.mark.parametrize("part", ["identity", "partners", "quotient", "valkey", "postgres"])
async def test_a_part_that_is_killed_during_a_batch_ends_it_and_the_journal_has_what_was_shown_n2(
    stack: Stack, caisse: Caisse, portal: Portal, own_agent: Agent, part: str
) -> None:
    nir = await caisse.publish()
    async with portal.consult_many_lines(own_agent.token, queries_for([nir] * MANY)) as rows:
        first = await anext(rows)
        stack.kill(part)
        rest = [row async for row in rows]
    assert len(rest) == MANY - 1
    assert rest[-1]["error"]["reason"] == "DEPENDENCY_UNAVAILABLE"
    shown = [row["consultation"]["consultation_id"] for row in (first, *rest) if "consultation" in row]
    await healed(portal, own_agent, await caisse_is_back(stack, caisse))
    lines = [line.consultation_id for line in reversed(await caisse.journal(nir))]
    assert lines[: len(shown)] == shown
    # One may have been written whose answer was lost with what died.
    assert len(lines) <= len(shown) + 1


async def caisse_is_back(stack: Stack, caisse: Caisse) -> str:
    """Waits until a dossier can be published; its NIR."""
    for name in ("postgres", "valkey", "identity", "partners", "quotient"):
        await stack.wait_until_ready(name)
    return await caisse.publish()


async def test_by_grpc_too(stack: Stack, caisse: Caisse, portal: Portal, own_agent: Agent) -> None:
    nir = await caisse.publish()
    stack.kill("quotient")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await portal.consult_grpc(own_agent.token, nir)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    await healed(portal, own_agent, nir)
    await portal.consult_grpc(own_agent.token, nir)


async def test_a_killed_edge_comes_back(
    stack: Stack, caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    stack.kill("edge")
    with pytest.raises(httpx.TransportError):
        await portal.consult(own_agent.token, nir)
    await stack.wait_until_ready("edge")
    answered(await portal.consult(own_agent.token, nir))
