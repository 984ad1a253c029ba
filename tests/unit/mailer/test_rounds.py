import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from services.mailer.domain import Pauses
from services.mailer.rounds import rounds

PAUSES = Pauses(every_seconds=60, first_seconds=15, longest_seconds=100)


class Rounds:
    """Rounds that fail as told, and the pauses after them."""

    def __init__(self, *failures: Exception | None) -> None:
        self._failures = list(failures)
        self.pauses: list[float] = []
        self.over = asyncio.Event()

    async def work(self) -> None:
        if failure := self._failures.pop(0):
            raise failure

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if not self._failures:
            self.over.set()
            await asyncio.Event().wait()


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Callable[[Rounds], Awaitable[list[float]]]:
    """Does rounds until none is left; the pauses after each."""

    async def all_of(told: Rounds) -> list[float]:
        monkeypatch.setattr("services.mailer.rounds.asyncio.sleep", told.sleep)
        async with asyncio.timeout(5), rounds(told.work, PAUSES, "deliver"):
            await told.over.wait()
        return told.pauses

    return all_of


Done = Callable[[Rounds], Awaitable[list[float]]]


async def test_rounds_follow_each_other_at_even_pauses(done: Done) -> None:
    assert await done(Rounds(None, None, None)) == [60, 60, 60]


async def test_pauses_grow_while_rounds_fail_and_are_even_again_afterwards(done: Done) -> None:
    away = ConnectionRefusedError()
    assert await done(Rounds(away, away, away, away, None, away)) == [15, 30, 60, 100, 60, 15]


async def test_a_failure_is_logged_by_its_class_only(done: Done) -> None:
    with capture_logs() as logs:
        await done(Rounds(ValueError("odile@montfaucelle.example"), None))
    (line,) = logs
    assert (line["event"], line["work"], line["error_type"]) == ("round_stopped", "deliver", "ValueError")
    assert "montfaucelle" not in str(logs)


async def test_a_round_that_goes_on_when_the_block_ends_is_waited_for() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    async with rounds(work, PAUSES, "deliver"):
        await begun.wait()
    assert ended.is_set()
