"""Every change is an event with actor, instant, reason, before and after; nothing is overwritten."""

from datetime import date

import pytest

from msa.partners.v1 import access_request_service_pb2 as request_pb
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import history_service_pb2 as pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from services.kit.identifiers import encode_page_token
from services.partners.conventions.facts import Denunciation, Party
from services.partners.history.domain import EventKind, changes
from services.partners.suspensions.domain import SuspensionKind, suspension_order
from tests.clock import FakeClock
from tests.integration.partners.agent import SIGNED, Agent, refused
from tests.integration.partners.register import AGENT, Register


async def test_an_event_tells_who_when_why_before_and_after(register: Register, clock: FakeClock) -> None:
    partner = await register.partner()
    await register.partners.update(
        AGENT,
        partner.partner_id,
        "Commune nouvelle de Vallombreuse",
        partner.profile,
        "fusion de communes",
        "1",
    )
    page = await register.history.list_page(AGENT, "21", partner.partner_id, 10, "")
    changed, registered = page.records
    assert [event.kind for event in page.records] == [
        EventKind.PARTNER_UPDATED,
        EventKind.PARTNER_REGISTERED,
    ]
    assert (changed.reason, changed.event_time, changed.client_name) == (
        "fusion de communes",
        clock.now(),
        "qf.qf.internal",
    )
    assert changed.agent_id is not None
    assert [(one.field, one.before, one.after) for one in changes(changed)] == [
        ("denomination", "Mairie de Vallombreuse", "Commune nouvelle de Vallombreuse"),
        ("version", "1", "2"),
    ]
    assert registered.state_before is None


async def test_every_act_on_a_convention_and_its_users_is_an_event(register: Register) -> None:
    convention = await register.convention()
    habilitation = await register.habilitation(convention)
    order = suspension_order(SuspensionKind.TEMPORARY, "soupçon", None)
    await register.habilitations.suspend(AGENT, habilitation.habilitation_id, order)
    await register.habilitations.lift_suspension(AGENT, habilitation.habilitation_id, "expliqué")
    await register.habilitations.withdraw(AGENT, habilitation.habilitation_id, "départ")
    await register.suspend(convention.partner_id)
    await register.record(convention, Denunciation(Party.PARTNER, date(2026, 11, 23), "RAR 1"))
    told = {
        subject: [event.kind.value for event in reversed(page.records)]
        for subject in (convention.partner_id, convention.convention_id, habilitation.habilitation_id)
        for page in [await register.history.list_page(AGENT, "21", subject, 50, "")]
    }
    assert told == {
        convention.partner_id: ["PARTNER_REGISTERED", "PARTNER_SUSPENDED"],
        convention.convention_id: ["CONVENTION_REGISTERED", "FACT_RECORDED"],
        habilitation.habilitation_id: [
            "HABILITATION_REGISTERED",
            "HABILITATION_SUSPENDED",
            "HABILITATION_SUSPENSION_LIFTED",
            "HABILITATION_WITHDRAWN",
        ],
    }


async def test_a_fact_tells_what_it_moved(register: Register) -> None:
    convention = await register.convention()
    await register.record(convention, Denunciation(Party.PARTNER, date(2026, 11, 23), "RAR 1"))
    page = await register.history.list_page(AGENT, "21", convention.convention_id, 1, "")
    moved = {one.field: (one.before, one.after) for one in changes(page.records[0])}
    assert moved["end_date"] == ("", "2027-03-10")
    assert moved["fact_kind"] == ("", "DENUNCIATION")
    assert moved["fact.letter_reference"] == ("", "RAR 1")


async def test_every_registering_act_may_say_why_art_4_1(agent: Agent) -> None:
    partner = await agent.partner()
    convention = (
        await agent.conventions.RegisterConvention(
            convention_pb.RegisterConventionRequest(
                partner_id=partner.partner_id,
                caisse_code="21",
                signature_date=SIGNED,
                reason="signée au siège",
            )
        )
    ).convention
    convention_id = convention.convention_id
    await agent.conventions.RecordCnilDeclaration(
        convention_pb.RecordCnilDeclarationRequest(
            convention_id=convention_id, cnil_declaration_date=SIGNED, reason="récépissé reçu"
        )
    )
    received = await agent.requests.ReceiveAccessRequest(
        request_pb.ReceiveAccessRequestRequest(
            convention_id=convention_id,
            kind=request_pb.ACCESS_REQUEST_KIND_CREATION,
            reason="reçue au guichet",
        )
    )
    request_id = received.access_request.access_request_id
    await agent.requests.CompleteAccessRequest(
        request_pb.CompleteAccessRequestRequest(access_request_id=request_id, reason="rappel téléphonique")
    )
    habilitation = await agent.habilitation(convention, reason="remplacement")
    whys = []
    for subject_id in (convention_id, request_id, habilitation.habilitation_id):
        told = await agent.history.ListEvents(pb.ListEventsRequest(caisse_code="21", subject_id=subject_id))
        whys += [event.reason for event in reversed(told.events)]
    assert whys == [
        "signée au siège",
        "récépissé reçu",
        "reçue au guichet",
        "rappel téléphonique",
        "remplacement",
    ]


async def test_the_history_is_read_page_by_page(agent: Agent) -> None:
    partner = await agent.partner()
    for name in ("Vallombreuse I", "Vallombreuse II", "Vallombreuse III"):
        shown = await agent.partners.GetPartner(partner_pb.GetPartnerRequest(partner_id=partner.partner_id))
        await agent.partners.UpdatePartner(
            partner_pb.UpdatePartnerRequest(
                partner_id=partner.partner_id,
                denomination=name,
                profile=shown.partner.profile,
                etag=shown.partner.etag,
            )
        )
    request = pb.ListEventsRequest(caisse_code="21", subject_id=partner.partner_id, page_size=3)
    first = await agent.history.ListEvents(request)
    request.page_token = first.next_page_token
    second = await agent.history.ListEvents(request)
    names = [
        change.after
        for event in (*first.events, *second.events)
        for change in event.changes
        if change.field == "denomination"
    ]
    assert names == ["Vallombreuse III", "Vallombreuse II", "Vallombreuse I", "Mairie de Vallombreuse"]
    assert second.next_page_token == ""
    assert first.events[0].trace_id


@pytest.mark.parametrize("place", ["0x1", "-1", "٣", str(2**63), "9" * 5000])
async def test_a_page_of_the_history_that_we_never_gave_is_refused(agent: Agent, place: str) -> None:
    await agent.ensure_agent("21")
    async with refused() as refusal:
        await agent.history.ListEvents(
            pb.ListEventsRequest(caisse_code="21", page_token=encode_page_token(place))
        )
    assert refusal.rules == [("page_token", "PAGE_TOKEN")]


@pytest.mark.parametrize("subject_id", ["", "01900000-0000-7000-8000-000000000000"])
async def test_another_caisses_history_is_not_shown(agent: Agent, subject_id: str) -> None:
    partner = await agent.partner("21")
    request = pb.ListEventsRequest(caisse_code="33", subject_id=subject_id or partner.partner_id)
    assert not (await agent.history.ListEvents(request)).events
