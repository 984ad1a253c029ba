import asyncio
import threading
from collections.abc import AsyncIterator

import argon2
import pytest

from services.identity.config import PasswordSettings
from services.identity.passwords.hashing import Passwords, open_passwords
from services.kit.redaction import Password

CHEAP = PasswordSettings(memory_kib=8, iterations=1, parallelism=1)
RIGHT = Password("une vache dans le pré")


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    async with open_passwords(CHEAP) as opened:
        yield opened


async def test_a_hash_matches_its_password_only(passwords: Passwords) -> None:
    password_hash = await passwords.hash(RIGHT)
    assert password_hash.startswith("$argon2id$")
    assert await passwords.matches(password_hash, RIGHT)
    assert not await passwords.matches(password_hash, Password("une vache dans le prè"))


async def test_the_same_password_typed_on_another_keyboard_matches(passwords: Passwords) -> None:
    password_hash = await passwords.hash(Password("pr\u00e9 et for\u00eat"))
    assert await passwords.matches(password_hash, Password("pre\u0301 et fore\u0302t"))


async def test_no_password_matches_an_unknown_account(passwords: Passwords) -> None:
    assert not await passwords.matches(None, RIGHT)
    assert not await passwords.matches(None, Password(""))


async def test_an_unknown_account_costs_what_a_known_one_costs() -> None:
    async with open_passwords(PasswordSettings()) as passwords:
        known = argon2.extract_parameters(await passwords.hash(RIGHT))
        assert argon2.extract_parameters(passwords._dummy_hash) == known
    assert (known.type, known.memory_cost, known.time_cost, known.parallelism) == (
        argon2.Type.ID,
        64 * 1024,
        3,
        4,
    )


async def test_a_hash_of_another_cost_is_outdated(passwords: Passwords) -> None:
    async with open_passwords(CHEAP.model_copy(update={"iterations": 2})) as dearer:
        assert passwords.is_outdated(await dearer.hash(RIGHT))
    assert not passwords.is_outdated(await passwords.hash(RIGHT))


async def test_hashing_leaves_the_loop_free_and_its_number_is_bounded(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    working, most, counted = 0, 0, threading.Lock()
    release = threading.Event()

    def wait(_: Passwords, __: str, ___: Password) -> bool:
        nonlocal working, most
        with counted:
            working += 1
            most = max(most, working)
        release.wait(10)
        with counted:
            working -= 1
        return True

    monkeypatch.setattr(Passwords, "_verify", wait)
    checks = [asyncio.create_task(passwords.matches(None, RIGHT)) for _ in range(8)]
    # The loop runs on while every thread is busy.
    for _ in range(20):
        await asyncio.sleep(0.005)
    assert most == CHEAP.concurrent_hashes == 2
    release.set()
    assert all(await asyncio.gather(*checks))
    assert most == CHEAP.concurrent_hashes
