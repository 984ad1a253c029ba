"""One call is one trace, from the edge to the stores, as it arrives over OTLP."""

import asyncio
import secrets
import textwrap

import httpx

from msa.gateway.v1 import quotient_service_pb2 as quotient_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from tests.caisse import Caisse
from tests.e2e.conftest import Agent
from tests.e2e.qf import oppose_with_qf
from tests.portal import NEW_PASSWORD, Portal, answered, grpc_bearer
from tests.span_tree import JsonTrace, indented, wait_for_trace
from tests.stack import Stack

SIGN_IN = """
    edge: POST /v1/sessions
      gateway: msa.gateway.v1.SessionService/SignIn
        gateway: msa.identity.v1.SessionService/SignIn
          identity: msa.identity.v1.SessionService/SignIn
            identity: postgresql find_account
            identity: redis begin_attempt
            identity: argon2 verify
            identity: postgresql sign_in
            identity: redis add_session
            identity: redis remove_sessions
            identity: redis succeed_attempt
"""
CONSULTATION = """
    edge: POST /v1/quotients:consult
      gateway: msa.gateway.v1.QuotientService/ConsultQuotient
        gateway: msa.identity.v1.SessionService/Authenticate
          identity: msa.identity.v1.SessionService/Authenticate
            identity: redis use_sessions
            identity: postgresql compare_generations
        gateway: msa.partners.v1.HabilitationService/Authorize
          partners: msa.partners.v1.HabilitationService/Authorize
            partners: postgresql authorize
        gateway: msa.quotient.v1.OppositionService/CheckOppositions
          quotient: msa.quotient.v1.OppositionService/CheckOppositions
            quotient: postgresql check_oppositions
        gateway: msa.quotient.v1.DisclosureService/Disclose
          quotient: msa.quotient.v1.DisclosureService/Disclose
            quotient: postgresql disclose
"""

OPPOSITION = """
    qf: qf opposition record
      quotient: msa.quotient.v1.OppositionService/RecordOpposition
        quotient: postgresql record_opposition
"""
SUSPENSION = """
    partners: msa.partners.v1.PartnerService/SuspendPartner
      partners: postgresql find_partner
      partners: postgresql suspend
      partners: postgresql claim_propagations
      partners: msa.identity.v1.AccountService/RevokeSessions
        identity: msa.identity.v1.AccountService/RevokeSessions
          identity: postgresql revoke_sessions
      partners: postgresql set_propagation_done
      partners: postgresql find_partner
"""


def lines(tree: str) -> int:
    return len(tree.strip().splitlines())


async def trace_of(stack: Stack, trace_id: str, tree: str) -> JsonTrace:
    return await wait_for_trace(stack.demo["traces_url"], trace_id, spans=lines(tree))


async def test_a_sign_in_is_one_trace(stack: Stack, portal: Portal, own_agent: Agent) -> None:
    response = await portal.sign_in(own_agent.user.login, NEW_PASSWORD)
    trace = await trace_of(stack, response.headers["x-trace-id"], SIGN_IN)
    assert indented(trace) == textwrap.dedent(SIGN_IN).strip()


async def test_a_consultation_is_one_trace(
    stack: Stack, caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nir = await caisse.publish()
    response = await portal.consult(agent.token, nir)
    trace_id = response.headers["x-trace-id"]
    trace = await trace_of(stack, trace_id, CONSULTATION)
    assert indented(trace) == textwrap.dedent(CONSULTATION).strip()
    [line] = await caisse.journal(nir)
    assert line.trace_id == trace_id


async def test_by_grpc_the_tree_is_the_same_below_the_edge(
    stack: Stack, caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nir = await caisse.publish()
    request = quotient_pb.ConsultQuotientRequest(nir=nir, purpose=quotient_pb.PURPOSE_PRICING)
    call = portal.quotients.ConsultQuotient(request, metadata=grpc_bearer(agent.token))
    await call
    trace_id = dict(await call.initial_metadata())["x-trace-id"]
    trace = await trace_of(stack, str(trace_id), CONSULTATION)
    assert indented(trace).splitlines()[1:] == textwrap.dedent(CONSULTATION).strip().splitlines()[1:]


async def test_a_command_of_qf_is_one_trace(stack: Stack, caisse: Caisse) -> None:
    nir = await caisse.publish()
    await oppose_with_qf(stack, nir)
    async with httpx.AsyncClient(base_url=stack.demo["traces_url"]) as desk:
        query: dict[str, str | int] = {"name": "qf opposition record", "limit": 1}
        [newest] = (await desk.get("/api/traces", params=query)).json()["traces"]
    trace = await trace_of(stack, newest["trace_id"], OPPOSITION)
    assert indented(trace) == textwrap.dedent(OPPOSITION).strip()


async def test_consultations_that_share_a_batch_are_each_one_whole_trace(
    stack: Stack, caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    responses = await asyncio.gather(*(portal.consult(own_agent.token, nir) for _ in range(12)))
    batch_sizes = set()
    for response in responses:
        answered(response)
        trace = await trace_of(stack, response.headers["x-trace-id"], CONSULTATION)
        assert indented(trace) == textwrap.dedent(CONSULTATION).strip()
        batch_sizes |= {span["attributes"].get("qf.batch.size", 1) for span in trace["spans"]}
    assert max(batch_sizes) > 1


async def test_a_suspension_and_what_identity_is_told_of_it_are_one_trace(
    stack: Stack, caisse: Caisse, own_agent: Agent
) -> None:
    """N3, art. 7-2: the act is one transaction; the sessions end behind it."""
    trace_id = secrets.token_hex(16)
    await caisse.partners.SuspendPartner(
        partner_pb.SuspendPartnerRequest(
            partner_id=own_agent.user.partner_id, suspension_reason="suspicion d'abus"
        ),
        metadata=(("traceparent", f"00-{trace_id}-{secrets.token_hex(8)}-01"),),
    )
    trace = await trace_of(stack, trace_id, SUSPENSION)
    assert indented(trace) == textwrap.dedent(SUSPENSION).strip()
