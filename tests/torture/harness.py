"""One run: clients act, parts are killed, the journal is read, and all of it becomes a history."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from time import monotonic

from tests.stack import Stack
from tests.torture.clients import Client, Notes
from tests.torture.history import History
from tests.torture.journal import Readings
from tests.torture.parts import KILLED, PARTS
from tests.torture.world import World, inhabited

# Of a run: there is work before the first kill and after the last.
KILLS_FROM, KILLS_TO = 0.02, 0.97
# Where in a run all of the journal is read, besides its end.
READ_AT = (0.35, 0.7)
# A statement lives two seconds at most, and waits for its connection for one (services/kit/database.py).
SETTLE_SECONDS = 10.0
POLL_SECONDS = 0.02
LONGEST_WHIM_SECONDS = 0.1


@dataclass(frozen=True)
class Plan:
    """What is asked of a run: so many answered calls, and kills of each of `killed` in turn."""

    operations: int
    kills: int
    clients: int = 32
    dossiers: int = 120
    seed: int = 0
    limit_seconds: float = 1500.0
    killed: Sequence[str] = KILLED


class Run:
    """A run, and how far it is."""

    def __init__(self, plan: Plan, world: World) -> None:
        self.plan = plan
        self.notes = Notes()
        self.kills: Counter[str] = Counter()
        self.is_late = False
        self._world = world
        self._readings = Readings(world)
        self._started = monotonic()
        self._ended: float | None = None

    @property
    def seconds(self) -> float:
        """How long it took, or has been going."""
        return (self._ended or monotonic()) - self._started

    @property
    def is_done(self) -> bool:
        """Whether all was done that was asked."""
        return self.notes.answered >= self.plan.operations and self.kills.total() >= self.plan.kills

    @property
    def history(self) -> History:
        """What was done and seen so far."""
        return History(
            self._world.families,
            SETTLE_SECONDS,
            self.notes.operations,
            self._readings.lines,
            self._readings.starts,
        )

    async def go(self, draw: Random) -> None:
        """All of it. Raises TimeoutError where the stack does not come back, AioRpcError where the journal does not."""
        clients = [
            Client(number, self._world, self.notes, Random(draw.random()))  # noqa: S311  # repeatable on purpose
            for number in range(self.plan.clients)
        ]
        beside = [asyncio.create_task(self._kill(draw)), asyncio.create_task(self._read())]
        try:
            await asyncio.gather(*(client.act_until(self._is_over) for client in clients))
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        for part in ("postgres", *PARTS):
            await self._world.stack.wait_until_ready(part)
        await self._readings.read()
        self._ended = monotonic()

    def _is_over(self) -> bool:
        self.is_late = self.is_late or self.seconds > self.plan.limit_seconds
        return self.is_done or self.is_late

    async def _kill(self, draw: Random) -> None:
        parts = list(self.plan.killed)
        instants = sorted(draw.uniform(KILLS_FROM, KILLS_TO) for _ in range(self.plan.kills))
        for number, instant in enumerate(instants):
            if number % len(parts) == 0:
                draw.shuffle(parts)
            await self._reached(instant)
            await asyncio.sleep(draw.uniform(0, LONGEST_WHIM_SECONDS))
            part = parts[number % len(parts)]
            await kill(self._world.stack, part)
            self.kills[part] += 1

    async def _read(self) -> None:
        for instant in READ_AT:
            await self._reached(instant)
            await self._readings.read()

    async def _reached(self, share: float) -> None:
        while self.notes.answered < share * self.plan.operations:  # noqa: ASYNC110 - a poll costs less than waking
            await asyncio.sleep(POLL_SECONDS)


async def kill(stack: Stack, part: str) -> None:
    """`kill -9` of a part; of one that is being started again, as soon as it runs."""
    while True:
        with suppress(KeyError):
            return await asyncio.to_thread(stack.kill, part)
        await asyncio.sleep(POLL_SECONDS)


async def torture(stack: Stack, plan: Plan, progress: Callable[[Run], None] = lambda _: None) -> Run:
    """One run on a running stack, with families and partners of its own; `progress` hears of it twice a second."""
    draw = Random(plan.seed)  # noqa: S311  # repeatable on purpose
    async with inhabited(stack, plan.dossiers, draw) as world:
        run = Run(plan, world)
        telling = asyncio.create_task(_tell(run, progress))
        try:
            await run.go(draw)
        finally:
            telling.cancel()
        return run


async def _tell(run: Run, progress: Callable[[Run], None]) -> None:
    while True:
        progress(run)
        await asyncio.sleep(0.5)
