"""Logins and passwords (art. 4-2, 4-3, 5)."""

from datetime import timedelta

import pytest

from services.identity.accounts.domain import OfAccount
from services.identity.config import IdentitySettings
from services.identity.domain import CredentialsRefused
from services.identity.sessions.domain import Decision
from services.kit.errors import RecordAlreadyExists, RecordNotFound
from services.kit.identifiers import new_uuid7
from services.kit.redaction import Password
from tests.integration.identity.composed import OWN_PASSWORD, START, Identity, compose

WRONG = Password("trois vaches dans le pré")
UNKNOWN_LOGIN = "x21-222222"
MINUTE = timedelta(minutes=1)


async def test_a_temporary_password_must_be_changed_and_is_then_void(identity: Identity) -> None:
    user = await identity.new_user()
    opened = await identity.sign_in_as(user.login, user.temporary_password)
    assert opened.session.password_change_required
    assert opened.previous_sign_in_time is None
    assert (await identity.look_at(opened.session.token)).password_change_required
    verdict = await identity.authenticate(opened.session.token)
    assert verdict.standing is not None
    assert verdict.standing.password_change_required
    changed = await identity.change_password(opened.session.token, user.temporary_password, OWN_PASSWORD)
    assert not (await identity.look_at(changed.token)).password_change_required
    with pytest.raises(CredentialsRefused):
        await identity.sign_in_as(user.login, user.temporary_password)
    assert not (await identity.sign_in(user)).session.password_change_required


async def test_a_session_tells_the_account_and_its_habilitation(identity: Identity) -> None:
    user, token = await identity.settled_user()
    verdict = await identity.authenticate(token)
    assert verdict.standing is not None
    assert verdict.standing.account_id == user.account_id
    assert verdict.standing.habilitation_id == user.habilitation_id


async def test_a_login_is_taken_as_it_was_meant(identity: Identity) -> None:
    user, _ = await identity.settled_user()
    opened = await identity.sign_in_as(f" {user.login.upper()} ", OWN_PASSWORD)
    assert (await identity.authenticate(opened.session.token)).decision is Decision.ACCEPTED


@pytest.mark.parametrize("login", [UNKNOWN_LOGIN, "", "nobody", "x21-4f7k2m\x00", "é" * 10_000])
async def test_an_unknown_login_and_a_wrong_password_read_the_same(identity: Identity, login: str) -> None:
    user, _ = await identity.settled_user()
    with pytest.raises(CredentialsRefused) as wrong:
        await identity.sign_in_as(user.login, WRONG)
    with pytest.raises(CredentialsRefused) as unknown:
        await identity.sign_in_as(login, WRONG)
    assert str(wrong.value) == str(unknown.value)


async def test_a_disabled_account_reads_like_a_wrong_password(identity: Identity) -> None:
    user, _ = await identity.settled_user()
    await identity.accounts.disable(user.account_id)
    with pytest.raises(CredentialsRefused):
        await identity.sign_in(user)


async def test_disabling_twice_keeps_the_first_time(identity: Identity) -> None:
    user = await identity.new_user()
    await identity.accounts.disable(user.account_id)
    identity.clock.advance(MINUTE)
    await identity.accounts.disable(user.account_id)
    assert (await identity.accounts.get(user.account_id)).disable_time == START


async def test_a_new_temporary_password_enables_and_voids_the_old_one(identity: Identity) -> None:
    user, _ = await identity.settled_user()
    await identity.accounts.disable(user.account_id)
    temporary = await identity.accounts.issue_temporary_password(user.account_id)
    assert temporary.expire_time == START + timedelta(days=30)
    with pytest.raises(CredentialsRefused):
        await identity.sign_in(user)
    assert (await identity.sign_in_as(user.login, temporary.password)).session.password_change_required
    assert (await identity.accounts.get(user.account_id)).disable_time is None


async def test_a_habilitation_has_one_account(identity: Identity) -> None:
    user = await identity.new_user()
    with pytest.raises(RecordAlreadyExists):
        await identity.accounts.create(user.habilitation_id, user.partner_id, "21", [])
    found = await identity.accounts.get_by_habilitation(user.habilitation_id)
    assert found.account_id == user.account_id


async def test_a_login_that_is_taken_is_drawn_again(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = (await identity.new_user()).login
    free = f"{taken[:-1]}{'2' if taken[-1] != '2' else '3'}"
    drawn = [taken, taken, free]
    monkeypatch.setattr("services.identity.accounts.service.new_login", lambda _: drawn.pop(0))
    assert (await identity.new_user()).login == free


async def test_what_concerns_no_account_is_not_found(identity: Identity) -> None:
    nobody = new_uuid7(START)
    for attempt in (
        identity.accounts.get(nobody),
        identity.accounts.get_by_habilitation(nobody),
        identity.accounts.issue_temporary_password(nobody),
        identity.accounts.disable(nobody),
        identity.accounts.revoke_sessions(OfAccount(nobody)),
    ):
        with pytest.raises(RecordNotFound):
            await attempt


async def test_a_hash_of_another_cost_is_renewed_at_the_next_sign_in(
    settings: IdentitySettings, identity: Identity
) -> None:
    user, _ = await identity.settled_user()
    before = (await identity.accounts.get(user.account_id)).password_hash
    dearer = settings.passwords.model_copy(update={"iterations": 2})
    async with compose(settings.model_copy(update={"passwords": dearer})) as changed:
        await changed.sign_in(user)
        renewed = (await changed.accounts.get(user.account_id)).password_hash
        assert ",t=1," in before
        assert ",t=2," in renewed
        await changed.sign_in(user)
        assert (await changed.accounts.get(user.account_id)).password_hash == renewed
