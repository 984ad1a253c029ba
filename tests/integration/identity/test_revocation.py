"""What ends a session ends it for good (N3, ADR 0007)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from psycopg import AsyncConnection

from services.identity.accounts.domain import (
    EVERYBODY,
    UNKNOWN_PARTNER,
    OfAccount,
    OfHabilitation,
    OneSession,
    RevocationScope,
    of_caisse,
    of_partner,
)
from services.identity.config import IdentitySettings, SessionSettings
from services.identity.domain import CredentialsRefused, SessionNotValid
from services.identity.events.domain import SecurityEventKind
from services.identity.sessions.domain import Decision, Session
from services.identity.sessions.store import SessionStore
from services.kit.errors import InvalidField, RecordNotFound
from services.kit.identifiers import new_uuid7
from services.kit.redaction import Password, SessionToken
from tests.integration.identity.composed import (
    NEW_PASSWORD,
    OWN_PASSWORD,
    START,
    Identity,
    User,
    compose,
    session_key,
)

End = Callable[[Identity, User, SessionToken], Awaitable[object]]

ENDS: dict[str, End] = {
    "sign_out": lambda identity, _, token: identity.sign_out(token),
    "password_change": lambda identity, _, token: identity.change_password(token, OWN_PASSWORD, NEW_PASSWORD),
    "new_sign_in": lambda identity, user, _: identity.sign_in(user),
    "disabling": lambda identity, user, _: identity.accounts.disable(user.account_id),
    "new_temporary_password": lambda identity, user, _: identity.accounts.issue_temporary_password(
        user.account_id
    ),
    "revocation_of_account": lambda identity, user, _: identity.accounts.revoke_sessions(
        OfAccount(user.account_id)
    ),
    "revocation_of_habilitation": lambda identity, user, _: identity.accounts.revoke_sessions(
        OfHabilitation(user.habilitation_id)
    ),
    "revocation_of_session": lambda identity, _, token: _revoke_one(identity, token),
    "revocation_of_partner": lambda identity, user, _: identity.accounts.revoke_sessions(
        of_partner(user.partner_id)
    ),
    "revocation_of_caisse": lambda identity, _user, _token: identity.accounts.revoke_sessions(
        of_caisse("21")
    ),
    "revocation_of_all": lambda identity, _user, _token: identity.accounts.revoke_sessions(EVERYBODY),
    "second_factor": lambda identity, _, token: identity.enrol(token),
}


async def _revoke_one(identity: Identity, token: SessionToken) -> None:
    standings = await identity.authenticate(token)
    assert standings.standing is not None
    await identity.accounts.revoke_sessions(OneSession(standings.standing.session_id))


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
async def test_what_ends_a_session_holds_from_the_next_call(identity: Identity, end: End) -> None:
    user, token = await identity.settled_user()
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    await end(identity, user, token)
    assert (await identity.authenticate(token)).decision is Decision.REFUSED
    with pytest.raises(SessionNotValid):
        await identity.look_at(token)
    with pytest.raises(SessionNotValid):
        await identity.change_password(token, OWN_PASSWORD, NEW_PASSWORD)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
async def test_a_failover_of_redis_does_not_bring_an_ended_session_back(identity: Identity, end: End) -> None:
    user, token = await identity.settled_user()
    before = await identity.redis.dump(session_key(token))
    assert before is not None
    await end(identity, user, token)
    # A replica that had not heard of the end yet is promoted.
    await identity.redis.restore(session_key(token), 0, before, replace=True)
    assert (await identity.authenticate(token)).decision is Decision.REFUSED


async def test_of_two_sign_ins_at_once_one_session_lives(identity: Identity) -> None:
    user, first = await identity.settled_user()
    for _ in range(5):
        opened = await asyncio.gather(*(identity.sign_in(user) for _ in range(4)))
        tokens = [first, *(signed_in.session.token for signed_in in opened)]
        verdicts = await identity.authenticate_all(tokens)
        assert [verdict.decision for verdict in verdicts].count(Decision.ACCEPTED) == 1
        assert verdicts[0].decision is Decision.REFUSED


async def test_a_late_sign_out_does_not_end_the_newer_session(identity: Identity) -> None:
    user, old = await identity.settled_user()
    newer = await identity.sign_in(user)
    await identity.sign_out(old)
    assert (await identity.authenticate(newer.session.token)).decision is Decision.ACCEPTED


async def test_signing_out_twice_or_out_of_nothing_is_fine(identity: Identity) -> None:
    user, token = await identity.settled_user()
    for _ in range(2):
        await identity.sign_out(token)
    await identity.sign_out(SessionToken("never issued"))
    assert (
        await identity.authenticate((await identity.sign_in(user)).session.token)
    ).decision is Decision.ACCEPTED


async def test_a_sign_in_that_a_new_temporary_password_overtakes_opens_nothing(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, _ = await identity.settled_user()
    matches = identity.parts.passwords.matches

    async def overtaken(password_hash: str | None, password: Password, *, urgent: bool = False) -> bool:
        proved = await matches(password_hash, password, urgent=urgent)
        await identity.accounts.issue_temporary_password(user.account_id)
        return proved

    monkeypatch.setattr(identity.parts.passwords, "matches", overtaken)
    with pytest.raises(CredentialsRefused):
        await identity.sign_in(user)


async def test_a_password_change_that_a_revocation_overtakes_changes_nothing(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, token = await identity.settled_user()
    hashed = identity.parts.passwords.hash

    async def overtaken(password: Password) -> str:
        await identity.accounts.revoke_sessions(OfAccount(user.account_id))
        return await hashed(password)

    with monkeypatch.context() as patch:
        patch.setattr(identity.parts.passwords, "hash", overtaken)
        with pytest.raises(SessionNotValid):
            await identity.change_password(token, OWN_PASSWORD, NEW_PASSWORD)
    assert not (await identity.sign_in(user)).session.password_change_required


async def test_a_refused_new_password_leaves_the_session_as_it_was(identity: Identity) -> None:
    _, token = await identity.settled_user()
    with pytest.raises(InvalidField):
        await identity.change_password(token, OWN_PASSWORD, OWN_PASSWORD)
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED


async def test_a_session_that_only_redis_knows_is_refused(identity: Identity) -> None:
    _, token = await identity.settled_user()
    stranger = SessionToken("never issued")
    kept = await identity.redis.dump(session_key(token))
    assert kept is not None
    await identity.redis.restore(session_key(stranger), 60_000, kept, replace=True)
    assert (await identity.authenticate(stranger)).decision is Decision.REFUSED
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED


async def test_a_session_that_only_postgres_knows_is_refused(identity: Identity) -> None:
    _, token = await identity.settled_user()
    await identity.redis.delete(session_key(token))
    assert (await identity.authenticate(token)).decision is Decision.REFUSED


async def test_signing_out_of_a_session_that_redis_lost_ends_it_for_good(identity: Identity) -> None:
    _, token = await identity.settled_user()
    kept = await identity.redis.dump(session_key(token))
    assert kept is not None
    await identity.redis.delete(session_key(token))
    await identity.sign_out(token)
    # An older copy of Redis is put back by hand.
    await identity.redis.restore(session_key(token), 60_000, kept, replace=True)
    assert (await identity.authenticate(token)).decision is Decision.REFUSED


@pytest.mark.parametrize(
    ("scope", "still_signed_in"),
    [
        ("account", {"colleague", "elsewhere", "other_caisse"}),
        ("partner", {"elsewhere", "other_caisse"}),
        ("caisse", {"other_caisse"}),
        ("all", set[str]()),
    ],
)
async def test_a_revocation_reaches_whom_it_names_and_nobody_else(
    identity: Identity, scope: str, still_signed_in: set[str]
) -> None:
    user, token = await identity.settled_user()
    tokens = {
        "user": token,
        "colleague": (await identity.settled_user(user.partner_id))[1],
        "elsewhere": (await identity.settled_user())[1],
        "other_caisse": (await identity.settled_user(caisse_code="12"))[1],
    }
    scopes: dict[str, RevocationScope] = {
        "account": OfAccount(user.account_id),
        "partner": of_partner(user.partner_id),
        "caisse": of_caisse("21"),
        "all": EVERYBODY,
    }
    await identity.accounts.revoke_sessions(scopes[scope])
    verdicts = await identity.authenticate_all([*tokens.values()])
    alive = {
        name for name, verdict in zip(tokens, verdicts, strict=True) if verdict.decision is Decision.ACCEPTED
    }
    assert alive == still_signed_in
    again = await identity.sign_in(user)
    assert (await identity.authenticate(again.session.token)).decision is Decision.ACCEPTED


async def test_an_account_whose_partner_was_never_noted_falls_with_every_partner(identity: Identity) -> None:
    _, token = await identity.settled_user(UNKNOWN_PARTNER)
    await identity.accounts.revoke_sessions(of_partner(new_uuid7(START)))
    assert (await identity.authenticate(token)).decision is Decision.REFUSED


async def test_revoking_what_is_not_there_is_told(identity: Identity) -> None:
    nobody = new_uuid7(START)
    for scope in (OfAccount(nobody), OfHabilitation(nobody), OneSession(nobody)):
        with pytest.raises(RecordNotFound):
            await identity.accounts.revoke_sessions(scope)


async def test_a_sign_in_that_a_wide_revocation_overtakes_is_over_from_the_start(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, _ = await identity.settled_user()
    add = SessionStore.add

    async def overtaken(store: SessionStore, connection: AsyncConnection, session: Session) -> None:
        await add(store, connection, session)
        await identity.accounts.revoke_sessions(EVERYBODY)

    with monkeypatch.context() as patch:
        patch.setattr(SessionStore, "add", overtaken)
        opened = await identity.sign_in(user)
    assert (await identity.authenticate(opened.session.token)).decision is Decision.REFUSED


async def test_one_session_of_several_ends_alone(settings: IdentitySettings) -> None:
    several = settings.model_copy(update={"sessions": SessionSettings(sessions_per_account=2)})
    async with compose(several) as identity:
        user, first = await identity.settled_user()
        identity.clock.advance(timedelta(seconds=1))
        second = await identity.sign_in(user)
        assert not second.earlier_session_ended
        identity.clock.advance(timedelta(seconds=1))
        third = await identity.sign_in(user)
        assert third.earlier_session_ended
        tokens = [first, second.session.token, third.session.token]
        assert [verdict.decision for verdict in await identity.authenticate_all(tokens)] == [
            Decision.REFUSED,
            Decision.ACCEPTED,
            Decision.ACCEPTED,
        ]
        await identity.sign_out(second.session.token)
        assert (await identity.authenticate(third.session.token)).decision is Decision.ACCEPTED


async def test_a_second_sign_in_says_that_it_ended_a_session(identity: Identity) -> None:
    user, _ = await identity.settled_user()
    second = await identity.sign_in(user)
    assert second.earlier_session_ended
    await identity.sign_out(second.session.token)
    third = await identity.sign_in(user)
    assert not third.earlier_session_ended
    identity.clock.advance(timedelta(hours=9))
    assert not (await identity.sign_in(user)).earlier_session_ended
    kinds = [event.kind for event in await identity.events(user.account_id)]
    # The first, by the sign-in that follows the change of password, and no session that was over anyway.
    assert kinds.count(SecurityEventKind.SESSION_SUPERSEDED) == 1
