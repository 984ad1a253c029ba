"""What an authenticated consultation says of its session (art. 7-1), and what stops one before it is consulted."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest

from gateway.clients import IdentityClient
from gateway.domain import HabilitationNotValid
from gateway.metadata import SESSION_REMAINING
from msa.gateway.v1 import quotient_service_pb2 as pb
from msa.identity.v1 import session_service_pb2 as identity_pb
from services.kit.errors import DependencyUnavailable, Reason
from services.kit.redaction import SessionToken
from services.kit.status import PeerError, new_status
from tests.unit.gateway.calls import CONSULT, METADATA, refused
from tests.unit.gateway.conftest import Gateway
from tests.unit.gateway.services import NOWHERE


def consult(gateway: Gateway, request: pb.ConsultQuotientRequest = CONSULT) -> Any:
    return gateway.quotients.ConsultQuotient(request, metadata=METADATA)


async def notices(call: Any) -> list[str]:
    """What the response's headers say of the session."""
    return [value for key, value in await call.initial_metadata() if key == SESSION_REMAINING]


@pytest.mark.parametrize(
    ("remaining", "told"),
    [
        (timedelta(seconds=893, milliseconds=999), "893"),
        (timedelta(seconds=893), "893"),
        (timedelta(milliseconds=999), "0"),
        (timedelta(0), "0"),
    ],
)
async def test_an_answer_says_how_long_the_session_lives_in_whole_seconds(
    gateway: Gateway, remaining: timedelta, told: str
) -> None:
    gateway.identity.verdict.remaining.FromTimedelta(remaining)
    call = consult(gateway)
    assert (await call).outcome == pb.OUTCOME_AVAILABLE
    assert await notices(call) == [told]


async def test_a_refused_request_says_it_as_well(gateway: Gateway) -> None:
    call = consult(gateway, pb.ConsultQuotientRequest(nir="1"))
    assert await refused(call) == (grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_FIELD)
    assert await notices(call) == ["893"]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (HabilitationNotValid(), Reason.HABILITATION_NOT_VALID),
        (DependencyUnavailable(), Reason.DEPENDENCY_UNAVAILABLE),
        (ValueError("a defect"), Reason.INTERNAL),
        (PeerError(new_status(Reason.INVALID_FIELD, "A peer's words.")), Reason.INVALID_FIELD),
    ],
)
async def test_an_error_after_authentication_says_it_as_well(
    gateway: Gateway, failure: Exception, reason: Reason
) -> None:
    gateway.files.failure = failure
    call = consult(gateway)
    assert (await refused(call))[1] is reason
    assert await notices(call) == ["893"]


async def test_nothing_leaves_before_the_answer_does(gateway: Gateway) -> None:
    """A caller whose headers are on their way could not be told that the service has died since."""
    gateway.files.release.clear()
    call = consult(gateway)
    await asyncio.wait_for(gateway.files.asked.wait(), 5)
    headers = asyncio.ensure_future(call.initial_metadata())
    await asyncio.wait([headers], timeout=0.2)
    assert not headers.done()
    gateway.files.release.set()
    await call
    assert await notices(call) == ["893"]


async def test_without_a_session_nothing_is_said(gateway: Gateway) -> None:
    gateway.identity.verdict.decision = identity_pb.AUTHENTICATION_DECISION_REFUSED
    call = consult(gateway)
    assert (await refused(call))[1] is Reason.SESSION_NOT_VALID
    assert await notices(call) == []


@pytest.mark.parametrize(
    ("password", "factor", "reason"),
    [
        (True, False, Reason.PASSWORD_CHANGE_REQUIRED),
        (False, True, Reason.SECOND_FACTOR_ENROLMENT_REQUIRED),
        (True, True, Reason.PASSWORD_CHANGE_REQUIRED),
    ],
)
async def test_nothing_is_consulted_before_password_and_second_factor_are_set_up_art_4_3(
    gateway: Gateway, password: bool, factor: bool, reason: Reason
) -> None:
    gateway.identity.verdict.password_change_required = password
    gateway.identity.verdict.second_factor_enrolment_required = factor
    gateway.files.failure = AssertionError("somebody asked for a right")
    assert await refused(consult(gateway)) == (grpc.StatusCode.PERMISSION_DENIED, reason)


async def test_sessions_that_arrive_together_are_authenticated_together(gateway: Gateway) -> None:
    client = IdentityClient(gateway.upstream, 5)
    calls = (client.authenticate(SessionToken("token-1"), NOWHERE) for _ in range(10))
    callers = await asyncio.gather(*calls)
    assert {caller.account_id for caller in callers} == {"account-1"}
    assert [len(request.items) for request in gateway.identity.requests] == [10]
