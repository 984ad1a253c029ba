"""Signing in as partners meet it, through the edge (art. 4-3, 7-1)."""

from datetime import datetime

import httpx
import pyotp

from msa.gateway.v1 import second_factor_service_pb2 as factor_pb
from msa.gateway.v1.second_factor_service_pb2_grpc import SecondFactorServiceStub
from msa.identity.v1 import account_service_pb2 as account_pb
from msa.identity.v1 import security_event_service_pb2 as event_pb
from services.kit.clock import SystemClock
from tests.caisse import Caisse
from tests.e2e.conftest import Agent
from tests.portal import NEW_PASSWORD, Portal, answered, bearer, grpc_bearer, reason, violations

FREE_FAILURES = 5


def _now() -> datetime:
    return SystemClock().now()


async def _sign_in(portal: Portal, agent: Agent, password: str = NEW_PASSWORD, **more: str) -> httpx.Response:
    credentials = {"login": agent.user.login, "password": password, **more}
    return await portal.json.post("/v1/sessions", json=credentials)


async def test_a_second_factor_from_qr_code_to_recovery_code(portal: Portal, own_agent: Agent) -> None:
    begun = answered(
        await portal.post("/v1/second-factor:begin", own_agent.token, current_password=NEW_PASSWORD)
    )
    assert begun["otpauth_uri"].startswith("otpauth://totp/")
    assert begun["qr_code_svg"].startswith("<svg")
    code = pyotp.TOTP(begun["totp_secret"]).at(_now())
    confirmed = answered(await portal.post("/v1/second-factor:confirm", own_agent.token, one_time_code=code))
    assert len(confirmed["recovery_codes"]) == 10
    # New privileges, new token: the one before is over.
    before = await portal.json.get("/v1/session", headers=bearer(own_agent.token))
    assert reason(before) == "SESSION_NOT_VALID"
    answered(await portal.json.get("/v1/session", headers=bearer(confirmed["session_token"])))

    assert reason(await _sign_in(portal, own_agent)) == "SECOND_FACTOR_REQUIRED"
    assert reason(await _sign_in(portal, own_agent, one_time_code="000000x")) == "CREDENTIALS_REFUSED"
    # A code works once, and so does a recovery code.
    assert reason(await _sign_in(portal, own_agent, one_time_code=code)) == "CREDENTIALS_REFUSED"
    recovery_code = confirmed["recovery_codes"][3].upper()
    signed_in = answered(await _sign_in(portal, own_agent, one_time_code=recovery_code))
    assert signed_in["earlier_session_ended"] is True
    assert signed_in["refused_sign_in_count"] == 2
    assert reason(await _sign_in(portal, own_agent, one_time_code=recovery_code)) == "CREDENTIALS_REFUSED"


async def test_a_second_factor_that_the_caisse_requires_comes_before_consulting(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    policy = account_pb.PartnerPolicy(partner_id=own_agent.user.partner_id, second_factor_required=True)
    await caisse.accounts.SetPartnerPolicy(account_pb.SetPartnerPolicyRequest(policy=policy))
    # From the next call on, of those who are signed in too.
    assert reason(await portal.consult(own_agent.token, nir)) == "SECOND_FACTOR_ENROLMENT_REQUIRED"
    session = answered(await portal.json.get("/v1/session", headers=bearer(own_agent.token)))
    assert session["second_factor_enrolment_required"] is True

    factors = SecondFactorServiceStub(portal.channel)
    begun = await factors.BeginEnrolment(
        factor_pb.BeginEnrolmentRequest(current_password=NEW_PASSWORD), metadata=grpc_bearer(own_agent.token)
    )
    confirmed = await factors.ConfirmEnrolment(
        factor_pb.ConfirmEnrolmentRequest(one_time_code=pyotp.TOTP(begun.totp_secret).at(_now())),
        metadata=grpc_bearer(own_agent.token),
    )
    answered(await portal.consult(confirmed.session_token, nir))
    removal = await portal.post(
        "/v1/second-factor:remove",
        confirmed.session_token,
        current_password=NEW_PASSWORD,
        one_time_code=confirmed.recovery_codes[0],
    )
    assert reason(removal) == "SECOND_FACTOR_STATE"


async def test_a_known_device_gets_in_while_somebody_locks_the_account(
    portal: Portal, own_agent: Agent
) -> None:
    device = answered(await _sign_in(portal, own_agent))["device_token"]
    for _ in range(FREE_FAILURES):
        assert reason(await _sign_in(portal, own_agent, "not the password")) == "CREDENTIALS_REFUSED"
    assert reason(await _sign_in(portal, own_agent)) == "CREDENTIALS_REFUSED"
    forged = f"{device[:-4]}AAAA"
    assert reason(await _sign_in(portal, own_agent, device_token=forged)) == "CREDENTIALS_REFUSED"
    answered(await _sign_in(portal, own_agent, device_token=device))


async def test_a_consultation_tells_how_long_the_session_lives(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    token = answered(await _sign_in(portal, own_agent))["session_token"]
    shown = await portal.consult(token, nir)
    assert 890 <= int(shown.headers["session-remaining-seconds"]) <= 900
    session = answered(await portal.json.get("/v1/session", headers=bearer(token)))
    assert session["expiring_soon"] is False
    assert session["previous_sign_in_time"]


async def test_a_weak_password_is_refused_with_every_rule_it_breaks(portal: Portal, own_agent: Agent) -> None:
    refused = await portal.change_password(own_agent.token, NEW_PASSWORD, "Motdepasse-Zoé")
    assert {rule for _, rule in violations(refused)} == {"PASSWORD_CONTAINS_NAME", "PASSWORD_TOO_GUESSABLE"}


async def test_the_security_events_tell_what_happened_and_whence(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    assert reason(await _sign_in(portal, own_agent, "not the password")) == "CREDENTIALS_REFUSED"
    token = answered(await _sign_in(portal, own_agent))["session_token"]
    answered(await portal.json.delete("/v1/session", headers=bearer(token)))
    request = event_pb.ListSecurityEventsRequest(account_id=own_agent.user.account_id)
    events = (await caisse.events.ListSecurityEvents(request)).events
    told = [
        event_pb.SecurityEventKind.Name(event.kind).removeprefix("SECURITY_EVENT_KIND_") for event in events
    ]
    assert {"ACCOUNT_CREATED", "SIGNED_IN", "PASSWORD_CHANGED", "SIGN_IN_REFUSED", "SIGNED_OUT"} <= set(told)
    assert told[0] == "SIGNED_OUT"
    by_partner = [event for event in events if event.kind != event_pb.SECURITY_EVENT_KIND_ACCOUNT_CREATED]
    assert {event.network_prefix for event in by_partner} == {"127.0.0.0/24"}
    assert all(event.trace_id for event in events)
