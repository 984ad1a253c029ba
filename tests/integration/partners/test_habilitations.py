"""Habilitations (art. 4) before the running server."""

import asyncio
from typing import Any

import grpc
import pytest

from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as pb
from tests.caisse import SIGNED_FORM
from tests.integration.partners.agent import QUOTIENT_FAMILIAL, SIGNED, Agent, refused

UNKNOWN = "01900000-0000-7000-8000-000000000000"
NOT_VALID = pb.AuthorizeResult(decision=pb.AUTHORIZATION_DECISION_HABILITATION_NOT_VALID)


async def test_a_habilitation_is_shown_with_its_user_and_its_caisse(agent: Agent) -> None:
    convention = await agent.convention()
    habilitation = await agent.habilitation(convention)
    shown = await agent.habilitations.GetHabilitation(
        pb.GetHabilitationRequest(habilitation_id=habilitation.habilitation_id)
    )
    assert shown.habilitation == habilitation
    assert (habilitation.convention_id, habilitation.partner_id, habilitation.caisse_code) == (
        convention.convention_id,
        convention.partner_id,
        convention.caisse_code,
    )
    assert (habilitation.user.nom, habilitation.user.prenom) == ("Pâquerette", "Zoé")
    assert habilitation.bouquet == QUOTIENT_FAMILIAL
    assert not habilitation.HasField("withdraw_time")


async def test_a_person_has_one_live_habilitation_under_a_convention(agent: Agent) -> None:
    convention = await agent.convention()
    first = await agent.habilitation(convention)
    async with refused() as refusal:
        await agent.habilitation(convention, first.user.email.upper())
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "RECORD_ALREADY_EXISTS")
    assert "vallombreuse" not in refusal.text.lower()
    await _withdraw(agent, first.habilitation_id)
    again = await agent.habilitation(convention, first.user.email)
    assert await agent.decision(again.habilitation_id) == "GRANTED"
    assert await agent.decision(first.habilitation_id) == "HABILITATION_NOT_VALID"


async def test_the_same_person_may_be_a_user_under_another_convention(agent: Agent) -> None:
    first = await agent.habilitation()
    second = await agent.habilitation(email=first.user.email)
    assert second.habilitation_id != first.habilitation_id


async def test_of_registrations_of_a_person_at_once_exactly_one_succeeds(agent: Agent) -> None:
    convention = await agent.convention()
    outcomes = await asyncio.gather(
        *(agent.habilitation(convention, "meme@vallombreuse.example") for _ in range(6)),
        return_exceptions=True,
    )
    refusals = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert [refusal.code() for refusal in refusals] == [grpc.StatusCode.ALREADY_EXISTS] * 5


@pytest.mark.parametrize(
    ("changed", "violation"),
    [
        ({"user": pb.User(prenom="Zoé", email="zoe@b.example")}, ("user.nom", "LENGTH")),
        ({"user": pb.User(nom="Pâquerette", email="zoe@b.example")}, ("user.prenom", "LENGTH")),
        ({"user": pb.User(nom="Pâquerette", prenom="Zoé", email="zoe(at)b")}, ("user.email", "EMAIL")),
        ({"user": None}, ("user.nom", "LENGTH")),
        ({"bouquet": pb.BOUQUET_UNSPECIFIED}, ("bouquet", "BOUQUET")),
        ({"bouquet": 99}, ("bouquet", "BOUQUET")),
        ({"convention_id": "C1"}, ("convention_id", "UUID")),
        ({"form": None}, ("form", "FORM_REQUIRED")),
    ],
)
async def test_what_is_wrong_with_an_access_request_is_told_by_rule_and_not_repeated(
    agent: Agent, changed: dict[str, Any], violation: tuple[str, str]
) -> None:
    """Annexe 2; N5."""
    values: dict[str, Any] = {
        "convention_id": UNKNOWN,
        "user": pb.User(nom="Pâquerette", prenom="Zoé", email="zoe@b.example"),
        "bouquet": QUOTIENT_FAMILIAL,
        "form": SIGNED_FORM,
    }
    async with refused() as refusal:
        await agent.habilitations.RegisterHabilitation(
            pb.RegisterHabilitationRequest(**{**values, **changed})
        )
    assert refusal.rules == [violation]
    assert not any(sent in refusal.text for sent in ("Pâquerette", "zoe"))


async def test_habilitations_are_listed_page_by_page_as_registered(agent: Agent) -> None:
    convention = await agent.convention()
    registered = []
    for _ in range(5):
        registered.append((await agent.habilitation(convention)).habilitation_id)
        # Identifiers order by the millisecond.
        await asyncio.sleep(0.002)
    sizes, listed, token = list[int](), list[str](), ""
    while not sizes or token:
        page = await agent.habilitations.ListHabilitations(
            pb.ListHabilitationsRequest(convention_id=convention.convention_id, page_size=2, page_token=token)
        )
        sizes.append(len(page.habilitations))
        listed += [habilitation.habilitation_id for habilitation in page.habilitations]
        token = page.next_page_token
    assert (sizes, listed) == ([2, 2, 1], registered)


class TestWithdrawal:
    async def test_a_withdrawal_holds_from_the_next_call(self, agent: Agent) -> None:
        """N3, art. 4-4."""
        habilitation = await agent.habilitation()
        assert await agent.decision(habilitation.habilitation_id) == "GRANTED"
        withdrawn = await _withdraw(agent, habilitation.habilitation_id)
        assert withdrawn.HasField("withdraw_time")
        assert await agent.decision(habilitation.habilitation_id) == "HABILITATION_NOT_VALID"

    async def test_a_withdrawal_takes_the_right_of_one_user_only(self, agent: Agent) -> None:
        convention = await agent.convention()
        leaves, stays = await agent.habilitation(convention), await agent.habilitation(convention)
        await _withdraw(agent, leaves.habilitation_id)
        assert await agent.decision(stays.habilitation_id) == "GRANTED"

    async def test_what_is_withdrawn_is_not_withdrawn_again(self, agent: Agent) -> None:
        habilitation = await agent.habilitation()
        await _withdraw(agent, habilitation.habilitation_id)
        async with refused() as refusal:
            await _withdraw(agent, habilitation.habilitation_id)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RECORD_STATE")

    async def test_a_withdrawal_has_its_reason(self, agent: Agent) -> None:
        habilitation = await agent.habilitation()
        async with refused() as refusal:
            await _withdraw(agent, habilitation.habilitation_id, "")
        assert refusal.rules == [("withdrawal_reason", "LENGTH")]


async def test_an_unknown_record_is_not_found(agent: Agent) -> None:
    calls = (
        agent.habilitations.GetHabilitation(pb.GetHabilitationRequest(habilitation_id=UNKNOWN)),
        agent.habilitations.ListHabilitations(pb.ListHabilitationsRequest(convention_id=UNKNOWN)),
        agent.habilitations.WithdrawHabilitation(
            pb.WithdrawHabilitationRequest(habilitation_id=UNKNOWN, withdrawal_reason="départ")
        ),
        agent.habilitations.RegisterHabilitation(
            pb.RegisterHabilitationRequest(
                convention_id=UNKNOWN,
                user=pb.User(nom="Pâquerette", prenom="Zoé", email="zoe@b.example"),
                bouquet=QUOTIENT_FAMILIAL,
                form=SIGNED_FORM,
            )
        ),
    )
    for call in calls:
        async with refused() as refusal:
            await call
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "RECORD_NOT_FOUND")


class TestAuthorize:
    async def test_a_grant_names_partner_convention_and_caisse(self, agent: Agent) -> None:
        """Art. 4-7, 7-1."""
        habilitation = await agent.habilitation()
        assert await agent.authorize(habilitation.habilitation_id) == [
            pb.AuthorizeResult(
                decision=pb.AUTHORIZATION_DECISION_GRANTED,
                partner_id=habilitation.partner_id,
                convention_id=habilitation.convention_id,
                caisse_code=habilitation.caisse_code,
            )
        ]

    async def test_results_stand_in_the_order_of_the_items(self, agent: Agent) -> None:
        convention = await agent.convention()
        users = [await agent.habilitation(convention) for _ in range(3)]
        await _withdraw(agent, users[1].habilitation_id)
        ids = [user.habilitation_id for user in reversed(users)]
        results = await agent.authorize(*ids, UNKNOWN, ids[0])
        granted = pb.AUTHORIZATION_DECISION_GRANTED
        refusal = pb.AUTHORIZATION_DECISION_HABILITATION_NOT_VALID
        assert [found.decision for found in results] == [granted, refusal, granted, refusal, granted]

    @pytest.mark.parametrize("wrong", ["", "T1", "' OR true --", "0" * 4000, UNKNOWN])
    async def test_an_item_that_names_nothing_fails_alone(self, agent: Agent, wrong: str) -> None:
        habilitation = await agent.habilitation()
        nothing, granted = await agent.authorize(wrong, habilitation.habilitation_id)
        assert nothing == NOT_VALID
        assert granted.decision == pb.AUTHORIZATION_DECISION_GRANTED

    @pytest.mark.parametrize("bouquet", [0, 99])
    async def test_another_bouquet_is_not_opened(self, agent: Agent, bouquet: Any) -> None:
        habilitation = await agent.habilitation()
        assert await agent.authorize(habilitation.habilitation_id, bouquet=bouquet) == [NOT_VALID]

    async def test_a_refusal_names_no_caisse(self, agent: Agent) -> None:
        convention = await agent.convention()
        habilitation = await agent.habilitation(convention)
        await agent.conventions.EndConvention(
            convention_pb.EndConventionRequest(
                convention_id=convention.convention_id, end_date=SIGNED, end_reason="accord"
            )
        )
        assert await agent.authorize(habilitation.habilitation_id) == [
            pb.AuthorizeResult(decision=pb.AUTHORIZATION_DECISION_CONVENTION_NOT_IN_FORCE)
        ]

    async def test_an_empty_batch_has_an_empty_answer(self, agent: Agent) -> None:
        assert await agent.authorize() == []

    async def test_a_batch_holds_500_items_and_no_more(self, agent: Agent) -> None:
        habilitation = await agent.habilitation()
        results = await agent.authorize(*[habilitation.habilitation_id] * 500)
        assert {found.decision for found in results} == {pb.AUTHORIZATION_DECISION_GRANTED}
        assert len(results) == 500
        async with refused() as refusal:
            await agent.authorize(*[habilitation.habilitation_id] * 501)
        assert refusal.rules == [("items", "BATCH_SIZE")]


async def _withdraw(agent: Agent, habilitation_id: str, reason: str = "départ") -> pb.Habilitation:
    request = pb.WithdrawHabilitationRequest(habilitation_id=habilitation_id, withdrawal_reason=reason)
    return (await agent.habilitations.WithdrawHabilitation(request)).habilitation
