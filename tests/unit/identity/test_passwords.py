"""How passwords are hashed: at what cost, how many at a time, and out of whose way (art. 4-3)."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import argon2
import pytest
from structlog.testing import capture_logs

from services.identity.config import PasswordSettings
from services.identity.passwords.common_passwords import load_common_passwords
from services.identity.passwords.domain import PasswordRules, SignInsOverloaded
from services.identity.passwords.hashing import Passwords, open_passwords
from services.identity.passwords.personal_words import PersonalWords
from services.identity.passwords.policy import PasswordPolicy
from services.identity.passwords.turns import Turns
from services.kit.errors import FieldViolation, InvalidField, Reason
from services.kit.redaction import Password

CHEAP = PasswordSettings(memory_kib=8, iterations=1, parallelism=1, maximum_waiting_hashes=3)
AT_WORK, MOST_WAITING = CHEAP.concurrent_hashes, CHEAP.maximum_waiting_hashes
RIGHT = Password("une vache dans le pré")
WRONG = Password("une vache dans le prè")
CURRENT = Password("vélo lune gruyère")
LOGIN = "x21-4f7k2m"


class Gate:
    """Holds every hash at work until it is opened."""

    def __init__(self) -> None:
        self.entered: list[Password] = []
        self._counted = threading.Lock()
        self._opened = threading.Event()

    def open(self) -> None:
        self._opened.set()

    def verify(self, _: str | None, password: Password) -> bool:
        with self._counted:
            self.entered.append(password)
        assert self._opened.wait(10)
        return True


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    async with open_passwords(CHEAP) as opened:
        yield opened


@pytest.fixture
def gate(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(passwords, "_verify", gate.verify)
    yield gate
    gate.open()


async def _flood(passwords: Passwords, gate: Gate) -> list[asyncio.Task[bool]]:
    """As many checks as may work, and as many more as may wait."""
    checks = [asyncio.create_task(passwords.matches(None, WRONG)) for _ in range(AT_WORK + MOST_WAITING)]
    await _until(lambda: len(gate.entered) == AT_WORK)
    return checks


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it never came to that")


async def test_a_hash_matches_its_password_only(passwords: Passwords) -> None:
    password_hash = await passwords.hash(RIGHT)
    assert password_hash.startswith("$argon2id$")
    assert await passwords.matches(password_hash, RIGHT)
    assert not await passwords.matches(password_hash, WRONG)
    assert await passwords.hash(RIGHT) != password_hash


async def test_the_same_password_typed_on_another_keyboard_matches(passwords: Passwords) -> None:
    password_hash = await passwords.hash(Password("pr\u00e9 et for\u00eat"))
    assert await passwords.matches(password_hash, Password("pre\u0301 et fore\u0302t"))
    assert await passwords.matches(password_hash, Password("pr\u00e9\u00a0et\u202ffor\u00eat"))


@pytest.mark.parametrize(
    "other", ["ﬁn de l’été", "fin de l'été", "Fin de l’été", "fin de l’été ", "fin de l’ete"]
)
async def test_what_reads_alike_is_another_password(passwords: Passwords, other: str) -> None:
    password_hash = await passwords.hash(Password("fin de l’été"))
    assert not await passwords.matches(password_hash, Password(other))


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


@pytest.mark.parametrize(
    "damaged", ["", "x", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$AAAA$!", "$2b$12$sentinel"]
)
async def test_a_damaged_hash_matches_nothing_takes_as_long_and_is_told(
    passwords: Passwords, damaged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    verify = argon2.PasswordHasher.verify

    def recording(hasher: argon2.PasswordHasher, password_hash: str, password: str) -> bool:
        verified.append(password_hash)
        return verify(hasher, password_hash, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", recording)
    with capture_logs() as lines:
        assert not await passwords.matches(damaged, RIGHT)
    assert verified[-1] == passwords._dummy_hash
    told = [line for line in lines if line["event"] == "password_hash_unreadable"]
    # An empty one is none at all.
    assert [line["log_level"] for line in told] == (["error"] if damaged else [])
    assert not any(damaged in str(line) or RIGHT.reveal() in str(line) for line in told)


@pytest.mark.parametrize("cost", ["memory_kib", "iterations", "parallelism"])
async def test_a_hash_is_outdated_once_any_cost_rose(cost: str) -> None:
    lower = PasswordSettings(memory_kib=64, iterations=2, parallelism=2)
    higher = lower.model_copy(update={cost: getattr(lower, cost) + 1})
    async with open_passwords(lower) as cheaper, open_passwords(higher) as dearer:
        assert dearer.is_outdated(await cheaper.hash(RIGHT))
        assert not cheaper.is_outdated(await dearer.hash(RIGHT))
        assert not cheaper.is_outdated(await cheaper.hash(RIGHT))


async def test_a_hash_is_outdated_where_one_cost_rose_and_another_fell() -> None:
    async with (
        open_passwords(PasswordSettings(memory_kib=64, iterations=1, parallelism=1)) as before,
        open_passwords(PasswordSettings(memory_kib=8, iterations=2, parallelism=1)) as now,
    ):
        assert now.is_outdated(await before.hash(RIGHT))


async def test_a_password_is_known_among_the_former_ones(passwords: Passwords) -> None:
    former = [await passwords.hash(Password(f"{number} vaches dans le pré")) for number in range(3)]
    assert await passwords.matches_any(former, Password("2 vaches dans le pré"))
    assert not await passwords.matches_any(former, RIGHT)
    assert not await passwords.matches_any([], RIGHT)


async def test_hashing_leaves_the_loop_free_and_its_number_is_bounded(
    passwords: Passwords, gate: Gate
) -> None:
    checks = await _flood(passwords, gate)
    # The loop runs on while every thread is busy.
    for _ in range(20):
        await asyncio.sleep(0.005)
    assert len(gate.entered) == AT_WORK == 2
    gate.open()
    assert all(await asyncio.gather(*checks))
    assert len(gate.entered) == AT_WORK + MOST_WAITING


async def test_who_comes_when_too_many_wait_is_told_so_at_once(passwords: Passwords, gate: Gate) -> None:
    checks = await _flood(passwords, gate)
    with pytest.raises(SignInsOverloaded) as raised:
        await asyncio.wait_for(passwords.matches(None, WRONG), timeout=1)
    assert raised.value.reason is Reason.RATE_LIMITED
    assert raised.value.retry_after_seconds is not None
    assert raised.value.retry_after_seconds > 1
    gate.open()
    assert all(await asyncio.gather(*checks))
    assert await passwords.matches(None, WRONG)


async def test_a_flood_is_turned_away_before_any_work_and_nobody_else(
    passwords: Passwords, gate: Gate
) -> None:
    passwords.require_room()
    checks = await _flood(passwords, gate)
    with pytest.raises(SignInsOverloaded):
        passwords.require_room()
    checks.pop().cancel()
    await asyncio.sleep(0)
    passwords.require_room()
    gate.open()
    assert all(await asyncio.gather(*checks))
    passwords.require_room()


async def test_a_user_who_is_known_waits_behind_nobody_who_may_be_guessing(
    passwords: Passwords, gate: Gate
) -> None:
    checks = await _flood(passwords, gate)
    urgent = [
        asyncio.create_task(passwords.matches(None, RIGHT, urgent=True)),
        asyncio.create_task(passwords.matches_any(["$former"], RIGHT)),
        asyncio.create_task(passwords.hash(CURRENT)),
    ]
    await asyncio.sleep(0.01)
    with pytest.raises(SignInsOverloaded):
        await passwords.matches(None, RIGHT, urgent=True)
    gate.open()
    await asyncio.gather(*checks, *urgent)
    assert gate.entered == [WRONG] * AT_WORK + [RIGHT] * 2 + [WRONG] * MOST_WAITING


async def test_who_gave_up_waiting_costs_nothing(passwords: Passwords, gate: Gate) -> None:
    checks = await _flood(passwords, gate)
    for check in checks[AT_WORK:]:
        check.cancel()
    await asyncio.gather(*checks[AT_WORK:], return_exceptions=True)
    others = [asyncio.create_task(passwords.matches(None, RIGHT)) for _ in range(MOST_WAITING)]
    gate.open()
    assert all(await asyncio.gather(*others))
    assert gate.entered == [WRONG] * AT_WORK + [RIGHT] * MOST_WAITING


async def test_a_hash_at_work_counts_as_such_when_nobody_waits_for_it_any_more(
    passwords: Passwords, gate: Gate
) -> None:
    checks = await _flood(passwords, gate)
    for check in checks[:AT_WORK]:
        check.cancel()
    await asyncio.gather(*checks[:AT_WORK], return_exceptions=True)
    with pytest.raises(SignInsOverloaded):
        await passwords.matches(None, RIGHT)
    gate.open()
    assert all(await asyncio.gather(*checks[AT_WORK:]))
    assert await passwords.matches(None, RIGHT)


@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_a_turn_that_came_too_late_goes_to_the_next(cancelled_first: bool) -> None:
    turns = Turns(at_work=1, maximum_waiting=2)
    await turns.take(urgent=False)
    late, following = (asyncio.create_task(turns.take(urgent=False)) for _ in range(2))
    await asyncio.sleep(0)
    # Within one step of the loop, so that neither has been seen to yet when the other comes.
    if cancelled_first:
        late.cancel()
        turns.give_back()
    else:
        turns.give_back()
        late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    await asyncio.wait_for(following, timeout=1)
    turns.give_back()
    await asyncio.wait_for(turns.take(urgent=False), timeout=1)


async def test_nobody_need_wait_for_a_free_turn_to_be_taken() -> None:
    turns = Turns(at_work=1, maximum_waiting=0)
    turns.require_room()
    await turns.take(urgent=False)
    with pytest.raises(SignInsOverloaded):
        turns.require_room()
    with pytest.raises(SignInsOverloaded):
        await turns.take(urgent=True)
    turns.give_back()
    await turns.take(urgent=False)


class RecordingRules(PasswordRules):
    """Remembers where it ran."""

    def __init__(self) -> None:
        super().__init__(load_common_passwords(), PersonalWords(bytes(32)))
        self.ran_on: list[tuple[int, tuple[int, set[int]]]] = []

    def violations(
        self, new: Password, current: Password, login: str, personal_word_indexes: Sequence[bytes]
    ) -> list[FieldViolation]:
        self.ran_on.append((threading.get_ident(), _place()))
        return super().violations(new, current, login, personal_word_indexes)


async def _broken_rules(policy: PasswordPolicy, new: str, former_hashes: Sequence[str]) -> list[str]:
    try:
        await policy.require_acceptable(
            Password(new),
            current=CURRENT,
            login=LOGIN,
            personal_word_indexes=PersonalWords(bytes(32)).indexes(["Lefèvre"]),
            former_hashes=former_hashes,
        )
    except InvalidField as error:
        return [violation.rule for violation in error.violations]
    return []


async def test_a_password_of_late_is_refused(passwords: Passwords) -> None:
    policy = PasswordPolicy(RecordingRules(), passwords)
    former = [await passwords.hash(Password(f"{number} vaches dans le pré")) for number in range(5)]
    for number in range(5):
        assert await _broken_rules(policy, f"{number} vaches dans le pré", former) == [
            "PASSWORD_RECENTLY_USED"
        ]
    assert await _broken_rules(policy, "5 vaches dans le pré", former) == []
    assert await _broken_rules(policy, "4 vaches dans le pré", former[:4]) == []


async def test_the_rules_that_cost_little_come_first(passwords: Passwords, gate: Gate) -> None:
    gate.open()
    policy = PasswordPolicy(RecordingRules(), passwords)
    assert await _broken_rules(policy, CURRENT.reveal(), ["$former"]) == ["PASSWORD_UNCHANGED"]
    assert await _broken_rules(policy, "Lefèvre dans le pré", ["$former"]) == ["PASSWORD_CONTAINS_NAME"]
    assert gate.entered == []
    assert await _broken_rules(policy, RIGHT.reveal(), ["$former"]) == ["PASSWORD_RECENTLY_USED"]
    assert gate.entered == [RIGHT]


async def test_the_rules_run_beside_the_loop(passwords: Passwords) -> None:
    rules = RecordingRules()
    assert await _broken_rules(PasswordPolicy(rules, passwords), RIGHT.reveal(), []) == []
    ((thread, place),) = rules.ran_on
    assert thread != threading.get_ident()
    # They hold the interpreter's lock: the loop would wait for whatever they wait for.
    assert place == _place()


def _place() -> tuple[int, set[int]]:
    """The niceness of the running thread, and the cores that it may use."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id()), os.sched_getaffinity(0)


async def test_hashing_gives_way_and_leaves_a_core_to_everything_else(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[tuple[int, set[int]]] = []

    def look(*_: object) -> bool:
        places.append(_place())
        return True

    monkeypatch.setattr(passwords, "_verify", look)
    niceness, cores = _place()
    assert await passwords.matches(None, RIGHT)
    ((niceness_of_hashing, cores_of_hashing),) = places
    assert niceness_of_hashing == min(niceness + 10, 19)
    assert cores_of_hashing == (cores - {min(cores)} or cores)
    assert _place() == (niceness, cores)


@pytest.mark.parametrize("call", ["nice", "sched_setaffinity"])
async def test_where_priorities_are_not_to_be_had_passwords_are_hashed_all_the_same(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, call, refuse)
    with capture_logs() as lines:
        async with open_passwords(CHEAP) as passwords:
            assert not await passwords.matches(None, RIGHT)
    assert [line["log_level"] for line in lines if line["event"] == "hashing_priority_unchanged"] == [
        "warning"
    ]
