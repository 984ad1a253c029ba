"""What was unusual about an account's use leads back to the call, in the edge's own log (art. 7-2)."""

import asyncio
import json

from msa.identity.v1 import use_service_pb2 as use_pb
from tests.caisse import BOURGOGNE, Caisse
from tests.e2e.conftest import Agent
from tests.people import new_nir
from tests.portal import CONSULT_MANY, Portal, queries_for
from tests.stack import Stack

# A score of 100: beyond what any threshold takes for usual.
UNKNOWN = 150
SECONDS = 20


async def first_unusual_use(caisse: Caisse, account_id: str) -> use_pb.UnusualUse:
    """The first of the account, once its gateway has reported; it does so once a second."""
    request = use_pb.ListUnusualUsesRequest(caisse_code=BOURGOGNE, account_id=account_id)
    async with asyncio.timeout(SECONDS):
        while not (listed := (await caisse.use.ListUnusualUses(request)).unusual_uses):  # noqa: ASYNC110 - a report sets no Event
            await asyncio.sleep(0.1)
    return listed[-1]


async def access_log_line(stack: Stack, trace_id: str) -> dict[str, str]:
    """What the edge's log says of the call of that trace, once it is written."""
    log = stack.layout.log("edge")
    async with asyncio.timeout(SECONDS):
        while not (lines := [line for line in log.read_text().splitlines() if trace_id in line]):  # noqa: ASYNC110 - a file sets no Event
            await asyncio.sleep(0.1)
    (line,) = map(json.loads, lines)
    return {name: line[name] for name in ("trace_id", "request_id", "route")}


async def test_what_is_unusual_leads_to_the_call_in_the_edge_s_log(
    stack: Stack, caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    response = await portal.consult_many(own_agent.token, queries_for([new_nir() for _ in range(UNKNOWN)]))
    unusual = await first_unusual_use(caisse, own_agent.user.account_id)
    assert unusual.trace_id == response.headers["x-trace-id"]
    assert await access_log_line(stack, unusual.trace_id) == {
        "trace_id": unusual.trace_id,
        "request_id": response.headers["x-request-id"],
        "route": f"POST {CONSULT_MANY}",
    }
