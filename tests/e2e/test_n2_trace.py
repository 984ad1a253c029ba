"""N2 (art. 7-2, RGPD art. 15): no amount leaves before its journal line is committed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

from deploy.local.postgres import connect
from msa.gateway.v1 import quotient_service_pb2 as public_pb
from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from tests.caisse import ELSEWHERE, Caisse
from tests.e2e.conftest import Agent
from tests.people import new_nir
from tests.portal import Portal, answered, queries_for, reason
from tests.stack import Stack

# What shows a dossier.
SHOWN = {"AVAILABLE", "NO_QUOTIENT"}

PRESENT = ""
LONG_AGO = "1999-12"


async def consulted(caisse: Caisse) -> list[tuple[str, str, str]]:
    """A person for each outcome, the month to ask for, and the outcome."""
    opposed = await caisse.publish()
    await caisse.oppose(opposed)
    return [
        (await caisse.publish(), PRESENT, "AVAILABLE"),
        (opposed, PRESENT, "OPPOSED"),
        (await caisse.publish(amount_cents=None), PRESENT, "NO_QUOTIENT"),
        (await caisse.publish(closed_from=date(2026, 2, 1)), PRESENT, "DOSSIER_CLOSED"),
        (await caisse.publish(), LONG_AGO, "OUTSIDE_WINDOW"),
        (await caisse.publish(caisse_code=ELSEWHERE), PRESENT, "NOT_FOUND"),
        (new_nir(), PRESENT, "NOT_FOUND"),
    ]


async def test_every_outcome_has_its_line_when_its_answer_arrives(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    met = await consulted(caisse)
    for nir, month, outcome in met:
        by_json = answered(await portal.consult(agent.token, nir, month=month, case_reference="CLSH/118"))
        [line] = await caisse.journal(nir)
        by_grpc = await portal.consult_grpc(agent.token, nir, month, case_reference="CLSH/118")
        [second, first] = await caisse.journal(nir)
        assert by_json["outcome"] == public_pb.Outcome.Name(by_grpc.outcome) == f"OUTCOME_{outcome}"
        assert line == first
        assert line.consultation_id == by_json["consultation_id"]
        assert second.consultation_id == by_grpc.consultation_id
        assert line.outcome == second.outcome
        assert disclosure_pb.DisclosureOutcome.Name(line.outcome) == f"DISCLOSURE_OUTCOME_{outcome}"
        assert line.account_id == agent.user.account_id
        assert line.partner_id == agent.user.partner_id
        assert line.case_reference == "CLSH/118"
        assert line.purpose == disclosure_pb.PURPOSE_PRICING
        assert [shown.amount_cents for shown in line.shown_periods] == [
            shown["amount_cents"] for shown in by_json["periods"]
        ]
        assert ("dossier" in by_json) is by_grpc.HasField("dossier") is (outcome in SHOWN)
    assert {f"OUTCOME_{outcome}" for _, _, outcome in met} == {
        name for name, number in public_pb.Outcome.items() if number
    }


async def test_another_purpose_is_said_in_words_and_stands_in_the_journal_art_1(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nir = await caisse.publish()
    unsaid = await portal.consult(agent.token, nir, purpose="PURPOSE_OTHER")
    assert reason(unsaid) == "INVALID_FIELD"
    assert "purpose_text" in unsaid.text
    telling = await portal.consult(agent.token, nir, purpose="PURPOSE_OTHER", purpose_text=f"Famille {nir}")
    assert reason(telling) == "INVALID_FIELD"
    assert nir not in telling.text
    assert await caisse.journal(nir) == []
    answered(
        await portal.consult(agent.token, nir, purpose="PURPOSE_OTHER", purpose_text="Séjour à la neige")
    )
    [line] = await caisse.journal(nir)
    assert (line.purpose, line.purpose_text) == (disclosure_pb.PURPOSE_OTHER, "Séjour à la neige")


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
        many = await portal.consult_many(agent.token, queries_for([nir] * 3))
        assert [row["error"]["reason"] for row in many.json()] == ["DEPENDENCY_UNAVAILABLE"] * 3
        assert "amount_cents" not in many.text
    assert await caisse.journal(nir) == []
    answered(await portal.consult(agent.token, nir))
    assert len(await caisse.journal(nir)) == 1
