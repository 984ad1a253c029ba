"""What ends by itself and what is bounded, on a stack whose limits are short enough to wait for."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.caisse import Caisse
from tests.e2e.conftest import Agent
from tests.portal import Portal, answered, bearer, reason
from tests.stack import Stack, launch, new_root

IDLE_SECONDS = 3
CALLS_AT_ONCE = 2
CALLS_PER_MINUTE = 20


@pytest.fixture(scope="module")
async def short_stack() -> AsyncIterator[Stack]:
    """A stack with an idle limit of seconds, few calls a minute, and a gateway that takes two at once."""
    settings = (
        f"identity.sessions.idle_timeout_seconds={IDLE_SECONDS}",
        f"identity.sessions.calls_per_minute={CALLS_PER_MINUTE}",
        f"gateway.maximum_concurrent_rpcs={CALLS_AT_ONCE}",
    )
    stack = launch(new_root(), arguments=["--no-demo", *(f"--set={one}" for one in settings)])
    try:
        await asyncio.to_thread(stack.wait_for_start)
        yield stack
    finally:
        stack.stop()
        stack.remove(keep_logs=False)


@pytest.fixture(scope="module")
async def short_caisse(short_stack: Stack) -> AsyncIterator[Caisse]:
    channels = [short_stack.channel(name) for name in ("identity", "partners", "quotient")]
    yield Caisse(*channels)
    for channel in channels:
        await channel.close()


@pytest.fixture(scope="module")
async def short_portal(short_stack: Stack) -> AsyncIterator[Portal]:
    portal = Portal(short_stack.gateway_url, short_stack.ca_file)
    yield portal
    await portal.aclose()


@pytest.fixture
async def short_agent(short_caisse: Caisse, short_portal: Portal) -> Agent:
    user = await short_caisse.habilitate()
    return Agent(user, await short_portal.open_session(user))


async def test_calls_keep_a_session_alive_and_silence_ends_it_art_7_1(
    short_caisse: Caisse, short_portal: Portal, short_agent: Agent
) -> None:
    nir = await short_caisse.publish()
    for _ in range(3):
        await asyncio.sleep(IDLE_SECONDS * 0.6)
        answered(await short_portal.consult(short_agent.token, nir))
    await asyncio.sleep(IDLE_SECONDS * 1.1)
    refused = await short_portal.consult(short_agent.token, nir)
    assert refused.status_code == httpx.codes.UNAUTHORIZED
    assert reason(refused) == "SESSION_NOT_VALID"
    assert len(await short_caisse.journal(nir)) == 3


async def test_asking_what_is_left_does_not_keep_a_session_alive_art_7_1(
    short_portal: Portal, short_agent: Agent
) -> None:
    for _ in range(3):
        await asyncio.sleep(IDLE_SECONDS * 0.3)
        answered(await short_portal.json.get("/v1/session", headers=bearer(short_agent.token)))
    await asyncio.sleep(IDLE_SECONDS * 0.3)
    refused = await short_portal.json.get("/v1/session", headers=bearer(short_agent.token))
    assert reason(refused) == "SESSION_NOT_VALID"


async def test_a_session_that_calls_too_often_is_told_how_long_to_wait(
    short_caisse: Caisse, short_portal: Portal, short_agent: Agent
) -> None:
    nir = await short_caisse.publish()
    for _ in range(CALLS_PER_MINUTE):
        answered(await short_portal.consult(short_agent.token, nir))
    refused = await short_portal.consult(short_agent.token, nir)
    assert refused.status_code == httpx.codes.TOO_MANY_REQUESTS
    assert reason(refused) == "RATE_LIMITED"
    [delay] = [detail["retry_delay"] for detail in refused.json()["details"] if "retry_delay" in detail]
    assert 0 < float(delay.removesuffix("s")) <= 60
    assert len(await short_caisse.journal(nir)) == CALLS_PER_MINUTE


async def test_a_full_gateway_says_so_and_loses_nothing(
    short_caisse: Caisse, short_portal: Portal, short_agent: Agent
) -> None:
    nir = await short_caisse.publish()
    calls = (short_portal.consult(short_agent.token, nir) for _ in range(CALLS_AT_ONCE * 4))
    responses = await asyncio.gather(*calls)
    refused = [response for response in responses if response.is_error]
    assert {reason(response) for response in refused} == {"DEPENDENCY_UNAVAILABLE"}
    shown = {answered(response)["consultation_id"] for response in responses if not response.is_error}
    assert shown == {line.consultation_id for line in await short_caisse.journal(nir)}
