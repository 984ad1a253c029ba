"""N2 (art. 7-2, RGPD art. 15): no amount leaves before its journal line is committed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.local.postgres import connect
from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from tests.caisse import ELSEWHERE, Caisse
from tests.e2e.conftest import Agent
from tests.people import new_nir
from tests.portal import Portal, answered, reason
from tests.stack import Stack


async def test_every_outcome_has_its_line_when_its_answer_arrives(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    available, opposed, no_quotient = (
        await caisse.publish(),
        await caisse.publish(),
        await caisse.publish(amount_cents=None),
    )
    await caisse.oppose(opposed)
    for nir, outcome in (
        (available, "AVAILABLE"),
        (opposed, "OPPOSED"),
        (no_quotient, "NO_QUOTIENT"),
        (new_nir(), "NOT_FOUND"),
    ):
        answer = answered(await portal.consult(agent.token, nir, case_reference="CLSH/118"))
        [line] = await caisse.journal(nir)
        assert answer["outcome"] == f"OUTCOME_{outcome}"
        assert line.consultation_id == answer["consultation_id"]
        assert disclosure_pb.DisclosureOutcome.Name(line.outcome) == f"DISCLOSURE_OUTCOME_{outcome}"
        assert line.account_id == agent.user.account_id
        assert line.partner_id == agent.user.partner_id
        assert line.case_reference == "CLSH/118"
        assert line.purpose == disclosure_pb.PURPOSE_PRICING


async def test_a_refused_consultation_leaves_no_line(caisse: Caisse, portal: Portal) -> None:
    nir = await caisse.publish()
    assert reason(await portal.consult("no-such-token", nir)) == "SESSION_NOT_VALID"
    assert await caisse.journal(nir) == []


async def test_a_line_is_in_the_journal_of_its_caisse_only(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nir = await caisse.publish()
    answered(await portal.consult(agent.token, nir))
    assert await caisse.journal(nir, ELSEWHERE) == []


@asynccontextmanager
async def _journal_away(stack: Stack) -> AsyncIterator[None]:
    async with await connect(stack.layout, stack.ports.postgres_port, "quotient") as database:
        await database.execute("REVOKE INSERT ON disclosures FROM quotient_service")
        try:
            yield
        finally:
            await database.execute("GRANT INSERT ON disclosures TO quotient_service")


async def test_without_the_journal_there_is_no_answer(
    stack: Stack, caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nir = await caisse.publish()
    async with _journal_away(stack):
        refused = await portal.consult(agent.token, nir)
        assert reason(refused) == "DEPENDENCY_UNAVAILABLE"
        assert "amount_cents" not in refused.text
    assert await caisse.journal(nir) == []
    answered(await portal.consult(agent.token, nir))
    assert len(await caisse.journal(nir)) == 1
