"""The contract of msa.identity.v1, over the running server with mutual TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import pytest
from google.rpc import error_details_pb2

from msa.identity.v1 import account_service_pb2 as account_pb
from msa.identity.v1 import session_service_pb2 as session_pb
from msa.identity.v1.account_service_pb2_grpc import AccountServiceStub
from msa.identity.v1.session_service_pb2_grpc import SessionServiceStub
from services.kit.clock import SystemClock
from services.kit.status import reason_of, status_of
from tests.stack import Stack

if TYPE_CHECKING:  # in the stubs only
    from msa.identity.v1.account_service_pb2_grpc import AccountServiceAsyncStub
    from msa.identity.v1.session_service_pb2_grpc import SessionServiceAsyncStub

OWN_PASSWORD = "une vache dans le pré"


@dataclass(frozen=True)
class Api:
    """identity as its two kinds of callers see it."""

    accounts: AccountServiceAsyncStub
    sessions: SessionServiceAsyncStub

    async def new_account(self) -> account_pb.CreateAccountResponse:
        """An account with a temporary password."""
        return await self.accounts.CreateAccount(
            account_pb.CreateAccountRequest(
                habilitation_id=str(uuid4()), partner_id=str(uuid4()), caisse_code="21"
            )
        )

    async def authenticate(self, *tokens: str) -> list[session_pb.AuthenticateResult]:
        """The verdicts on some tokens."""
        items = [session_pb.AuthenticateItem(session_token=token) for token in tokens]
        return [*(await self.sessions.Authenticate(session_pb.AuthenticateRequest(items=items))).results]


@pytest.fixture
async def api(stack: Stack) -> AsyncIterator[Api]:
    async with (
        stack.channel("identity", client="qf") as agents,
        stack.channel("identity", client="gateway") as gateway,
    ):
        yield Api(AccountServiceStub(agents), SessionServiceStub(gateway))


def _as_is(message: bytes) -> bytes:
    return message


async def _refusal(call: Awaitable[object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value.code(), str(reason_of(raised.value))


async def _broken_rules(call: Awaitable[object]) -> list[tuple[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    request = error_details_pb2.BadRequest()
    for detail in status_of(raised.value).details:
        detail.Unpack(request)
    return [(violation.field, violation.reason) for violation in request.field_violations]


async def test_from_a_habilitation_to_a_session_and_out(api: Api) -> None:
    created = await api.new_account()
    assert created.account.login.startswith("x21-")
    assert created.account.password_change_required
    assert not created.account.HasField("last_sign_in_time")
    assert not created.account.HasField("disable_time")
    validity = created.temporary_password_expire_time.ToDatetime(UTC) - SystemClock().now()
    assert timedelta(days=29, hours=23) < validity <= timedelta(days=30)

    opened = await api.sessions.SignIn(
        session_pb.SignInRequest(login=created.account.login, password=created.temporary_password)
    )
    assert len(opened.session_token) == 43
    assert opened.password_change_required
    assert opened.idle_timeout.ToTimedelta() == timedelta(minutes=15)
    assert not opened.HasField("previous_sign_in_time")

    changed = await api.sessions.ChangePassword(
        session_pb.ChangePasswordRequest(
            session_token=opened.session_token,
            current_password=created.temporary_password,
            new_password=OWN_PASSWORD,
        )
    )
    first, second = await api.authenticate(opened.session_token, changed.session_token)
    assert first == session_pb.AuthenticateResult(decision=session_pb.AUTHENTICATION_DECISION_REFUSED)
    assert second == session_pb.AuthenticateResult(
        decision=session_pb.AUTHENTICATION_DECISION_ACCEPTED,
        account_id=created.account.account_id,
        habilitation_id=created.account.habilitation_id,
        remaining=second.remaining,
        rate_limits=second.rate_limits,
    )
    assert timedelta(minutes=14) < second.remaining.ToTimedelta() <= timedelta(minutes=15)

    request = session_pb.GetSessionRequest(session_token=changed.session_token)
    view = await api.sessions.GetSession(request)
    assert not view.password_change_required
    assert view.expire_time == changed.expire_time
    assert view.idle_timeout == changed.idle_timeout
    assert view.idle_expire_time.ToDatetime() <= view.expire_time.ToDatetime()

    again = await api.sessions.SignIn(
        session_pb.SignInRequest(login=created.account.login, password=OWN_PASSWORD)
    )
    assert again.HasField("previous_sign_in_time")
    found = await api.accounts.GetAccount(
        account_pb.GetAccountRequest(habilitation_id=created.account.habilitation_id)
    )
    assert found.account.account_id == created.account.account_id
    assert found.account.HasField("last_sign_in_time")
    assert not found.account.password_change_required

    for _ in range(2):
        await api.sessions.SignOut(session_pb.SignOutRequest(session_token=again.session_token))
    (over,) = await api.authenticate(again.session_token)
    assert over.decision == session_pb.AUTHENTICATION_DECISION_REFUSED


async def test_results_stand_in_the_order_of_the_items(api: Api) -> None:
    opened = []
    for _ in range(2):
        created = await api.new_account()
        signed_in = await api.sessions.SignIn(
            session_pb.SignInRequest(login=created.account.login, password=created.temporary_password)
        )
        opened.append((signed_in.session_token, created.account.account_id))
    (one, one_id), (other, other_id) = opened
    results = await api.authenticate(other, "never issued", one, other, "")
    assert [result.account_id for result in results] == [other_id, "", one_id, other_id, ""]
    assert await api.authenticate() == []


async def test_a_batch_of_501_is_refused(api: Api) -> None:
    assert await _broken_rules(api.authenticate(*["token"] * 501)) == [("items", "BATCH_SIZE")]
    assert len(await api.authenticate(*["token"] * 500)) == 500


async def test_disabling_and_revoking_hold_from_the_next_call(api: Api) -> None:
    created = await api.new_account()
    account_id = created.account.account_id
    credentials = session_pb.SignInRequest(login=created.account.login, password=created.temporary_password)
    token = (await api.sessions.SignIn(credentials)).session_token
    await api.accounts.RevokeSessions(account_pb.RevokeSessionsRequest(account_id=account_id))
    assert (await api.authenticate(token))[0].decision == session_pb.AUTHENTICATION_DECISION_REFUSED

    token = (await api.sessions.SignIn(credentials)).session_token
    await api.accounts.DisableAccount(account_pb.DisableAccountRequest(account_id=account_id))
    assert (await api.authenticate(token))[0].decision == session_pb.AUTHENTICATION_DECISION_REFUSED
    refused = (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_REFUSED")
    assert await _refusal(api.sessions.SignIn(credentials)) == refused

    issued = await api.accounts.IssueTemporaryPassword(
        account_pb.IssueTemporaryPasswordRequest(account_id=account_id)
    )
    credentials.password = issued.temporary_password
    assert (await api.sessions.SignIn(credentials)).password_change_required


async def test_errors_are_those_of_the_contract(api: Api) -> None:
    created = await api.new_account()
    login, nobody = created.account.login, str(uuid4())
    over = (grpc.StatusCode.UNAUTHENTICATED, "SESSION_NOT_VALID")
    assert await _refusal(api.sessions.GetSession(session_pb.GetSessionRequest(session_token="no"))) == over
    assert await _refusal(api.sessions.ChangePassword(session_pb.ChangePasswordRequest())) == over

    wrong = session_pb.SignInRequest(login=login, password="wrong")
    refused = (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_REFUSED")
    assert await _refusal(api.sessions.SignIn(wrong)) == refused

    again = account_pb.CreateAccountRequest(
        habilitation_id=created.account.habilitation_id,
        partner_id=created.account.partner_id,
        caisse_code="21",
    )
    exists = (grpc.StatusCode.ALREADY_EXISTS, "RECORD_ALREADY_EXISTS")
    assert await _refusal(api.accounts.CreateAccount(again)) == exists

    missing = (grpc.StatusCode.NOT_FOUND, "RECORD_NOT_FOUND")
    for call in (
        api.accounts.GetAccount(account_pb.GetAccountRequest(account_id=nobody)),
        api.accounts.GetAccount(account_pb.GetAccountRequest(habilitation_id=nobody)),
        api.accounts.IssueTemporaryPassword(account_pb.IssueTemporaryPasswordRequest(account_id=nobody)),
        api.accounts.DisableAccount(account_pb.DisableAccountRequest(account_id=nobody)),
        api.accounts.RevokeSessions(account_pb.RevokeSessionsRequest(account_id=nobody)),
    ):
        assert await _refusal(call) == missing


async def test_a_field_that_breaks_a_rule_is_named(api: Api) -> None:
    not_uuid = account_pb.CreateAccountRequest(habilitation_id="12", caisse_code="21")
    assert await _broken_rules(api.accounts.CreateAccount(not_uuid)) == [("habilitation_id", "UUID")]
    no_partner = account_pb.CreateAccountRequest(habilitation_id=str(uuid4()), caisse_code="21")
    assert await _broken_rules(api.accounts.CreateAccount(no_partner)) == [("partner_id", "UUID")]
    no_caisse = account_pb.CreateAccountRequest(
        habilitation_id=str(uuid4()), partner_id=str(uuid4()), caisse_code="Bourgogne"
    )
    assert await _broken_rules(api.accounts.CreateAccount(no_caisse)) == [("caisse_code", "CAISSE_CODE")]
    no_key = api.accounts.GetAccount(account_pb.GetAccountRequest())
    assert await _broken_rules(no_key) == [("key", "REQUIRED")]

    created = await api.new_account()
    opened = await api.sessions.SignIn(
        session_pb.SignInRequest(login=created.account.login, password=created.temporary_password)
    )
    change = session_pb.ChangePasswordRequest(
        session_token=opened.session_token,
        current_password=created.temporary_password,
        new_password=created.account.login,
    )
    assert await _broken_rules(api.sessions.ChangePassword(change)) == [
        ("new_password", "PASSWORD_LENGTH"),
        ("new_password", "PASSWORD_CONTAINS_LOGIN"),
        ("new_password", "PASSWORD_TOO_GUESSABLE"),
    ]
    (still_alive,) = await api.authenticate(opened.session_token)
    assert still_alive.decision == session_pb.AUTHENTICATION_DECISION_ACCEPTED


async def test_a_locked_account_reads_like_a_wrong_password_and_tells_no_delay(api: Api) -> None:
    created = await api.new_account()
    login = created.account.login
    refused = (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_REFUSED")
    wrong = session_pb.SignInRequest(login=login, password="wrong")
    for _ in range(5):
        assert await _refusal(api.sessions.SignIn(wrong)) == refused
    right = session_pb.SignInRequest(login=login, password=created.temporary_password)
    with pytest.raises(grpc.aio.AioRpcError) as locked:
        await api.sessions.SignIn(right)
    assert (locked.value.code(), str(reason_of(locked.value))) == refused
    assert [detail.type_url.rpartition(".")[2] for detail in status_of(locked.value).details] == ["ErrorInfo"]

    shown = account_pb.GetAccountRequest(account_id=created.account.account_id)
    assert (await api.accounts.GetAccount(shown)).account.locked
    unlock = account_pb.UnlockAccountRequest(account_id=created.account.account_id)
    await api.accounts.UnlockAccount(unlock)
    assert not (await api.accounts.GetAccount(shown)).account.locked
    assert (await api.sessions.SignIn(right)).refused_sign_in_count == 6


async def _settled(api: Api) -> tuple[account_pb.Account, str]:
    created = await api.new_account()
    signed_in = await api.sessions.SignIn(
        session_pb.SignInRequest(login=created.account.login, password=created.temporary_password)
    )
    change = session_pb.ChangePasswordRequest(
        session_token=signed_in.session_token,
        current_password=created.temporary_password,
        new_password=OWN_PASSWORD,
    )
    return created.account, (await api.sessions.ChangePassword(change)).session_token


async def _verdict(api: Api, **fields: Any) -> session_pb.AuthenticateResult:
    item = session_pb.AuthenticateItem(**fields)
    reply = await api.sessions.Authenticate(session_pb.AuthenticateRequest(items=[item]))
    return reply.results[0]


async def test_a_verdict_announces_each_limit_and_a_batch_counts_as_many_as_it_asks_for(api: Api) -> None:
    _, token = await _settled(api)
    client = session_pb.ClientContext(address="192.0.2.77")
    verdict = await _verdict(api, session_token=token, client=client, consultation_count=500)
    assert verdict.decision == session_pb.AUTHENTICATION_DECISION_ACCEPTED
    assert {limit.scope: (limit.limit, limit.remaining) for limit in verdict.rate_limits} == {
        session_pb.RATE_LIMIT_SCOPE_ACCOUNT: (600, 100),
        session_pb.RATE_LIMIT_SCOPE_PARTNER: (3000, 2500),
        # The tests' own, of which there is no end: they all call from one address.
        session_pb.RATE_LIMIT_SCOPE_ADDRESS: (10**9, 10**9 - 500),
    }
    assert {limit.window.ToTimedelta() for limit in verdict.rate_limits} == {timedelta(minutes=1)}
    assert verdict.rate_limits[0].reset.ToTimedelta() == timedelta(seconds=50)

    again = await _verdict(api, session_token=token, client=client, consultation_count=500)
    assert again.decision == session_pb.AUTHENTICATION_DECISION_RATE_LIMITED
    assert timedelta(seconds=30) < again.retry_after.ToTimedelta() <= timedelta(seconds=40)
    assert len(again.rate_limits) == 3

    counted_before = await _verdict(api, session_token=token, client=client, counted_before=True)
    assert counted_before.decision == session_pb.AUTHENTICATION_DECISION_ACCEPTED
    assert [*counted_before.rate_limits] == []
    # 0 means one, and so does what is no count at all.
    for count in (0, -7):
        one = await _verdict(api, session_token=token, client=client, consultation_count=count)
        assert one.decision == session_pb.AUTHENTICATION_DECISION_ACCEPTED


async def test_a_partner_s_policy_is_set_shown_and_holds_from_the_next_call(api: Api) -> None:
    account, token = await _settled(api)
    partner_id, certificate = account.partner_id, "0A" * 32
    wanted = account_pb.PartnerPolicy(
        partner_id=partner_id,
        networks=["192.0.2.0/24", "2001:DB8:21::/48"],
        client_certificates_sha256=[certificate],
    )
    kept = account_pb.PartnerPolicy(
        partner_id=partner_id,
        networks=["192.0.2.0/24", "2001:db8:21::/48"],
        client_certificates_sha256=[certificate.lower()],
        etag="1",
    )
    answer = await api.accounts.SetPartnerPolicy(account_pb.SetPartnerPolicyRequest(policy=wanted))
    assert answer.policy == kept
    shown = account_pb.GetPartnerPolicyRequest(partner_id=partner_id)
    assert (await api.accounts.GetPartnerPolicy(shown)).policy == kept

    elsewhere = session_pb.ClientContext(address="203.0.113.9", certificate_sha256=certificate)
    without = session_pb.ClientContext(address="192.0.2.9")
    there = session_pb.ClientContext(address="192.0.2.9", certificate_sha256=certificate)
    network = session_pb.AUTHENTICATION_DECISION_NETWORK_NOT_ALLOWED
    needed = session_pb.AUTHENTICATION_DECISION_CLIENT_CERTIFICATE_REQUIRED
    for client, decision in ((elsewhere, network), (without, needed)):
        verdict = await _verdict(api, session_token=token, client=client)
        assert verdict == session_pb.AuthenticateResult(decision=decision)
    accepted = await _verdict(api, session_token=token, client=there)
    assert accepted.decision == session_pb.AUTHENTICATION_DECISION_ACCEPTED

    credentials = session_pb.SignInRequest(login=account.login, password=OWN_PASSWORD)
    for client, reason in ((elsewhere, "NETWORK_NOT_ALLOWED"), (without, "CLIENT_CERTIFICATE_REQUIRED")):
        credentials.client.CopyFrom(client)
        assert await _refusal(api.sessions.SignIn(credentials)) == (
            grpc.StatusCode.PERMISSION_DENIED,
            reason,
        )
    credentials.client.CopyFrom(there)
    assert (await api.sessions.SignIn(credentials)).refused_sign_in_count == 2

    # It replaces what was in force as a whole, unless somebody else changed that since it was read.
    policy = account_pb.PartnerPolicy(partner_id=partner_id, etag=kept.etag)
    changed = await api.accounts.SetPartnerPolicy(account_pb.SetPartnerPolicyRequest(policy=policy))
    assert changed.policy == account_pb.PartnerPolicy(partner_id=partner_id, etag="2")
    assert await _refusal(
        api.accounts.SetPartnerPolicy(account_pb.SetPartnerPolicyRequest(policy=policy))
    ) == (
        grpc.StatusCode.ABORTED,
        "RECORD_CHANGED",
    )
    assert (await api.accounts.GetPartnerPolicy(shown)).policy == changed.policy


async def test_what_is_no_network_or_certificate_is_named(api: Api) -> None:
    policy = account_pb.PartnerPolicy(
        partner_id=str(uuid4()), networks=["192.0.2.0/24", "192.0.2.1/24", "Valbrune"]
    )
    request = account_pb.SetPartnerPolicyRequest(policy=policy)
    assert await _broken_rules(api.accounts.SetPartnerPolicy(request)) == [
        ("policy.networks[1]", "NETWORK"),
        ("policy.networks[2]", "NETWORK"),
    ]
    policy = account_pb.PartnerPolicy(partner_id=str(uuid4()), client_certificates_sha256=["0a"])
    request = account_pb.SetPartnerPolicyRequest(policy=policy)
    assert await _broken_rules(api.accounts.SetPartnerPolicy(request)) == [
        ("policy.client_certificates_sha256[0]", "CERTIFICATE_SHA256")
    ]


async def test_a_client_without_a_certificate_does_not_get_in(stack: Stack) -> None:
    async with stack.channel("identity", client=None) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await SessionServiceStub(channel).SignOut(session_pb.SignOutRequest(), timeout=5)
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
