"""What ends by itself and what is bounded, on a stack whose limits are short enough to wait for."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import json_format

from msa.gateway.v1 import quotient_service_pb2 as quotient_pb
from msa.gateway.v1.quotient_service_pb2_grpc import QuotientServiceStub
from services.kit.errors import Reason
from services.kit.status import reason_of
from tests.caisse import Caisse
from tests.e2e.conftest import Agent
from tests.portal import Portal, answered, bearer, grpc_bearer, queries_for, reason
from tests.stack import Stack, empty_stack

IDLE_SECONDS = 3
CALLS_AT_ONCE = 2
CALLS_PER_MINUTE = 20
PARTNER_CALLS_PER_MINUTE = 30
READY_SECONDS = 20.0


@pytest.fixture(scope="module")
def short_stack() -> Iterator[Stack]:
    """A stack with an idle limit of seconds, few calls a minute, and a gateway that takes two at once."""
    settings = (
        f"identity.sessions.idle_timeout_seconds={IDLE_SECONDS}",
        f"identity.sessions.calls_per_minute={CALLS_PER_MINUTE}",
        f"identity.sessions.partner_calls_per_minute={PARTNER_CALLS_PER_MINUTE}",
        f"gateway.maximum_concurrent_rpcs={CALLS_AT_ONCE}",
    )
    with empty_stack(settings=settings) as stack:
        yield stack


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
    assert 0 < refused.json()["retry_after_seconds"] == int(refused.headers["retry-after"]) <= 60
    assert len(await short_caisse.journal(nir)) == CALLS_PER_MINUTE


async def test_answers_and_refusals_say_what_is_left_of_the_limits(
    short_caisse: Caisse, short_portal: Portal, short_agent: Agent
) -> None:
    nir = await short_caisse.publish()
    first = await short_portal.consult(short_agent.token, nir)
    assert first.headers["ratelimit-limit"] == str(CALLS_PER_MINUTE)
    assert first.headers["ratelimit-remaining"] == str(CALLS_PER_MINUTE - 1)
    assert 0 < int(first.headers["ratelimit-reset"]) <= 60
    assert first.headers["ratelimit-policy"].startswith(f"account;q={CALLS_PER_MINUTE};w=60, partner;q=")
    while not (response := await short_portal.consult(short_agent.token, nir)).is_error:
        assert int(response.headers["ratelimit-remaining"]) < CALLS_PER_MINUTE
    assert response.headers["ratelimit-remaining"] == "0"
    assert 0 < int(response.headers["retry-after"]) <= 60


async def test_a_batch_counts_by_its_queries_all_or_none(
    short_caisse: Caisse, short_portal: Portal, short_agent: Agent
) -> None:
    nir = await short_caisse.publish()
    token, most = short_agent.token, CALLS_PER_MINUTE - 2
    assert len((await short_portal.consult_many(token, queries_for([nir] * most))).json()) == most
    refused = await short_portal.consult_many(token, queries_for([nir] * CALLS_PER_MINUTE))
    assert (refused.status_code, reason(refused)) == (httpx.codes.TOO_MANY_REQUESTS, "RATE_LIMITED")
    assert int(refused.headers["retry-after"]) > 0
    # The refused one took nothing.
    assert len((await short_portal.consult_many(token, queries_for([nir] * 2))).json()) == 2
    assert len(await short_caisse.journal(nir)) == CALLS_PER_MINUTE


async def test_the_users_of_a_partner_share_its_limit(short_caisse: Caisse, short_portal: Portal) -> None:
    nir, convention = await short_caisse.publish(), await short_caisse.convention()
    users = [await short_caisse.register_user(convention) for _ in range(2)]
    most = queries_for([nir] * CALLS_PER_MINUTE)
    first = await short_portal.open_session(users[0])
    assert (await short_portal.consult_many(first, most)).status_code == httpx.codes.OK
    second = await short_portal.open_session(users[1])
    refused = await short_portal.consult_many(second, most)
    assert reason(refused) == "RATE_LIMITED"
    assert refused.headers["ratelimit-limit"] == str(PARTNER_CALLS_PER_MINUTE)
    assert len(await short_caisse.journal(nir)) == CALLS_PER_MINUTE


@asynccontextmanager
async def second_gateway(stack: Stack, folder: Path) -> AsyncIterator[Any]:
    """Another replica of the policy service, with the first one's settings; its stub for consultations."""
    config = stack.layout.config / "gateway.toml"
    [address] = re.findall(r'^listen_address = "(unix:[^"]+)"$', config.read_text(), re.MULTILINE)
    other = folder / "gateway.toml"
    other.write_text(config.read_text().replace(address, f"{address}2"))
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "gateway", "--config", str(other))
    try:
        async with grpc.aio.insecure_channel(f"{address}2") as channel:
            await asyncio.wait_for(channel.channel_ready(), READY_SECONDS)
            yield QuotientServiceStub(channel)
    finally:
        process.terminate()
        await process.wait()


def many(queries: Sequence[Mapping[str, str]]) -> quotient_pb.ConsultQuotientsRequest:
    return json_format.ParseDict({"queries": list(queries)}, quotient_pb.ConsultQuotientsRequest())


async def test_all_replicas_of_the_gateway_count_together(
    short_stack: Stack, short_caisse: Caisse, short_portal: Portal, tmp_path: Path
) -> None:
    nir, user = await short_caisse.publish(), await short_caisse.habilitate()
    half, all_of_it = (queries_for([nir] * count) for count in (CALLS_PER_MINUTE // 2, CALLS_PER_MINUTE))
    async with second_gateway(short_stack, tmp_path) as other:
        token = await short_portal.open_session(user)
        assert (await short_portal.consult_many(token, half)).status_code == httpx.codes.OK
        elsewhere = other.ConsultQuotients(many(half), metadata=grpc_bearer(token), timeout=20)
        assert len([row async for row in elsewhere]) == len(half)
        refused = await short_portal.consult_many(token, all_of_it)
        assert reason(refused) == "RATE_LIMITED"
        with pytest.raises(grpc.aio.AioRpcError) as there:
            await other.ConsultQuotients(many(all_of_it), metadata=grpc_bearer(token), timeout=20).read()
        assert reason_of(there.value) is Reason.RATE_LIMITED
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
