"""N3 (art. 4-3, 4-4, 7-1, 7-2, 9-2): what is revoked is revoked from the next call on."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest
from google.type.date_pb2 import Date

from msa.identity.v1 import account_service_pb2 as account_pb
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from services.kit.clock import SystemClock, paris_date
from tests.caisse import Caisse, User
from tests.e2e.conftest import Agent
from tests.portal import NEW_PASSWORD, Portal, answered, bearer, reason
from tests.stack import Stack

# The register looks every five seconds whether identity has still to be told.
TOLD_SECONDS = 30
Revoke = Callable[[Caisse, User], Awaitable[object]]


def today() -> Date:
    day: datetime = SystemClock().now()
    paris = paris_date(day)
    return Date(year=paris.year, month=paris.month, day=paris.day)


async def disable_account(caisse: Caisse, user: User) -> None:
    await caisse.accounts.DisableAccount(account_pb.DisableAccountRequest(account_id=user.account_id))


async def revoke_sessions(caisse: Caisse, user: User) -> None:
    await caisse.accounts.RevokeSessions(account_pb.RevokeSessionsRequest(account_id=user.account_id))


async def issue_temporary_password(caisse: Caisse, user: User) -> None:
    await caisse.accounts.IssueTemporaryPassword(
        account_pb.IssueTemporaryPasswordRequest(account_id=user.account_id)
    )


async def withdraw_habilitation(caisse: Caisse, user: User) -> None:
    await caisse.habilitations.WithdrawHabilitation(
        habilitation_pb.WithdrawHabilitationRequest(
            habilitation_id=user.habilitation_id, withdrawal_reason="départ"
        )
    )


async def suspend_user(caisse: Caisse, user: User) -> None:
    await caisse.habilitations.SuspendHabilitation(
        habilitation_pb.SuspendHabilitationRequest(
            habilitation_id=user.habilitation_id, suspension_reason="suspicion d'abus"
        )
    )


async def suspend_partner(caisse: Caisse, user: User) -> None:
    await caisse.partners.SuspendPartner(
        partner_pb.SuspendPartnerRequest(partner_id=user.partner_id, suspension_reason="suspicion d'abus")
    )


async def end_convention(caisse: Caisse, user: User) -> None:
    await caisse.conventions.EndConvention(
        convention_pb.EndConventionRequest(
            convention_id=user.convention_id, end_date=today(), end_reason="accord"
        )
    )


@pytest.mark.parametrize(
    "revoke",
    [
        disable_account,
        revoke_sessions,
        issue_temporary_password,
        withdraw_habilitation,
        suspend_user,
        suspend_partner,
        end_convention,
    ],
)
async def test_what_the_caisse_ends_is_over_from_the_next_call_on(
    caisse: Caisse, portal: Portal, own_agent: Agent, revoke: Revoke
) -> None:
    nir = await caisse.publish()
    answered(await portal.consult(own_agent.token, nir))
    await revoke(caisse, own_agent.user)
    refused = await portal.consult(own_agent.token, nir)
    assert reason(refused) == "SESSION_NOT_VALID"
    assert len(await caisse.journal(nir)) == 1


@pytest.mark.parametrize(
    ("revoke", "told"),
    [
        (suspend_user, "USER_SUSPENDED"),
        (suspend_partner, "PARTNER_SUSPENDED"),
        (end_convention, "CONVENTION_NOT_IN_FORCE"),
    ],
)
async def test_a_new_session_opens_nothing_of_what_the_register_ended(
    caisse: Caisse, portal: Portal, own_agent: Agent, revoke: Revoke, told: str
) -> None:
    nir = await caisse.publish()
    await revoke(caisse, own_agent.user)
    token = await portal.sign_in_again(own_agent.user)
    assert reason(await portal.consult(token, nir)) == told
    assert await caisse.journal(nir) == []


async def test_who_has_left_does_not_sign_in_again(caisse: Caisse, portal: Portal, own_agent: Agent) -> None:
    """Art. 4-4: identity is told by the register itself."""
    await withdraw_habilitation(caisse, own_agent.user)
    refused = await portal.sign_in(own_agent.user.login, NEW_PASSWORD)
    assert reason(refused) == "CREDENTIALS_REFUSED"


async def test_where_identity_is_away_access_is_refused_and_the_telling_completes_by_itself(
    stack: Stack, caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    """The act is recorded, Authorize refuses, and identity ends the session once it is back: nothing is lost."""
    nir = await caisse.publish()
    async with stack.kept_away("identity"):
        suspended = await caisse.partners.SuspendPartner(
            partner_pb.SuspendPartnerRequest(
                partner_id=own_agent.user.partner_id, suspension_reason="suspicion d'abus"
            )
        )
    assert not suspended.sessions_ended
    await stack.wait_until_ready("identity")
    told = set[str | None]()
    async with asyncio.timeout(TOLD_SECONDS):
        while "SESSION_NOT_VALID" not in told:
            told.add(reason(await portal.consult(own_agent.token, nir)))
            await asyncio.sleep(0.2)
    assert told <= {"PARTNER_SUSPENDED", "SESSION_NOT_VALID", "DEPENDENCY_UNAVAILABLE"}
    assert await caisse.journal(nir) == []


async def test_after_sign_out_the_token_opens_nothing(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    answered(await portal.json.delete("/v1/session", headers=bearer(own_agent.token)))
    assert reason(await portal.consult(own_agent.token, nir)) == "SESSION_NOT_VALID"
    again = await portal.json.get("/v1/session", headers=bearer(own_agent.token))
    assert reason(again) == "SESSION_NOT_VALID"


async def test_after_a_change_of_password_only_the_new_session_lives(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    changed = await portal.change_password(own_agent.token, NEW_PASSWORD, "Pervenche-Myosotis-2001")
    assert reason(await portal.consult(own_agent.token, nir)) == "SESSION_NOT_VALID"
    answered(await portal.consult(answered(changed)["session_token"], nir))


async def test_a_new_sign_in_ends_the_session_before(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    token = await portal.sign_in_again(own_agent.user)
    assert reason(await portal.consult(own_agent.token, nir)) == "SESSION_NOT_VALID"
    answered(await portal.consult(token, nir))


async def test_a_lifted_suspension_opens_again(caisse: Caisse, portal: Portal, own_agent: Agent) -> None:
    nir = await caisse.publish()
    await suspend_partner(caisse, own_agent.user)
    token = await portal.sign_in_again(own_agent.user)
    assert reason(await portal.consult(token, nir)) == "PARTNER_SUSPENDED"
    await caisse.partners.LiftSuspension(
        partner_pb.LiftSuspensionRequest(partner_id=own_agent.user.partner_id)
    )
    answered(await portal.consult(token, nir))


async def test_before_the_temporary_password_is_changed_nothing_is_consulted_art_4_3(
    caisse: Caisse, portal: Portal
) -> None:
    user = await caisse.habilitate()
    nir = await caisse.publish()
    opened = answered(await portal.sign_in(user.login, user.temporary_password))
    assert opened["password_change_required"] is True
    assert reason(await portal.consult(opened["session_token"], nir)) == "PASSWORD_CHANGE_REQUIRED"
    assert await caisse.journal(nir) == []
