"""The networks and client certificates that a partner named hold for each of its users' calls (art. 7-2; N3)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from services.identity.accounts.domain import PartnerPolicy
from services.identity.config import IdentitySettings, SignInSettings
from services.identity.domain import ClientContext, CredentialsRefused
from services.identity.events.domain import SecurityEventKind
from services.identity.partner_access import AccessRefused, ClientCertificateRequired, NetworkNotAllowed
from services.identity.second_factor.domain import SecondFactorRequired
from services.identity.sessions.domain import Decision, SessionUse
from services.kit.config import DatabaseSettings
from services.kit.database import connection_parameters
from services.kit.errors import RecordChanged
from services.kit.etags import etag_of
from services.kit.migrate import OwnerSettings
from services.kit.redaction import OneTimeCode, Password
from tests.integration.identity.composed import (
    ELSEWHERE,
    NEW_PASSWORD,
    OWN_PASSWORD,
    TOWN_HALL,
    Identity,
    User,
    compose,
)
from tests.stack import Stack

NETWORKS = ["198.51.100.0/24", "2001:db8:21::/48"]
CERTIFICATE = "0a" * 32
WITH_CERTIFICATE = replace(TOWN_HALL, certificate_sha256=CERTIFICATE)
SECOND = timedelta(seconds=1)
WRONG = Password("trois vaches dans le pré")


@dataclass(frozen=True)
class _Counted:
    events: int


async def _name_networks(identity: Identity, partner_id: UUID) -> None:
    await identity.accounts.set_policy(PartnerPolicy(partner_id, networks=NETWORKS))


async def _name_certificates(identity: Identity, partner_id: UUID) -> None:
    await identity.accounts.set_policy(PartnerPolicy(partner_id, client_certificates_sha256=[CERTIFICATE]))


async def _kinds(identity: Identity, user: User) -> list[SecurityEventKind]:
    return [event.kind for event in await identity.events(user.account_id)]


async def test_a_partner_s_networks_hold_from_the_next_call(identity: Identity) -> None:
    user, token = await identity.settled_user()
    assert (await identity.authenticate(token, ELSEWHERE)).decision is Decision.ACCEPTED
    await _name_networks(identity, user.partner_id)
    refused = await identity.authenticate(token, ELSEWHERE)
    assert refused.decision is Decision.NETWORK_NOT_ALLOWED
    assert (refused.standing, refused.remaining, refused.rate_limits) == (None, None, ())
    assert (await identity.authenticate(token, TOWN_HALL)).decision is Decision.ACCEPTED
    await identity.accounts.set_policy(PartnerPolicy(user.partner_id))
    assert (await identity.authenticate(token, ELSEWHERE)).decision is Decision.ACCEPTED


@pytest.mark.parametrize(
    ("client", "decision"),
    [
        (ClientContext(address="::ffff:198.51.100.200"), Decision.ACCEPTED),
        (ClientContext(address="2001:db8:21:7::1"), Decision.ACCEPTED),
        (ClientContext(address="2001:db8:22::1"), Decision.NETWORK_NOT_ALLOWED),
        # A network is what the edge saw too, but no address: it may be from anywhere.
        (ClientContext("198.51.100.0/24"), Decision.NETWORK_NOT_ALLOWED),
        (None, Decision.NETWORK_NOT_ALLOWED),
    ],
)
async def test_who_calls_from_nowhere_known_is_refused(
    identity: Identity, client: ClientContext | None, decision: Decision
) -> None:
    user, token = await identity.settled_user()
    await _name_networks(identity, user.partner_id)
    assert (await identity.authenticate(token, client)).decision is decision


async def test_a_partner_s_certificates_hold_from_the_next_call(identity: Identity) -> None:
    user, token = await identity.settled_user()
    await _name_certificates(identity, user.partner_id)
    other = replace(TOWN_HALL, certificate_sha256="0b" * 32)
    for client in (TOWN_HALL, other):
        refused = await identity.authenticate(token, client)
        assert refused.decision is Decision.CLIENT_CERTIFICATE_REQUIRED
    assert (await identity.authenticate(token, WITH_CERTIFICATE)).decision is Decision.ACCEPTED


async def test_the_calls_of_one_batch_are_judged_each_by_where_it_comes_from(identity: Identity) -> None:
    user, token = await identity.settled_user()
    _, neighbour = await identity.settled_user()
    await _name_networks(identity, user.partner_id)
    clients = [TOWN_HALL, ELSEWHERE]
    uses = [
        SessionUse(session.digest(), client) for session in (token, neighbour, token) for client in clients
    ]
    assert [verdict.decision for verdict in await identity.sessions.authenticate(uses)] == [
        Decision.ACCEPTED,
        Decision.NETWORK_NOT_ALLOWED,
        Decision.ACCEPTED,
        Decision.ACCEPTED,
        Decision.ACCEPTED,
        Decision.NETWORK_NOT_ALLOWED,
    ]


async def test_a_session_is_left_and_looked_at_from_anywhere(identity: Identity) -> None:
    user, token = await identity.settled_user()
    await _name_networks(identity, user.partner_id)
    assert (await identity.look_at(token)).remaining.total_seconds() > 0
    await identity.sessions.sign_out(token, ELSEWHERE)
    assert (await identity.authenticate(token)).decision is Decision.REFUSED


@pytest.mark.parametrize(
    ("name", "there", "refusal"),
    [
        (_name_networks, TOWN_HALL, NetworkNotAllowed),
        (_name_certificates, replace(ELSEWHERE, certificate_sha256=CERTIFICATE), ClientCertificateRequired),
    ],
)
async def test_right_credentials_open_no_session_from_elsewhere(
    identity: Identity,
    name: Callable[[Identity, UUID], Awaitable[None]],
    there: ClientContext,
    refusal: type[AccessRefused],
) -> None:
    user, token = await identity.settled_user()
    await name(identity, user.partner_id)
    before = await identity.accounts.get(user.account_id)
    identity.clock.advance(SECOND)
    with pytest.raises(refusal):
        await identity.sign_in(user, client=ELSEWHERE)
    # Nothing came of it but the event: not even the session before has ended.
    assert (await identity.accounts.get(user.account_id)).last_sign_in_time == before.last_sign_in_time
    assert (await identity.authenticate(token, there)).decision is Decision.ACCEPTED
    events = await identity.events(user.account_id)
    assert events[-1].kind is SecurityEventKind.SIGN_IN_REFUSED
    assert events[-1].network_prefix == ELSEWHERE.network_prefix
    signed_in = await identity.sign_in(user, client=there)
    assert signed_in.refused_sign_in_count == 1


async def test_a_wrong_password_from_elsewhere_is_a_wrong_password(identity: Identity) -> None:
    user, _ = await identity.settled_user()
    await _name_networks(identity, user.partner_id)
    for _ in range(5):
        with pytest.raises(CredentialsRefused):
            await identity.sign_in(user, WRONG, client=ELSEWHERE)
    # The account is locked now, and says no more about where it may be used from than before.
    with pytest.raises(CredentialsRefused):
        await identity.sign_in(user, client=ELSEWHERE)


async def test_a_sign_in_from_elsewhere_is_no_failure_and_locks_nothing(settings: IdentitySettings) -> None:
    strict = settings.model_copy(update={"sign_in": SignInSettings(free_failures=1)})
    async with compose(strict) as identity:
        user, _ = await identity.settled_user()
        await _name_networks(identity, user.partner_id)
        for _ in range(3):
            with pytest.raises(NetworkNotAllowed):
                await identity.sign_in(user, client=ELSEWHERE)
        await identity.sign_in(user)
        assert SecurityEventKind.ACCOUNT_LOCKED not in await _kinds(identity, user)


async def test_the_second_factor_is_proved_before_anything_is_told_of_networks(identity: Identity) -> None:
    user, token = await identity.settled_user()
    _, recovery_codes, _ = await identity.enrol(token)
    await _name_networks(identity, user.partner_id)
    with pytest.raises(SecondFactorRequired):
        await identity.sign_in(user, client=ELSEWHERE)
    recovery_code = OneTimeCode(recovery_codes[0].reveal())
    with pytest.raises(NetworkNotAllowed):
        await identity.sign_in(user, code=recovery_code, client=ELSEWHERE)
    # What opened nothing is not used up.
    await identity.sign_in(user, code=recovery_code)


async def test_no_credentials_are_changed_from_elsewhere(identity: Identity) -> None:
    user, token = await identity.settled_user()
    await _name_networks(identity, user.partner_id)
    changes = identity.parts.password_changes
    identity.clock.advance(SECOND)
    with pytest.raises(CredentialsRefused):
        await changes.change(token, WRONG, NEW_PASSWORD, ELSEWHERE)
    for _ in range(2):
        with pytest.raises(NetworkNotAllowed):
            await changes.change(token, OWN_PASSWORD, NEW_PASSWORD, ELSEWHERE)
        with pytest.raises(NetworkNotAllowed):
            await identity.parts.second_factors.begin_enrolment(token, OWN_PASSWORD, ELSEWHERE)
    kinds = await _kinds(identity, user)
    assert kinds[-5:] == [SecurityEventKind.CREDENTIAL_CHANGE_REFUSED] * 5
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    changed = await changes.change(token, OWN_PASSWORD, NEW_PASSWORD, TOWN_HALL)
    assert (await identity.authenticate(changed.token)).decision is Decision.ACCEPTED


async def test_a_policy_replaces_the_one_before_and_is_an_event(identity: Identity) -> None:
    user, _ = await identity.settled_user()
    policy = PartnerPolicy(
        user.partner_id,
        second_factor_required=True,
        networks=NETWORKS,
        client_certificates_sha256=[CERTIFICATE],
    )
    in_force = await identity.accounts.set_policy(policy)
    assert in_force == replace(policy, version=1)
    assert await identity.accounts.policy(user.partner_id) == in_force
    assert await identity.accounts.policy(UUID(int=7)) == PartnerPolicy(UUID(int=7))
    await identity.accounts.set_policy(PartnerPolicy(user.partner_id))
    kept = await identity.accounts.policy(user.partner_id)
    assert (kept.second_factor_required, [*kept.networks], [*kept.client_certificates_sha256]) == (
        False,
        [],
        [],
    )


async def test_of_agents_who_edit_one_policy_at_once_one_is_heard_and_the_others_are_told(
    identity: Identity, settings: IdentitySettings
) -> None:
    """Whether or not anything was required before: what one wrote is never overwritten unseen."""
    partner_id = (await identity.new_user()).partner_id
    wanted = [PartnerPolicy(partner_id, networks=[f"203.0.{number}.0/24"]) for number in range(8)]
    async with compose(settings) as another:
        for _ in range(3):
            read = await identity.accounts.policy(partner_id)
            outcomes = await asyncio.gather(
                *(
                    server.accounts.set_policy(policy, etag_of(read.version))
                    for server, policy in zip([identity, another] * 4, wanted, strict=True)
                ),
                return_exceptions=True,
            )
            (heard,) = [each for each in outcomes if isinstance(each, PartnerPolicy)]
            assert [type(each) for each in outcomes if each is not heard] == [RecordChanged] * 7
            in_force = await identity.accounts.policy(partner_id)
            assert (in_force.networks, in_force.version) == (heard.networks, read.version + 1)


async def test_who_was_told_of_a_change_has_changed_nothing_and_it_is_no_event(identity: Identity) -> None:
    partner_id = (await identity.new_user()).partner_id
    await identity.accounts.set_policy(PartnerPolicy(partner_id, networks=NETWORKS), "0")
    events = await _policies_set(identity, partner_id)
    for outdated in ("0", "2", "no etag of ours"):
        with pytest.raises(RecordChanged):
            await identity.accounts.set_policy(PartnerPolicy(partner_id), outdated)
    in_force = await identity.accounts.policy(partner_id)
    assert (in_force.networks, in_force.version) == (NETWORKS, 1)
    assert await _policies_set(identity, partner_id) == events == 1
    # Who sends none, as clients of the release before do, replaces whatever is in force.
    assert (await identity.accounts.set_policy(PartnerPolicy(partner_id))).version == 2


async def test_a_refused_change_leaves_no_policy_where_there_was_none(identity: Identity) -> None:
    partner_id = (await identity.new_user()).partner_id
    with pytest.raises(RecordChanged):
        await identity.accounts.set_policy(PartnerPolicy(partner_id, networks=NETWORKS), "1")
    assert await identity.accounts.policy(partner_id) == PartnerPolicy(partner_id)


async def _policies_set(identity: Identity, partner_id: UUID) -> int:
    """How many events tell that this partner's policy was set."""
    counted = await identity.database.fetch_one(
        "count_policies_set",
        _Counted,
        "SELECT count(*) AS events FROM security_events WHERE kind = 'PARTNER_POLICY_SET' AND scope = %s",
        [f"partner:{partner_id}"],
    )
    assert counted is not None
    return counted.events


async def test_a_policy_of_the_release_before_lets_in_from_anywhere(identity: Identity) -> None:
    user, token = await identity.settled_user()
    await identity.database.execute(
        "as_the_release_before",
        "INSERT INTO partner_policies (partner_id, second_factor_required) VALUES (%s, false)",
        [user.partner_id],
    )
    assert (await identity.authenticate(token, None)).decision is Decision.ACCEPTED


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE partner_policies SET networks = array_fill('203.0.113.0/24'::cidr, ARRAY[65])",
        "UPDATE partner_policies SET client_certificates_sha256 = array_fill(repeat('0a', 32), ARRAY[17])",
        "UPDATE partner_policies SET client_certificates_sha256 = ARRAY['0A']",
        "UPDATE partner_policies SET client_certificates_sha256 = ARRAY[repeat('0a', 32), '']",
        "UPDATE partner_policies SET client_certificates_sha256 = ARRAY[repeat('0a', 32), NULL]",
        "UPDATE partner_policies SET client_certificates_sha256 = ARRAY[repeat('0a', 32) || ' ' || repeat('0a', 32)]",
    ],
)
async def test_the_table_keeps_nothing_that_no_call_could_match(
    stack: Stack, identity: Identity, change: str
) -> None:
    await identity.accounts.set_policy(PartnerPolicy(UUID(int=8)))
    owner: DatabaseSettings = stack.settings("identity_owner", OwnerSettings).database
    with (
        psycopg.connect(**connection_parameters(owner)) as connection,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        connection.execute(change.encode())
