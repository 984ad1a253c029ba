"""The journal as the caisse's agent reads it (RGPD art. 15), however often it is cut short."""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import TypeVar

import grpc

from msa.quotient.v1 import disclosure_service_pb2 as pb
from tests.caisse import BOURGOGNE
from tests.torture.history import Line, Operation
from tests.torture.world import World

CALL_SECONDS = 4.0
INSIST_SECONDS = 60.0
PAUSE_SECONDS = 0.1
# Enough to find the line of a consultation that has just been answered.
NEWEST, ALL = 20, 500
READ_AT_ONCE = 4

_REFERENCE = re.compile(r"T(\d+)")
T = TypeVar("T")


def case_reference(number: int) -> str:
    """By what the line of an operation is known."""
    return f"T{number}"


async def line_is_there(world: World, operation: Operation) -> bool:
    """Whether the journal, read from now on, has the line of a consultation."""
    partner = world.partners[operation.partner or 0].partner_id
    async for line in _lines(world, operation.person, NEWEST, partner):
        # Newest first, by their ids.
        if line.consultation_id <= operation.consultation_id:
            return line.consultation_id == operation.consultation_id
    return False


class Readings:
    """What was read of the whole journal, and when."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._partners = {partner.partner_id: number for number, partner in enumerate(world.partners)}
        self._found: dict[str, list[int]] = defaultdict(list)
        self.starts: list[float] = []
        self.lines: list[Line] = []

    async def read(self) -> None:
        """Reads the lines of everybody in the run."""
        reading = len(self.starts)
        self.starts.append(monotonic())
        turns = asyncio.Semaphore(READ_AT_ONCE)

        async def read_of(person: int) -> None:
            async with turns:
                async for line in _lines(self._world, person, ALL):
                    self._note(reading, person, line)

        await asyncio.gather(*map(read_of, range(len(self._world.people))))

    def _note(self, reading: int, person: int, line: pb.Disclosure) -> None:
        readings = self._found[line.consultation_id]
        if not readings:
            partner = self._partners.get(line.partner_id)
            outcome = pb.DisclosureOutcome.Name(line.outcome).removeprefix("DISCLOSURE_OUTCOME_")
            operation = _operation(line.case_reference)
            self.lines.append(Line(line.consultation_id, operation, person, partner, outcome, readings))
        readings.append(reading)


def _operation(reference: str) -> int | None:
    found = _REFERENCE.fullmatch(reference)
    return int(found[1]) if found else None


async def _lines(
    world: World, person: int, page_size: int, partner_id: str = ""
) -> AsyncIterator[pb.Disclosure]:
    """A person's lines, newest first. Raises AioRpcError where nobody answers for a minute."""
    request = pb.ListDisclosuresRequest(
        caisse_code=BOURGOGNE,
        nir=world.people[person].nir,
        partner_id=partner_id,
        page_size=page_size,
    )
    while True:
        page = await _insist(lambda: world.journal.ListDisclosures(request, timeout=CALL_SECONDS))
        for line in page.disclosures:
            yield line
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


async def _insist(call: Callable[[], Awaitable[T]]) -> T:
    deadline = monotonic() + INSIST_SECONDS
    while True:
        try:
            return await call()
        except grpc.aio.AioRpcError:
            if monotonic() > deadline:
                raise
            await asyncio.sleep(PAUSE_SECONDS)
