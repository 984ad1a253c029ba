"""What time ends: users whom nobody confirmed, and users of conventions that are long over. Access has ended before."""

from collections.abc import Sequence
from datetime import date, timedelta

import structlog

from services.kit.clock import Clock, paris_date
from services.partners.acts import Acts
from services.partners.habilitations.domain import Habilitation
from services.partners.habilitations.granting import UNCONFIRMED, Granting
from services.partners.habilitations.store import HabilitationStore
from services.partners.propagation.service import Propagator

_BATCH = 200
# For so long after its end a convention that was ended by mistake gets its users back with it.
_KEPT_AFTER_END = timedelta(days=30)
_log = structlog.get_logger()


class EndingService:
    """Keeps the record of what has ended by itself, and tells identity. Any number of servers may, at any time."""

    def __init__(
        self,
        habilitations: HabilitationStore,
        granting: Granting,
        acts: Acts,
        propagator: Propagator,
        clock: Clock,
    ) -> None:
        self._habilitations = habilitations
        self._granting = granting
        self._acts = acts
        self._propagator = propagator
        self._clock = clock

    async def run(self) -> None:
        """Withdraws what has ended. Raises DependencyUnavailable; what was done until then stays."""
        today = paris_date(self._clock.now())
        await self._end_unconfirmed(today)
        await self._end_with_conventions(today)

    async def _end_unconfirmed(self, today: date) -> None:
        while lapsed := await self._habilitations.list_lapsed(today, _BATCH):
            await self._end(lapsed, UNCONFIRMED)

    async def _end_with_conventions(self, today: date) -> None:
        ended_by = today - _KEPT_AFTER_END
        while orphaned := await self._habilitations.list_under_ended(ended_by, _BATCH):
            await self._end(orphaned, "the convention is over (art. 4-5, 9-2)")

    async def _end(self, habilitations: Sequence[Habilitation], reason: str) -> None:
        for habilitation in habilitations:
            begin = self._acts.begin_without_agent("end_habilitation", habilitation.caisse_code, "", reason)
            async with begin as act:
                told = await self._granting.lapse(act, habilitation.habilitation_id, reason)
            _log.info("habilitation_lapsed", habilitation_id=str(habilitation.habilitation_id))
            await self._propagator.attempt([told] if told else [])
