"""identity is the same on one Redis, behind Sentinels, and on a cluster, where one slot holds all its keys."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest

from services.identity.config import IdentitySettings
from services.identity.domain import CredentialsRefused
from services.identity.sessions.domain import Decision
from services.kit.redaction import Password, SessionToken
from tests.integration.identity.composed import compose, session_key
from tests.redis_servers import Cluster, Standalone, Watched, cluster, sentinel, standalone

Arrangement = Callable[[], AbstractAsyncContextManager[Standalone | Watched | Cluster]]
WRONG = Password("trois vaches dans le pré")


@pytest.mark.parametrize("arrangement", [standalone, sentinel, cluster])
async def test_sessions_and_guesses_go_the_same_way_in_every_arrangement(
    settings: IdentitySettings, arrangement: Arrangement
) -> None:
    async with (
        arrangement() as redis,
        compose(settings.model_copy(update={"redis": redis.settings})) as identity,
    ):
        users = [await identity.settled_user() for _ in range(3)]
        tokens = [token for _, token in users]
        batch = [tokens[2], SessionToken("never issued"), tokens[0], tokens[1], tokens[0]]
        refused = Decision.REFUSED
        assert [verdict.decision for verdict in await identity.authenticate_all(batch)] == [
            Decision.ACCEPTED,
            refused,
            *[Decision.ACCEPTED] * 3,
        ]
        identity.clock.advance(timedelta(minutes=10))
        assert (await identity.authenticate(tokens[0])).remaining == timedelta(minutes=15)
        assert (await identity.look_at(tokens[1])).remaining == timedelta(minutes=5)

        user, token = users[0]
        await identity.sign_out(token)
        assert (await identity.authenticate(token)).decision is refused
        assert not await identity.redis.exists(session_key(token))
        for _ in range(5):
            with pytest.raises(CredentialsRefused):
                await identity.sign_in(user, WRONG)
        assert await identity.accounts.is_locked(await identity.accounts.get(user.account_id))
        with pytest.raises(CredentialsRefused):
            await identity.sign_in(user)
        await identity.accounts.unlock(user.account_id)
        signed_in = await identity.sign_in(user)
        assert (await identity.authenticate(signed_in.session.token)).decision is Decision.ACCEPTED
