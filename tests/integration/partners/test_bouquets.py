"""The bouquet of who is answerable for a partner's users, and the names he sees, before the running server."""

import grpc
import pytest

from msa.partners.v1 import access_request_service_pb2 as request_pb
from msa.partners.v1 import habilitation_service_pb2 as pb
from services.kit.identifiers import new_uuid7
from tests.caisse import PROFILE
from tests.clock import FakeClock
from tests.integration.partners.agent import Agent, refused

ANSWERABLE = pb.BOUQUET_QUOTIENT_FAMILIAL_RESPONSABLE
CONSULTATION, REVIEW = pb.ONLINE_SERVICE_QUOTIENT_CONSULTATION, pb.ONLINE_SERVICE_CONSULTATION_REVIEW


async def test_who_is_answerable_consults_and_reviews_and_a_user_consults(agent: Agent) -> None:
    """Art. 4-2."""
    convention = await agent.convention()
    answerable = await agent.habilitation(convention, bouquet=ANSWERABLE)
    user = await agent.habilitation(convention)
    assert answerable.bouquet == ANSWERABLE
    for service in (CONSULTATION, REVIEW):
        assert await agent.may(answerable.habilitation_id, service)
    assert await agent.may(user.habilitation_id, CONSULTATION)
    assert not await agent.may(user.habilitation_id, REVIEW)


async def test_what_an_older_gateway_asks_of_the_bouquet_still_means_the_consultation(agent: Agent) -> None:
    answerable = await agent.habilitation(bouquet=ANSWERABLE)
    (asked,) = await agent.authorize(answerable.habilitation_id)
    assert asked.decision == pb.AUTHORIZATION_DECISION_GRANTED


async def test_a_form_asks_for_the_bouquet_and_its_acceptance_opens_it(agent: Agent) -> None:
    """Art. 4-2, annexe 2."""
    convention = await agent.convention()
    form = request_pb.AccessRequestForm(
        partner_denomination="Mairie de Vallombreuse",
        partner_representative=PROFILE.representative,
        partner_representative_function=PROFILE.representative_function,
        user=pb.User(nom="Pâquerette", prenom="Zoé", email="zoe.responsable@vallombreuse.example"),
        signatory_name=PROFILE.representative,
        signature_place="Vallombreuse",
        signed=True,
        scan_reference="GED-7",
        scan_sha256="5f" * 32,
    )
    form.signature_date.year, form.signature_date.month, form.signature_date.day = 2026, 3, 2
    received = await agent.requests.ReceiveAccessRequest(
        request_pb.ReceiveAccessRequestRequest(
            convention_id=convention.convention_id,
            kind=request_pb.ACCESS_REQUEST_KIND_CREATION,
            form=form,
            bouquet=ANSWERABLE,
        )
    )
    assert received.access_request.bouquet == ANSWERABLE
    accepted = await agent.requests.AcceptAccessRequest(
        request_pb.AcceptAccessRequestRequest(access_request_id=received.access_request.access_request_id)
    )
    assert await agent.may(accepted.access_request.granted_habilitation_id, REVIEW)


class TestNames:
    async def test_a_partners_users_are_named_the_withdrawn_too(self, agent: Agent) -> None:
        """Their consultations of before are still there."""
        convention = await agent.convention()
        live, gone = await agent.habilitation(convention), await agent.habilitation(convention)
        await agent.habilitations.WithdrawHabilitation(
            pb.WithdrawHabilitationRequest(habilitation_id=gone.habilitation_id, withdrawal_reason="départ")
        )
        named = await agent.names(convention.partner_id, live.habilitation_id, gone.habilitation_id)
        assert {each.habilitation_id: each.user for each in named} == {
            live.habilitation_id: live.user,
            gone.habilitation_id: gone.user,
        }

    async def test_no_user_of_another_partner_is_ever_named(self, agent: Agent, clock: FakeClock) -> None:
        own, other = await agent.habilitation(), await agent.habilitation()
        unknown = str(new_uuid7(clock.now()))
        asked = (own.habilitation_id, other.habilitation_id, unknown)
        for partner_id, expected in ((own.partner_id, own), (other.partner_id, other)):
            named = await agent.names(partner_id, *asked)
            assert [each.habilitation_id for each in named] == [expected.habilitation_id]
        assert await agent.names(unknown, *asked) == []

    async def test_five_hundred_are_named_at_once_and_no_more(self, agent: Agent) -> None:
        user = await agent.habilitation()
        assert len(await agent.names(user.partner_id, *[user.habilitation_id] * 500)) == 1
        async with refused() as too_many:
            await agent.names(user.partner_id, *[user.habilitation_id] * 501)
        assert too_many.rules == [("habilitation_ids", "BATCH_SIZE")]
        assert await agent.names(user.partner_id) == []

    @pytest.mark.parametrize(("partner_id", "field"), [("x", "partner_id"), ("", "partner_id")])
    async def test_what_is_no_identifier_is_refused(self, agent: Agent, partner_id: str, field: str) -> None:
        async with refused() as malformed:
            await agent.names(partner_id)
        assert (malformed.code, malformed.rules) == (grpc.StatusCode.INVALID_ARGUMENT, [(field, "UUID")])
