"""What ends a session ends it for good (N3, ADR 0005)."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.identity.domain import CredentialsRefused, Decision, SessionNotValid
from services.kit.errors import InvalidField
from services.kit.redaction import Password, SessionToken
from tests.integration.identity.composed import OWN_PASSWORD, Identity, User, session_key

NEW_PASSWORD = Password("deux vaches dans le pré")
End = Callable[[Identity, User, SessionToken], Awaitable[object]]

ENDS: dict[str, End] = {
    "sign_out": lambda identity, _, token: identity.sessions.sign_out(token),
    "password_change": lambda identity, _, token: identity.sessions.change_password(
        token, OWN_PASSWORD, NEW_PASSWORD
    ),
    "new_sign_in": lambda identity, user, _: identity.sign_in(user),
    "disabling": lambda identity, user, _: identity.accounts.disable(user.account_id),
    "new_temporary_password": lambda identity, user, _: identity.accounts.issue_temporary_password(
        user.account_id
    ),
    "revocation": lambda identity, user, _: identity.accounts.revoke_sessions(user.account_id),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
async def test_what_ends_a_session_holds_from_the_next_call(identity: Identity, end: End) -> None:
    user, token = await identity.settled_user()
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED
    await end(identity, user, token)
    assert (await identity.authenticate(token)).decision is Decision.REFUSED
    with pytest.raises(SessionNotValid):
        await identity.sessions.get_session(token)
    with pytest.raises(SessionNotValid):
        await identity.sessions.change_password(token, OWN_PASSWORD, NEW_PASSWORD)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
async def test_what_ends_a_session_begins_a_generation(identity: Identity, end: End) -> None:
    user, token = await identity.settled_user()
    before = await identity.accounts.get(user.account_id)
    await end(identity, user, token)
    after = await identity.accounts.get(user.account_id)
    assert after.session_generation == before.session_generation + 1


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
        tokens = [first, *(session.token for session in opened)]
        verdicts = await identity.sessions.authenticate(tokens)
        assert [verdict.decision for verdict in verdicts].count(Decision.ACCEPTED) == 1
        assert verdicts[0].decision is Decision.REFUSED


async def test_a_late_sign_out_does_not_end_the_newer_session(identity: Identity) -> None:
    user, old = await identity.settled_user()
    newer = await identity.sign_in(user)
    await identity.sessions.sign_out(old)
    assert (await identity.authenticate(newer.token)).decision is Decision.ACCEPTED


async def test_signing_out_twice_or_out_of_nothing_is_fine(identity: Identity) -> None:
    user, token = await identity.settled_user()
    for _ in range(2):
        await identity.sessions.sign_out(token)
    await identity.sessions.sign_out(SessionToken("never issued"))
    assert (await identity.authenticate((await identity.sign_in(user)).token)).decision is Decision.ACCEPTED


async def test_a_sign_in_that_a_new_temporary_password_overtakes_opens_nothing(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, _ = await identity.settled_user()
    matches = identity.passwords.matches

    async def overtaken(password_hash: str | None, password: Password) -> bool:
        proved = await matches(password_hash, password)
        await identity.accounts.issue_temporary_password(user.account_id)
        return proved

    monkeypatch.setattr(identity.passwords, "matches", overtaken)
    with pytest.raises(CredentialsRefused):
        await identity.sign_in(user)


async def test_a_password_change_that_a_revocation_overtakes_changes_nothing(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, token = await identity.settled_user()
    hashed = identity.passwords.hash

    async def overtaken(password: Password) -> str:
        await identity.accounts.revoke_sessions(user.account_id)
        return await hashed(password)

    with monkeypatch.context() as patch:
        patch.setattr(identity.passwords, "hash", overtaken)
        with pytest.raises(SessionNotValid):
            await identity.sessions.change_password(token, OWN_PASSWORD, NEW_PASSWORD)
    assert not (await identity.sign_in(user)).password_change_required


async def test_a_refused_new_password_leaves_the_session_as_it_was(identity: Identity) -> None:
    _, token = await identity.settled_user()
    with pytest.raises(InvalidField):
        await identity.sessions.change_password(token, OWN_PASSWORD, OWN_PASSWORD)
    assert (await identity.authenticate(token)).decision is Decision.ACCEPTED


async def test_a_session_in_redis_that_never_was_in_postgres_is_refused(identity: Identity) -> None:
    _, token = await identity.settled_user()
    await identity.redis.hset(session_key(token), "account_id", "00000000-0000-7000-8000-000000000000")
    assert (await identity.authenticate(token)).decision is Decision.REFUSED
