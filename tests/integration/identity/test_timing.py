"""Whatever is refused at a sign-in, the answer reads the same and takes as long (CNIL deliberation 2022-100)."""

import itertools
from collections.abc import Iterator
from statistics import median
from time import perf_counter

import pytest

from services.identity.config import IdentitySettings, SignInSettings
from services.identity.domain import CredentialsRefused, new_login
from services.kit.redaction import Password
from tests.integration.identity.composed import CAISSE, Identity, User, compose

TRIES = 500
TRIES_PER_ACCOUNT = 4  # one less than locks it
LONGEST_GAP_SECONDS = 0.002
WRONG = Password("trois vaches dans le pré")


@pytest.mark.alone
async def test_unknown_wrong_locked_and_disabled_read_the_same_and_take_as_long(
    settings: IdentitySettings,
) -> None:
    many = SignInSettings(network_failures_per_hour=10_000, global_failures_per_minute=10_000)
    async with compose(settings.model_copy(update={"sign_in": many})) as identity:
        known = [await identity.new_user() for _ in range(TRIES // TRIES_PER_ACCOUNT)]
        disabled = [await _disabled(identity) for _ in range(TRIES // TRIES_PER_ACCOUNT)]
        locked = await _locked(identity)
        kinds: dict[str, Iterator[tuple[str, Password]]] = {
            "unknown": ((new_login(CAISSE), WRONG) for _ in itertools.count()),
            "wrong": ((user.login, WRONG) for user in itertools.cycle(known)),
            "locked": ((locked.login, locked.temporary_password) for _ in itertools.count()),
            "disabled": ((user.login, user.temporary_password) for user in itertools.cycle(disabled)),
        }
        seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
        texts: set[str] = set()
        # In turn, so that whatever else the machine does slows all of them.
        for _, (kind, tries) in itertools.product(range(TRIES), kinds.items()):
            login, password = next(tries)
            started = perf_counter()
            with pytest.raises(CredentialsRefused) as refused:
                await identity.sign_in_as(login, password)
            seconds[kind].append(perf_counter() - started)
            texts.add(f"{refused.value.reason} {refused.value} {refused.value.retry_after_seconds}")
    medians = {kind: median(times) for kind, times in seconds.items()}
    assert len(texts) == 1
    assert max(medians.values()) - min(medians.values()) <= LONGEST_GAP_SECONDS, medians


async def _disabled(identity: Identity) -> User:
    user = await identity.new_user()
    await identity.accounts.disable(user.account_id)
    return user


async def _locked(identity: Identity) -> User:
    user = await identity.new_user()
    for _ in range(TRIES_PER_ACCOUNT + 1):
        with pytest.raises(CredentialsRefused):
            await identity.sign_in_as(user.login, WRONG)
    with pytest.raises(CredentialsRefused):
        await identity.sign_in(user, user.temporary_password)
    return user
