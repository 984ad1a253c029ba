"""The second factor (art. 7-1): set up, renewed and removed by whoever is signed in, within the hours."""

from datetime import UTC

import grpc
import pytest

from gateway.domain import OpenedSession
from gateway.second_factor.domain import BegunEnrolment, ConfirmedEnrolment
from msa.gateway.v1 import second_factor_service_pb2 as pb
from services.kit.errors import Reason
from services.kit.redaction import RecoveryCode, SessionToken, TotpSecret
from services.kit.status import CODE_BY_REASON
from tests.unit.gateway.calls import BEGIN, SECOND_FACTOR_CALLS, Call, refused
from tests.unit.gateway.conftest import Gateway
from tests.unit.gateway.identity_service import EXPIRE_TIME, IDLE_TIMEOUT


async def test_an_enrolment_begins_with_the_password_and_shows_the_secret_in_three_forms(
    gateway: Gateway,
) -> None:
    assert await SECOND_FACTOR_CALLS["begin"](gateway) == pb.BeginEnrolmentResponse(
        totp_secret="SECRET32", otpauth_uri="otpauth://totp/x", qr_code_svg="<svg/>"
    )
    (request,) = gateway.identity.requests
    assert (request.session_token, request.current_password) == ("token-1", "password")


async def test_its_confirmation_shows_the_recovery_codes_and_opens_a_session(gateway: Gateway) -> None:
    reply = await SECOND_FACTOR_CALLS["confirm"](gateway)
    assert (list(reply.recovery_codes), reply.session_token) == (["code-1", "code-2"], "token-2")
    assert reply.idle_timeout.ToTimedelta() == IDLE_TIMEOUT
    assert reply.expire_time.ToDatetime(UTC) == EXPIRE_TIME
    (request,) = gateway.identity.requests
    assert (request.session_token, request.one_time_code) == ("token-1", "123456")


async def test_recovery_codes_are_renewed_by_a_code(gateway: Gateway) -> None:
    assert list((await SECOND_FACTOR_CALLS["renew"](gateway)).recovery_codes) == ["code-3"]
    (request,) = gateway.identity.requests
    assert (request.session_token, request.one_time_code) == ("token-1", "123456")


async def test_it_is_removed_by_password_and_code(gateway: Gateway) -> None:
    reply = await SECOND_FACTOR_CALLS["remove"](gateway)
    assert (reply.session_token, reply.expire_time.ToDatetime(UTC)) == ("token-2", EXPIRE_TIME)
    (request,) = gateway.identity.requests
    assert request.session_token == "token-1"
    assert (request.current_password, request.one_time_code) == ("password", "123456")


@pytest.mark.parametrize("call", SECOND_FACTOR_CALLS.values(), ids=SECOND_FACTOR_CALLS)
async def test_outside_the_hours_nothing_of_it_is_asked_art_5(gateway: Gateway, call: Call) -> None:
    gateway.close()
    assert await refused(call(gateway)) == (grpc.StatusCode.UNAVAILABLE, Reason.SERVICE_CLOSED)
    assert gateway.identity.requests == []


async def test_without_a_token_nothing_of_it_is_asked(gateway: Gateway) -> None:
    told = await refused(gateway.second_factors.BeginEnrolment(BEGIN))
    assert told == (grpc.StatusCode.UNAUTHENTICATED, Reason.SESSION_REQUIRED)
    assert gateway.identity.requests == []


@pytest.mark.parametrize(
    "reason",
    [
        Reason.SESSION_NOT_VALID,
        Reason.CREDENTIALS_REFUSED,
        Reason.PASSWORD_CHANGE_REQUIRED,
        Reason.SECOND_FACTOR_STATE,
        Reason.RATE_LIMITED,
    ],
)
@pytest.mark.parametrize("call", SECOND_FACTOR_CALLS.values(), ids=SECOND_FACTOR_CALLS)
async def test_identitys_refusal_reaches_the_caller_as_it_is(
    gateway: Gateway, call: Call, reason: Reason
) -> None:
    gateway.identity.refusal = reason
    assert await refused(call(gateway)) == (CODE_BY_REASON[reason], reason)


def test_secrets_and_codes_do_not_print() -> None:
    secret = TotpSecret("SECRET32")
    session = OpenedSession(SessionToken("token-2"), IDLE_TIMEOUT, EXPIRE_TIME)
    printed = (
        f"{BegunEnrolment(secret, secret, secret)} {ConfirmedEnrolment([RecoveryCode('code-1')], session)}"
    )
    for value in ("SECRET32", "code-1", "token-2"):
        assert value not in printed
