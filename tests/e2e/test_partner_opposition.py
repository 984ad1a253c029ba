"""Annexe 1: a person objects at a partner's counter; from the acknowledgement on that partner sees nothing (N1)."""

import asyncio
from datetime import timedelta

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2

from msa.gateway.v1 import opposition_service_pb2 as public_pb
from msa.quotient.v1 import opposition_service_pb2 as opposition_pb
from services.kit.clock import SystemClock, paris_date
from services.kit.errors import Reason
from services.kit.messages import to_date
from services.kit.status import reason_of, status_of
from tests.caisse import BOURGOGNE, Caisse
from tests.e2e.conftest import Agent
from tests.people import new_nir
from tests.portal import Portal, answered, bearer, grpc_bearer, queries_for, reason, violations

PATH = "/v1/oppositions"


async def recorded(caisse: Caisse, nir: str) -> list[opposition_pb.Opposition]:
    """A person's oppositions as the caisse sees them."""
    request = opposition_pb.ListOppositionsRequest(nir=nir, caisse_code=BOURGOGNE)
    return list((await caisse.oppositions.ListOppositions(request)).oppositions)


async def outcome(portal: Portal, agent: Agent, nir: str) -> str:
    return str(answered(await portal.consult(agent.token, nir))["outcome"])


async def test_it_withholds_from_that_partner_only_and_from_the_next_call_on_n1(
    caisse: Caisse, portal: Portal, agent: Agent, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    assert await outcome(portal, own_agent, nir) == "OUTCOME_AVAILABLE"
    answered(await portal.post(PATH, own_agent.token, nir=nir))
    assert await outcome(portal, own_agent, nir) == "OUTCOME_OPPOSED"
    [row] = (await portal.consult_many(own_agent.token, queries_for([nir]))).json()
    assert row["consultation"]["outcome"] == "OUTCOME_OPPOSED"
    assert await outcome(portal, agent, nir) == "OUTCOME_AVAILABLE"


async def test_under_load_nothing_is_shown_that_was_asked_for_after_the_acknowledgement_n1(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    loop = asyncio.get_running_loop()
    seen: list[tuple[float, str]] = []
    stop = asyncio.Event()

    async def consult_again_and_again() -> None:
        while not stop.is_set():
            started = loop.time()
            seen.append((started, await outcome(portal, own_agent, nir)))
            await asyncio.sleep(0.01)

    partners = [asyncio.create_task(consult_again_and_again()) for _ in range(3)]
    await asyncio.sleep(0.3)
    answered(await portal.post(PATH, own_agent.token, nir=nir))
    acknowledged = loop.time()
    await asyncio.sleep(0.3)
    stop.set()
    await asyncio.gather(*partners)
    assert "OUTCOME_AVAILABLE" in {met for started, met in seen if started < acknowledged}
    assert {met for started, met in seen if started >= acknowledged} == {"OUTCOME_OPPOSED"}


async def test_the_caisse_sees_to_whom_it_was_expressed_how_and_when(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nir, yesterday = await caisse.publish(), paris_date(SystemClock().now()) - timedelta(days=1)
    request = public_pb.RecordOppositionRequest(
        nir=nir,
        received_on=yesterday.isoformat(),
        requester=public_pb.OPPOSITION_REQUESTER_REPRESENTATIVE,
        channel=public_pb.OPPOSITION_CHANNEL_LETTER,
        reference="CCAS/118",
    )
    told = await portal.oppositions.RecordOpposition(request, metadata=grpc_bearer(agent.token))
    [shown] = await recorded(caisse, nir)
    assert shown.opposition_id == told.opposition_id
    assert shown.record_time == told.record_time
    assert shown.scope == opposition_pb.OppositionScope(
        caisse_code=BOURGOGNE, partner_id=agent.user.partner_id
    )
    assert shown.declarant == opposition_pb.OPPOSITION_DECLARANT_PARTNER
    assert (shown.requester, shown.channel) == (
        opposition_pb.OPPOSITION_REQUESTER_REPRESENTATIVE,
        opposition_pb.OPPOSITION_CHANNEL_LETTER,
    )
    assert (shown.received_on, shown.reference) == (to_date(yesterday), "CCAS/118")


async def test_what_is_left_out_is_the_person_at_the_counter_today(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nir = await caisse.publish()
    answered(await portal.post(PATH, agent.token, nir=nir))
    [shown] = await recorded(caisse, nir)
    assert shown.channel == opposition_pb.OPPOSITION_CHANNEL_COUNTER
    assert shown.requester == opposition_pb.OPPOSITION_REQUESTER_PERSON
    assert shown.received_on == to_date(paris_date(SystemClock().now()))


async def test_recording_one_that_stands_changes_nothing(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nir = await caisse.publish()
    first = answered(await portal.post(PATH, agent.token, nir=nir, reference="A"))
    again = answered(await portal.post(PATH, agent.token, nir=nir, reference="B"))
    assert again == first
    assert [each.reference for each in await recorded(caisse, nir)] == ["A"]


async def test_the_answer_does_not_say_whether_the_caisse_knows_the_person_n6(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    known = await portal.post(PATH, agent.token, nir=await caisse.publish())
    unknown = await portal.post(PATH, agent.token, nir=new_nir())
    elsewhere = await portal.post(PATH, agent.token, nir=await caisse.publish(caisse_code="12"))
    assert {response.status_code for response in (known, unknown, elsewhere)} == {httpx.codes.OK}
    assert set(known.json()) == set(unknown.json()) == set(elsewhere.json())
    assert set(known.headers) == set(unknown.headers) == set(elsewhere.headers)


async def test_it_holds_for_a_person_whom_the_caisse_learns_of_later(
    caisse: Caisse, portal: Portal, agent: Agent
) -> None:
    nir = new_nir()
    answered(await portal.post(PATH, agent.token, nir=nir))
    await caisse.publish(nir)
    assert await outcome(portal, agent, nir) == "OUTCOME_OPPOSED"


@pytest.mark.parametrize(
    ("fields", "broken"),
    [
        ({"nir": "1"}, ("nir", "NIR_LENGTH")),
        ({"received_on": "24/11/2026"}, ("received_on", "DATE")),
        ({"received_on": "2026-02-30"}, ("received_on", "DATE_NOT_REAL")),
        ({"received_on": "2199-01-01"}, ("received_on", "DATE_IN_FUTURE")),
        ({"reference": "a;b"}, ("reference", "CASE_REFERENCE")),
    ],
)
async def test_what_breaks_a_rule_is_told_by_field_and_records_nothing(
    caisse: Caisse, portal: Portal, agent: Agent, fields: dict[str, object], broken: tuple[str, str]
) -> None:
    nir = await caisse.publish()
    refused = await portal.post(PATH, agent.token, **{"nir": nir, **fields})
    assert (refused.status_code, reason(refused)) == (httpx.codes.BAD_REQUEST, "INVALID_FIELD")
    assert violations(refused) == [broken]
    assert await recorded(caisse, nir) == []


@pytest.mark.parametrize(("field", "rule"), [("requester", "REQUESTER"), ("channel", "CHANNEL")])
async def test_a_value_that_the_interface_does_not_know_is_told_by_field_too(
    caisse: Caisse, portal: Portal, agent: Agent, field: str, rule: str
) -> None:
    nir = await caisse.publish()
    request = public_pb.RecordOppositionRequest(nir=nir)
    setattr(request, field, 9)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await portal.oppositions.RecordOpposition(request, metadata=grpc_bearer(agent.token))
    assert reason_of(refused.value) is Reason.INVALID_FIELD
    [told] = broken_rules(refused.value)
    assert told == (field, rule)
    assert await recorded(caisse, nir) == []


def broken_rules(error: grpc.aio.AioRpcError) -> list[tuple[str, str]]:
    """Field and rule of each violation in an error."""
    bad_request = error_details_pb2.BadRequest()
    [detail] = [each for each in status_of(error).details if each.Is(bad_request.DESCRIPTOR)]
    detail.Unpack(bad_request)
    return [(each.field, each.reason) for each in bad_request.field_violations]


async def test_without_a_session_nothing_is_recorded_and_no_rule_is_told(
    caisse: Caisse, portal: Portal
) -> None:
    nir = await caisse.publish()
    assert reason(await portal.post(PATH, "nobody", nir="1")) == "SESSION_NOT_VALID"
    assert reason(await portal.json.post(PATH, json={"nir": nir})) == "SESSION_REQUIRED"
    assert await recorded(caisse, nir) == []


async def test_who_may_no_longer_consult_may_not_declare_either_n3(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    answered(await portal.json.delete("/v1/session", headers=bearer(own_agent.token)))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await portal.oppositions.RecordOpposition(
            public_pb.RecordOppositionRequest(nir=nir), metadata=grpc_bearer(own_agent.token)
        )
    assert reason_of(refused.value) is Reason.SESSION_NOT_VALID
    assert await recorded(caisse, nir) == []
