"""N1 (art. 6-3, annexe 1): once an opposition is acknowledged, nothing is shown within its scope."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import date

from gateway.admission import Admission
from gateway.clients import IdentityClient, PartnersClient, QuotientClient
from gateway.domain import (
    Caller,
    ClientContext,
    Consultation,
    Coordonnees,
    Disclosure,
    Dossier,
    OppositionScope,
    Outcome,
    Query,
    Right,
)
from gateway.hours import OpeningHours
from gateway.service import Consultations
from gateway.use.reporter import UseReporter
from msa.gateway.v1 import quotient_service_pb2 as public_pb
from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1.disclosure_service_pb2_grpc import DisclosureServiceStub
from services.kit.client import Upstream
from services.kit.clock import SystemClock, paris_date
from services.kit.messages import to_date
from services.kit.redaction import SessionToken
from tests.caisse import AMOUNT_CENTS, BOURGOGNE, ELSEWHERE, Caisse
from tests.e2e.conftest import Agent, Channels
from tests.e2e.qf import oppose_with_qf, qf
from tests.e2e.unheard import Unheard
from tests.portal import Portal, answered
from tests.stack import Stack

# Keeps one session within its rate.
PAUSE_SECONDS = 0.01


async def test_an_opposition_recorded_with_qf_withholds_on_the_very_next_call(
    stack: Stack, caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nir = await caisse.publish()
    before = answered(await portal.consult(agent.token, nir))
    assert before["outcome"] == "OUTCOME_AVAILABLE"
    assert [period["amount_cents"] for period in before["periods"]] == [AMOUNT_CENTS]

    await oppose_with_qf(stack, nir)

    by_json = answered(await portal.consult(agent.token, nir))
    by_grpc = await portal.consult_grpc(agent.token, nir)
    assert by_json["outcome"] == "OUTCOME_OPPOSED"
    assert "dossier" not in by_json
    assert by_json["periods"] == []
    assert by_grpc.outcome == public_pb.OUTCOME_OPPOSED
    assert not by_grpc.HasField("dossier")
    assert not by_grpc.periods


async def test_the_sql_lock_alone_withholds(channels: Channels, caisse: Caisse, agent: Agent) -> None:
    nir = await caisse.publish()
    disclosures = DisclosureServiceStub(channels("quotient", "gateway"))

    async def disclose_as_if_nobody_had_objected() -> disclosure_pb.DiscloseResult:
        item = disclosure_pb.DiscloseItem(
            nir=nir,
            caisse_code=BOURGOGNE,
            month=to_date(paris_date(SystemClock().now()).replace(day=1)),
            purpose=disclosure_pb.PURPOSE_PRICING,
            account_id=agent.user.account_id,
            habilitation_id=agent.user.habilitation_id,
            partner_id=agent.user.partner_id,
            convention_id=agent.user.convention_id,
            opposed=False,
        )
        return (await disclosures.Disclose(disclosure_pb.DiscloseRequest(items=[item]))).results[0]

    assert (await disclose_as_if_nobody_had_objected()).periods[0].amount_cents == AMOUNT_CENTS
    await caisse.oppose(nir)
    withheld = await disclose_as_if_nobody_had_objected()
    assert withheld.outcome == disclosure_pb.DISCLOSURE_OUTCOME_OPPOSED
    assert not withheld.numero_dossier
    assert not withheld.HasField("coordonnees")
    assert not withheld.periods


class CarelessQuotient:
    """Checks oppositions truly, and discloses to everyone: what quotient would be without its lock."""

    def __init__(self, honest: QuotientClient) -> None:
        self._honest = honest

    async def check_oppositions(self, consultation: Consultation) -> Sequence[OppositionScope]:
        return await self._honest.check_oppositions(consultation)

    async def disclose(
        self, consultation: Consultation, caller: Caller, right: Right, *, opposed: bool
    ) -> Disclosure:
        dossier = Dossier("D1", Coordonnees([], "Madame Mirabelle", "", "", "", "", "", ""))
        return Disclosure(Outcome.AVAILABLE, "line-1", dossier)


async def test_the_gateways_lock_alone_withholds(channels: Channels, caisse: Caisse, agent: Agent) -> None:
    nir = await caisse.publish()
    identity, partners, quotient = (
        Upstream(name, channels(name, "gateway"), 5) for name in ("identity", "partners", "quotient")
    )
    clock = SystemClock()
    admission = Admission(
        clock,
        OpeningHours(clock, always_open=True),
        IdentityClient(identity, 5),
        PartnersClient(partners),
        budget_seconds=5,
    )
    careless = CarelessQuotient(QuotientClient(quotient))
    consultations = Consultations(clock, admission, careless, UseReporter(identity))

    async def consult() -> Disclosure:
        token, query = SessionToken(agent.token), Query(nir, "", 1, "", "")
        return await consultations.consult(token, ClientContext(""), Unheard(), query)

    assert (await consult()).dossier is not None
    await caisse.oppose(nir)
    assert await consult() == Disclosure(Outcome.OPPOSED, "line-1")


async def test_an_opposition_to_one_partner_withholds_from_that_partner_only(
    caisse: Caisse, portal: Portal, agent: Agent, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    await caisse.oppose(nir, partner_id=agent.user.partner_id)
    assert answered(await portal.consult(agent.token, nir))["outcome"] == "OUTCOME_OPPOSED"
    assert answered(await portal.consult(own_agent.token, nir))["outcome"] == "OUTCOME_AVAILABLE"


async def test_the_opposition_of_one_allocataire_covers_the_dossier_they_share_annexe_1(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    numero = f"C{secrets.randbelow(10**12)}"
    one, other = [await caisse.publish(numero_dossier=numero) for _ in range(2)]
    assert answered(await portal.consult(agent.token, other))["outcome"] == "OUTCOME_AVAILABLE"
    await caisse.oppose(one)
    assert answered(await portal.consult(agent.token, other))["outcome"] == "OUTCOME_OPPOSED"


async def test_an_opposition_to_another_caisse_is_not_told_here(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nir = await caisse.publish()
    await caisse.oppose(nir, caisse_code=ELSEWHERE)
    assert answered(await portal.consult(agent.token, nir))["outcome"] == "OUTCOME_AVAILABLE"


async def test_that_a_dossier_is_closed_is_not_told_of_a_family_that_objected(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nir = await caisse.publish(closed_from=date(2026, 2, 1))
    assert answered(await portal.consult(agent.token, nir))["outcome"] == "OUTCOME_DOSSIER_CLOSED"
    await caisse.oppose(nir)
    assert answered(await portal.consult(agent.token, nir))["outcome"] == "OUTCOME_OPPOSED"


async def test_that_a_family_objected_is_not_told_for_a_month_that_nobody_may_ask_for(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nir = await caisse.publish()
    await caisse.oppose(nir)
    assert answered(await portal.consult(agent.token, nir, month="1999-12"))["outcome"] == (
        "OUTCOME_OUTSIDE_WINDOW"
    )


async def test_a_withdrawn_opposition_opens_again(
    stack: Stack, caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nir = await caisse.publish()
    await caisse.oppose(nir)
    assert answered(await portal.consult(agent.token, nir))["outcome"] == "OUTCOME_OPPOSED"
    await qf(stack, "opposition", "withdraw", "--caisse", BOURGOGNE, "--yes", "--nir-file", "-", stdin=nir)
    assert answered(await portal.consult(agent.token, nir))["outcome"] == "OUTCOME_AVAILABLE"


async def test_under_load_no_consultation_that_starts_after_the_acknowledgement_shows_anything(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    loop = asyncio.get_running_loop()
    seen: list[tuple[float, str]] = []
    stop = asyncio.Event()

    async def consult_again_and_again() -> None:
        while not stop.is_set():
            started = loop.time()
            answer = await portal.consult_grpc(own_agent.token, nir)
            seen.append((started, public_pb.Outcome.Name(answer.outcome)))
            await asyncio.sleep(PAUSE_SECONDS)

    partners = [asyncio.create_task(consult_again_and_again()) for _ in range(4)]
    await asyncio.sleep(0.3)
    await caisse.oppose(nir)
    acknowledged = loop.time()
    await asyncio.sleep(0.3)
    stop.set()
    await asyncio.gather(*partners)
    assert "OUTCOME_AVAILABLE" in {outcome for started, outcome in seen if started < acknowledged}
    assert {outcome for started, outcome in seen if started >= acknowledged} == {"OUTCOME_OPPOSED"}
