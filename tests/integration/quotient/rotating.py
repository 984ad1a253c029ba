"""What goes on while keys are rotated: clients of several replicas who check every answer they get."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

import grpc

from msa.quotient.v1 import disclosure_service_pb2 as pb
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from services.kit.status import reason_of
from tests.integration.quotient.caller import BOURGOGNE, Caller, item, period, record
from tests.people import new_nir

AVAILABLE, OPPOSED = pb.DISCLOSURE_OUTCOME_AVAILABLE, pb.DISCLOSURE_OUTCOME_OPPOSED
CHUNK = 500
FIRST_DAY = date(2026, 1, 1)


def family(nir: str, amount_cents: int = 61234) -> dossier_pb.DossierRecord:
    """A family's record; its name tells the amount, so that one shows whether both are of one publication."""
    return record(nir, nom=f"Mirabelle{amount_cents}", qf=period(FIRST_DAY, amount_cents=amount_cents))


async def publish_many(caller: Caller, nirs: Sequence[str]) -> None:
    """Publishes a family for each."""
    await caller.publish_chunks(
        [family(nir) for nir in nirs[start : start + CHUNK]] for start in range(0, len(nirs), CHUNK)
    )


@dataclass
class Town:
    """Families, by what must be met of each, and what was met instead."""

    callers: Sequence[Caller]
    untouched: Sequence[str]
    objecting: Sequence[str]
    wavering: Sequence[str]
    republished: Sequence[str]
    newcomers: list[str] = field(default_factory=list)
    answers: int = 0
    unanswered: int = 0
    acknowledged: int = 0
    wrong: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def clients(self) -> list[Coroutine[object, object, None]]:
        """Those who consult, and those who write, each with families of its own."""
        return [
            *(self._repeat(self._consult) for _ in range(3)),
            self._repeat(self._check),
            *(self._waver(nir) for nir in self.wavering),
            self._republish(),
            self._welcome(),
        ]

    def _any(self) -> Caller:
        return random.choice(self.callers)  # noqa: S311 - which replica is asked is no secret

    async def _repeat(self, ask: Callable[[], Coroutine[object, object, None]]) -> None:
        while not self.over.is_set():
            try:
                await ask()
                self.answers += 1
            except grpc.aio.AioRpcError as error:
                self._note_failure(error)
                await asyncio.sleep(0.02)

    def _note_failure(self, error: grpc.aio.AioRpcError) -> None:
        """A replica that was killed answers nothing; one that runs has no reason not to answer who consults."""
        self.unanswered += 1
        if reason_of(error) is not None:
            self.wrong.append(f"refused: {reason_of(error)}")

    async def _consult(self) -> None:
        shown, withheld = random.sample(self.untouched, 5), random.sample(self.objecting, 2)
        results = await self._any().disclose(*map(item, (*shown, *withheld)))
        expected = [AVAILABLE] * len(shown) + [OPPOSED] * len(withheld)
        self._compare("consulted", [result.outcome for result in results], expected)

    async def _check(self) -> None:
        clear, objecting = random.sample(self.untouched, 5), random.sample(self.objecting, 2)
        standing = await self._any().check(*clear, *objecting)
        expected: list[list[tuple[str, str]]] = [[] for _ in clear]
        self._compare("checked", standing, expected + [[(BOURGOGNE, "")]] * len(objecting))

    async def _waver(self, nir: str) -> None:
        """Objects and withdraws, again and again: each holds from its acknowledgement on, with every replica."""
        while not self.over.is_set():
            await self._acknowledged(lambda caller: caller.record_opposition(nir))
            await self._each_replica_shows(nir, OPPOSED)
            # Whoever asks again after an answer that was lost finds that none stands any more.
            await self._acknowledged(lambda caller: caller.withdraw_opposition(nir))
            await self._each_replica_shows(nir, AVAILABLE)

    async def _each_replica_shows(self, nir: str, outcome: int) -> None:
        for caller in self.callers:
            with suppress(grpc.aio.AioRpcError):
                self._compare("after an opposition", [(await caller.consult(item(nir))).outcome], [outcome])

    async def _republish(self) -> None:
        amount_cents = 70000
        while not self.over.is_set():
            amount_cents += 1
            await self._published([family(nir, amount_cents) for nir in self.republished])
            for nir in random.sample(self.republished, 3):
                await self._shows_amount(nir, amount_cents)

    async def _shows_amount(self, nir: str, amount_cents: int) -> None:
        for caller in self.callers:
            with suppress(grpc.aio.AioRpcError):
                result = await caller.consult(item(nir))
                told = [
                    (shown.amount_cents, result.coordonnees.allocataires[0].nom_naissance)
                    for shown in result.periods
                ]
                self._compare("republished", told, [(amount_cents, f"Mirabelle{amount_cents}")])

    async def _welcome(self) -> None:
        """New families, and published again at once by another replica: each is one person and stays one."""
        while not self.over.is_set():
            nirs = [new_nir() for _ in range(20)]
            for _ in range(2):
                await self._published([family(nir) for nir in nirs])
            self.newcomers += nirs
            await asyncio.sleep(0.05)

    async def _published(self, records: Sequence[dossier_pb.DossierRecord]) -> None:
        await self._acknowledged(lambda caller: caller.publish(*records))

    async def _acknowledged(self, act: Callable[[Caller], Coroutine[object, object, object]]) -> None:
        """Acts until some replica says that it is done, or that it was done before."""
        while True:
            try:
                await act(self._any())
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.NOT_FOUND:
                    return
                await asyncio.sleep(0.05)
            else:
                self.acknowledged += 1
                return

    def _compare(self, what: str, met: object, expected: object) -> None:
        if met != expected:
            self.wrong.append(f"{what}: {met} instead of {expected}")
