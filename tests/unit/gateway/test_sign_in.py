"""Sign-in, change of password and session state (art. 4-3, 7-1): what identity says reaches partners whole."""

from datetime import UTC, timedelta

import grpc
import pytest

from gateway.domain import ClientContext, OpenedSession, SignedIn
from msa.gateway.v1 import session_service_pb2 as pb
from services.kit.errors import Reason
from services.kit.redaction import DeviceToken, SessionToken
from services.kit.status import CODE_BY_REASON
from tests.unit.gateway.calls import CHANGE_PASSWORD, METADATA, SIGN_IN, refused
from tests.unit.gateway.conftest import Gateway
from tests.unit.gateway.identity_service import EXPIRE_TIME, IDLE_TIMEOUT, PREVIOUS_SIGN_IN_TIME


def fields(message: object) -> set[str]:
    """Every field that is set."""
    return {field.name for field, _ in message.ListFields()}  # type: ignore[attr-defined]  # any message


async def test_a_sign_in_carries_login_password_and_code_to_identity(gateway: Gateway) -> None:
    await gateway.sessions.SignIn(SIGN_IN)
    (request,) = gateway.identity.requests
    assert (request.login, request.password, request.one_time_code) == ("x21-1", "password", "123456")


async def test_a_sign_in_tells_all_that_identity_said(gateway: Gateway) -> None:
    reply = await gateway.sessions.SignIn(SIGN_IN)
    assert fields(reply) == {field.name for field in pb.SignInResponse.DESCRIPTOR.fields}
    assert reply.session_token == "token-2"
    assert reply.idle_timeout.ToTimedelta() == IDLE_TIMEOUT
    assert reply.expire_time.ToDatetime(UTC) == EXPIRE_TIME
    assert reply.previous_sign_in_time.ToDatetime(UTC) == PREVIOUS_SIGN_IN_TIME
    assert reply.device_token == "device-2"
    assert reply.refused_sign_in_count == 4


async def test_a_change_of_password_tells_all_that_identity_said(gateway: Gateway) -> None:
    reply = await gateway.sessions.ChangePassword(CHANGE_PASSWORD, metadata=METADATA)
    assert fields(reply) == {field.name for field in pb.ChangePasswordResponse.DESCRIPTOR.fields}
    assert (reply.session_token, reply.expire_time.ToDatetime(UTC)) == ("token-2", EXPIRE_TIME)


async def test_the_state_of_a_session_tells_all_that_identity_said(gateway: Gateway) -> None:
    reply = await gateway.sessions.GetSession(pb.GetSessionRequest(), metadata=METADATA)
    assert fields(reply) == {field.name for field in pb.GetSessionResponse.DESCRIPTOR.fields}
    assert reply.remaining.ToTimedelta() == timedelta(seconds=59)
    assert reply.idle_expire_time.ToDatetime(UTC) == EXPIRE_TIME - timedelta(hours=1)


@pytest.mark.parametrize(
    "reason",
    [
        Reason.CREDENTIALS_REFUSED,
        Reason.SECOND_FACTOR_REQUIRED,
        Reason.RATE_LIMITED,
        Reason.INVALID_FIELD,
    ],
)
async def test_identitys_refusal_reaches_the_caller_as_it_is(gateway: Gateway, reason: Reason) -> None:
    gateway.identity.refusal = reason
    assert await refused(gateway.sessions.SignIn(SIGN_IN)) == (CODE_BY_REASON[reason], reason)


async def test_what_is_not_meant_for_the_caller_stays_inside(gateway: Gateway) -> None:
    gateway.identity.refusal = Reason.CLIENT_NOT_ALLOWED
    assert await refused(gateway.sessions.SignIn(SIGN_IN)) == (grpc.StatusCode.INTERNAL, Reason.INTERNAL)


def test_what_a_sign_in_opened_does_not_print_its_tokens() -> None:
    session = OpenedSession(SessionToken("token-2"), IDLE_TIMEOUT, EXPIRE_TIME)
    signed_in = SignedIn(
        session,
        password_change_required=False,
        previous_sign_in_time=None,
        earlier_session_ended=False,
        password_renewal_advised=False,
        device_token=DeviceToken("device-2"),
        refused_sign_in_count=0,
    )
    here = ClientContext("", device_token=DeviceToken("device-2"))
    printed = f"{signed_in} {here}"
    assert "token-2" not in printed
    assert "device-2" not in printed
