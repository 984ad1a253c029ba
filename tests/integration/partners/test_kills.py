"""The register is killed while agents act: what was acknowledged is kept, whole, and identity is told of all of it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import grpc

from msa.partners.v1 import partner_service_pb2 as pb
from services.kit.database import Database
from tests.integration.partners.agent import Agent
from tests.stack import Stack

KILLS = 3
AGENTS = 4
# A server that was killed while it told something holds it for thirty seconds.
LOOKS, LOOK_SECONDS = 90, 0.5


@dataclass
class Count:
    count: int


async def test_no_acknowledged_act_is_lost_and_none_is_half_done(
    stack: Stack, agent: Agent, database: Database
) -> None:
    """N3, art. 7-2: each suspension has its event and its telling, or there is none of the three."""
    over = asyncio.Event()
    acknowledged: set[str] = set()

    async def act() -> None:
        while not over.is_set():
            with suppress(grpc.aio.AioRpcError):
                partner = await agent.partner()
                request = pb.SuspendPartnerRequest(partner_id=partner.partner_id, suspension_reason="soupçon")
                await agent.partners.SuspendPartner(request, timeout=5)
                acknowledged.add(partner.partner_id)
            await asyncio.sleep(0.01)

    acting = [asyncio.create_task(act()) for _ in range(AGENTS)]
    for _ in range(KILLS):
        await asyncio.sleep(0.7)
        await asyncio.to_thread(stack.kill, "partners")
        await stack.wait_until_ready("partners")
    over.set()
    await asyncio.gather(*acting)
    assert len(acknowledged) > KILLS
    assert await _count(database, _SUSPENDED, list(acknowledged)) == len(acknowledged)
    assert await _count(database, _HALF_DONE, None) == 0
    for _ in range(LOOKS):
        untold = await _count(database, _UNTOLD, list(acknowledged))
        if untold == 0:
            break
        await asyncio.sleep(LOOK_SECONDS)
    assert untold == 0


_SUSPENDED = """
    SELECT count(*) AS count FROM suspensions
    WHERE partner_id = ANY(%(partners)s::uuid[]) AND lift_time IS NULL
"""
_HALF_DONE = """
    SELECT count(*) AS count FROM suspensions
    WHERE suspend_time > now() - interval '1 hour' AND (
        NOT EXISTS (SELECT FROM events WHERE subject_id = partner_id AND kind = 'PARTNER_SUSPENDED')
        OR NOT EXISTS (SELECT FROM propagations WHERE subject_id = partner_id AND kind = 'END_PARTNER_SESSIONS')
    )
"""
_UNTOLD = """
    SELECT count(*) AS count FROM propagations
    WHERE subject_id = ANY(%(partners)s::uuid[]) AND done_time IS NULL
"""


async def _count(database: Database, statement: str, partners: list[str] | None) -> int:
    found = await database.fetch_one("count", Count, statement, {"partners": partners})
    assert found is not None
    return found.count
