"""Access requests (annexe 2, art. 4-1, 4-4): from the form received to the decision, before the running server."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from msa.partners.v1 import access_request_service_pb2 as pb
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from tests.integration.partners.agent import SIGNED, Agent, refused
from tests.integration.partners.register import new_user

CREATION = pb.ACCESS_REQUEST_KIND_CREATION
MODIFICATION = pb.ACCESS_REQUEST_KIND_MODIFICATION
WITHDRAWAL = pb.ACCESS_REQUEST_KIND_WITHDRAWAL
UNKNOWN = "01900000-0000-7000-8000-000000000000"


def form(**changed: Any) -> pb.AccessRequestForm:
    """A whole form of a new user; a field that is None is missing on it."""
    user = new_user()
    whole: dict[str, Any] = {
        "partner_denomination": "Mairie de Vallombreuse",
        "partner_representative": "Aubin Verlaine",
        "partner_representative_function": "Maire",
        "user": habilitation_pb.User(nom=user.nom, prenom=user.prenom, email=user.email),
        "signatory_name": "Aubin Verlaine",
        "signature_place": "Vallombreuse",
        "signature_date": SIGNED,
        "signed": True,
        "scan_sha256": "5f" * 32,
        "scan_reference": "GED-2026-118",
    }
    return pb.AccessRequestForm(**{**whole, **changed})


async def received(
    agent: Agent,
    convention: convention_pb.Convention,
    content: pb.AccessRequestForm,
    kind: pb.AccessRequestKind.ValueType = CREATION,
    habilitation_id: str = "",
) -> pb.AccessRequest:
    request = pb.ReceiveAccessRequestRequest(
        convention_id=convention.convention_id, kind=kind, form=content, habilitation_id=habilitation_id
    )
    return (await agent.requests.ReceiveAccessRequest(request)).access_request


async def accepted(agent: Agent, request: pb.AccessRequest) -> pb.AcceptAccessRequestResponse:
    return await agent.requests.AcceptAccessRequest(
        pb.AcceptAccessRequestRequest(access_request_id=request.access_request_id, etag=request.etag)
    )


async def test_an_accepted_form_habilitates_its_user(agent: Agent) -> None:
    """Art. 4-1, 4-2."""
    convention = await agent.convention()
    content = form()
    request = await received(agent, convention, content)
    assert (request.state, list(request.missing)) == (pb.ACCESS_REQUEST_STATE_RECEIVED, [])
    done = await accepted(agent, request)
    assert done.access_request.state == pb.ACCESS_REQUEST_STATE_ACCEPTED
    assert done.access_request.granted_habilitation_id == done.granted.habilitation_id
    assert done.granted.user == content.user
    assert not done.HasField("ended")
    assert await agent.decision(done.granted.habilitation_id) == "GRANTED"


async def test_what_is_missing_on_a_form_is_listed_and_keeps_it_from_acceptance(agent: Agent) -> None:
    """Annexe 2."""
    convention = await agent.convention()
    content = form(signed=None, signature_place=None, scan_sha256=None)
    content.user.ClearField("email")
    request = await received(agent, convention, content)
    assert request.state == pb.ACCESS_REQUEST_STATE_INCOMPLETE
    assert set(request.missing) == {"signed", "signature_place", "scan_sha256", "user.email"}
    async with refused() as refusal:
        await accepted(agent, request)
    assert (refusal.reason, "annexe 2" in refusal.text) == ("RECORD_STATE", True)
    completed = await agent.requests.CompleteAccessRequest(
        pb.CompleteAccessRequestRequest(access_request_id=request.access_request_id, form=form())
    )
    assert completed.access_request.state == pb.ACCESS_REQUEST_STATE_RECEIVED
    assert (await accepted(agent, completed.access_request)).HasField("granted")


async def test_a_refused_form_tells_why_and_is_not_decided_again(agent: Agent) -> None:
    request = await received(agent, await agent.convention(), form())
    refusal_request = pb.RefuseAccessRequestRequest(
        access_request_id=request.access_request_id, refusal_reason="signataire non habilité"
    )
    refused_form = (await agent.requests.RefuseAccessRequest(refusal_request)).access_request
    assert refused_form.state == pb.ACCESS_REQUEST_STATE_REFUSED
    assert refused_form.refusal_reason == "signataire non habilité"
    calls = (
        agent.requests.AcceptAccessRequest(
            pb.AcceptAccessRequestRequest(access_request_id=request.access_request_id)
        ),
        agent.requests.RefuseAccessRequest(refusal_request),
        agent.requests.CompleteAccessRequest(
            pb.CompleteAccessRequestRequest(access_request_id=request.access_request_id, form=form())
        ),
    )
    for call in calls:
        async with refused() as refusal:
            await call
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RECORD_STATE")


async def test_acceptance_needs_a_convention_in_force(agent: Agent) -> None:
    """Art. 4-2, 9-1: neither a draft nor one whose CNIL declaration is awaited."""
    pending = await agent.convention(cnil=None)
    request = await received(agent, pending, form())
    async with refused() as refusal:
        await accepted(agent, request)
    assert (refusal.reason, "art. 4-2, 9-1" in refusal.text) == ("RECORD_STATE", True)
    shown = await agent.requests.GetAccessRequest(
        pb.GetAccessRequestRequest(access_request_id=request.access_request_id)
    )
    assert shown.access_request == request


class TestNobodyRegistersHimself:
    """Art. 4-1."""

    @pytest.mark.parametrize("signatory", ["Zoé Pâquerette", "PAQUERETTE ZOE", "pâquerette  zoé"])
    async def test_the_signatory_is_not_the_user(self, agent: Agent, signatory: str) -> None:
        request = await received(agent, await agent.convention(), form(signatory_name=signatory))
        async with refused() as refusal:
            await accepted(agent, request)
        assert refusal.rules == [("form.signatory_name", "SELF_REGISTRATION")]

    async def test_a_namesake_of_the_signatory_is_no_offence(self, agent: Agent) -> None:
        request = await received(agent, await agent.convention(), form(signatory_name="Hugo Pâquerette"))
        assert (await accepted(agent, request)).HasField("granted")

    async def test_the_agent_is_not_the_user(self, agent: Agent) -> None:
        user = habilitation_pb.User(nom="DELACOMBE", prenom="Odile", email="o@vallombreuse.example")
        request = await received(agent, await agent.convention(), form(user=user))
        async with refused() as refusal:
            await accepted(agent, request)
        assert refusal.rules == [("form.user", "SELF_REGISTRATION")]


async def test_the_same_person_twice_under_one_convention_is_refused(agent: Agent) -> None:
    convention = await agent.convention()
    content = form()
    await accepted(agent, await received(agent, convention, content))
    second = await received(agent, convention, content)
    async with refused() as refusal:
        await accepted(agent, second)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "RECORD_ALREADY_EXISTS")
    assert "art. 4-1" in refusal.text
    listed = await agent.requests.GetAccessRequest(
        pb.GetAccessRequestRequest(access_request_id=second.access_request_id)
    )
    assert listed.access_request.state == pb.ACCESS_REQUEST_STATE_RECEIVED


class TestModification:
    """Art. 4-4."""

    async def test_it_ends_the_old_habilitation_at_once_and_begins_the_next(self, agent: Agent) -> None:
        convention = await agent.convention()
        leaves = await agent.habilitation(convention)
        request = await received(agent, convention, form(), MODIFICATION, leaves.habilitation_id)
        done = await accepted(agent, request)
        assert done.ended.habilitation_id == leaves.habilitation_id
        assert await agent.decision(leaves.habilitation_id) == "HABILITATION_NOT_VALID"
        assert await agent.decision(done.granted.habilitation_id) == "GRANTED"

    async def test_the_same_person_may_follow_himself_with_another_function(self, agent: Agent) -> None:
        convention = await agent.convention()
        before = await agent.habilitation(convention)
        request = await received(
            agent, convention, form(user=before.user), MODIFICATION, before.habilitation_id
        )
        done = await accepted(agent, request)
        assert done.granted.user == before.user

    async def test_a_departure_needs_nobody_who_follows(self, agent: Agent) -> None:
        convention = await agent.convention()
        leaves = await agent.habilitation(convention)
        request = await received(agent, convention, form(user=None), MODIFICATION, leaves.habilitation_id)
        assert list(request.missing) == []
        done = await accepted(agent, request)
        assert (done.HasField("ended"), done.HasField("granted")) == (True, False)

    async def test_where_who_follows_cannot_be_habilitated_nobody_leaves(self, agent: Agent) -> None:
        """All of it, or nothing: the convention is over, so nobody new; the form is not half done."""
        convention = await agent.convention()
        leaves, stays = await agent.habilitation(convention), await agent.habilitation(convention)
        request = await received(
            agent, convention, form(user=stays.user), MODIFICATION, leaves.habilitation_id
        )
        async with refused() as refusal:
            await accepted(agent, request)
        assert refusal.reason == "RECORD_ALREADY_EXISTS"
        assert await agent.decision(leaves.habilitation_id) == "GRANTED"


async def test_a_withdrawal_ends_the_habilitation_even_under_a_convention_that_is_over(agent: Agent) -> None:
    """Art. 4-4: to end a right needs no convention in force."""
    convention = await agent.convention()
    leaves = await agent.habilitation(convention)
    await agent.conventions.EndConvention(
        convention_pb.EndConventionRequest(
            convention_id=convention.convention_id, end_date=SIGNED, end_reason="accord"
        )
    )
    request = await received(agent, convention, form(user=None), WITHDRAWAL, leaves.habilitation_id)
    done = await accepted(agent, request)
    assert done.ended.withdrawal_reason == "withdrawn by the partner's form (art. 4-4)"


@pytest.mark.parametrize(
    ("kind", "habilitation_id", "violation"),
    [
        (pb.ACCESS_REQUEST_KIND_UNSPECIFIED, "", ("kind", "ACCESS_REQUEST_KIND")),
        (99, "", ("kind", "ACCESS_REQUEST_KIND")),
        (CREATION, UNKNOWN, ("habilitation_id", "HABILITATION_TO_END")),
        (MODIFICATION, "", ("habilitation_id", "HABILITATION_TO_END")),
        (WITHDRAWAL, "H1", ("habilitation_id", "UUID")),
    ],
)
async def test_a_form_names_the_habilitation_that_it_is_about(
    agent: Agent, kind: pb.AccessRequestKind.ValueType, habilitation_id: str, violation: tuple[str, str]
) -> None:
    convention = await agent.convention()
    async with refused() as refusal:
        await received(agent, convention, form(), kind, habilitation_id)
    assert refusal.rules == [violation]


async def test_a_habilitation_of_another_convention_is_not_ended(agent: Agent) -> None:
    other = await agent.habilitation()
    async with refused() as refusal:
        await received(agent, await agent.convention(), form(), WITHDRAWAL, other.habilitation_id)
    assert refusal.reason == "RECORD_STATE"


@pytest.mark.parametrize(
    ("changed", "violation"),
    [
        ({"scan_sha256": "5f"}, ("form.scan_sha256", "SHA256")),
        ({"signatory_name": "x" * 201}, ("form.signatory_name", "LENGTH")),
        ({"user": habilitation_pb.User(nom="P", prenom="Z", email="zoe(at)b")}, ("form.user.email", "EMAIL")),
        ({"signature_date": {"year": 2190, "month": 1, "day": 1}}, ("form.signature_date", "DATE_IN_FUTURE")),
        ({"signature_date": {"year": 2026, "month": 2, "day": 29}}, ("signature_date", "DATE_UNKNOWN")),
    ],
)
async def test_what_is_wrong_on_a_form_is_told_by_rule_and_not_repeated(
    agent: Agent, changed: dict[str, object], violation: tuple[str, str]
) -> None:
    """N5."""
    async with refused() as refusal:
        await received(agent, await agent.convention(), form(**changed))
    assert refusal.rules == [violation]
    assert "zoe" not in refusal.text


async def test_of_two_agents_who_decide_the_second_is_told(agent: Agent) -> None:
    request = await received(agent, await agent.convention(), form())
    completed = await agent.requests.CompleteAccessRequest(
        pb.CompleteAccessRequestRequest(
            access_request_id=request.access_request_id, form=form(), etag=request.etag
        )
    )
    async with refused() as refusal:
        await accepted(agent, request)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "RECORD_CHANGED")
    assert completed.access_request.etag != request.etag


async def test_forms_are_listed_newest_first_by_state(agent: Agent) -> None:
    convention = await agent.convention()
    whole = await received(agent, convention, form())
    lacking = await received(agent, convention, form(signed=None))
    done = (await accepted(agent, await received(agent, convention, form()))).access_request
    states: Iterator[tuple[pb.AccessRequestState.ValueType, list[pb.AccessRequest]]] = iter(
        [
            (pb.ACCESS_REQUEST_STATE_UNSPECIFIED, [done, lacking, whole]),
            (pb.ACCESS_REQUEST_STATE_RECEIVED, [whole]),
            (pb.ACCESS_REQUEST_STATE_INCOMPLETE, [lacking]),
            (pb.ACCESS_REQUEST_STATE_ACCEPTED, [done]),
            (pb.ACCESS_REQUEST_STATE_REFUSED, []),
        ]
    )
    for state, expected in states:
        listed = await agent.requests.ListAccessRequests(
            pb.ListAccessRequestsRequest(
                caisse_code="21", convention_id=convention.convention_id, state=state
            )
        )
        assert list(listed.access_requests) == expected
