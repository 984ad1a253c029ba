"""Use cases on deadlines."""

import asyncio

from services.kit.clock import Clock, paris_date
from services.partners.acts import Acts
from services.partners.agents.domain import Caller
from services.partners.caisses import Caisses
from services.partners.deadlines.calendar import calendar_of
from services.partners.deadlines.domain import Deadline, DeadlineList, read_horizon, urgency
from services.partners.deadlines.reading import DeadlineReader


class DeadlineService:
    """What falls due with a caisse's partners (art. 6-1, 7-2, 9, 10)."""

    def __init__(self, reader: DeadlineReader, acts: Acts, caisses: Caisses, clock: Clock) -> None:
        self._reader = reader
        self._acts = acts
        self._caisses = caisses
        self._clock = clock

    async def list(self, caller: Caller, caisse_code: str, horizon_days: int) -> DeadlineList:
        """What is overdue, and what falls due within so many days, 90 for 0; the earliest first.

        Raises InvalidField; AgentNotHabilitated for an agent of another caisse.
        """
        today = paris_date(self._clock.now())
        horizon = read_horizon(horizon_days, today)
        await self._acts.require_reader(caller, self._caisses.require(caisse_code))
        deadlines: list[Deadline] = []
        async for page in self._reader.of_caisse(caisse_code, today, horizon):
            deadlines += (addressed.deadline for addressed in page)
        return DeadlineList(today, sorted(deadlines, key=urgency))

    async def calendar(self, caller: Caller, caisse_code: str, horizon_days: int) -> bytes:
        """The same as text/calendar (RFC 5545). Raises as `list` does."""
        listed = await self.list(caller, caisse_code, horizon_days)
        name = next(caisse.name for caisse in self._caisses.all() if caisse.code == caisse_code)
        # Writing thousands of events takes longer than other calls may wait.
        return await asyncio.to_thread(calendar_of, name, listed.deadlines, self._clock.now())
