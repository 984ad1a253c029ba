"""Use cases on what a caisse decides about its service (art. 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from services.kit.availability import MonthAvailability, months_below_promise
from services.kit.clock import Clock
from services.kit.identifiers import new_uuid7
from services.partners.acts import Act, Acts, unique
from services.partners.agents.domain import Caller
from services.partners.caisse_settings.domain import (
    CaisseAvailability,
    CaisseSettings,
    Maintenance,
    MaintenanceOverlaps,
    maintenance_message,
    planned_window,
)
from services.partners.caisse_settings.store import CaisseSettingsStore
from services.partners.caisses import Caisses
from services.partners.history.domain import EventKind, SubjectKind
from services.partners.records import found

# Reaches behind the first day of any month.
_MONTH = timedelta(days=32)
_log = structlog.get_logger()


@dataclass(frozen=True)
class Plan:
    """A maintenance that was planned, and the months that keep the availability promised no more with it (art. 5)."""

    maintenance: Maintenance
    months_below_promise: Sequence[MonthAvailability]


class CaisseSettingsService:
    """What a caisse asks of every consultation, and when its service is in maintenance."""

    def __init__(self, kept: CaisseSettingsStore, acts: Acts, caisses: Caisses, clock: Clock) -> None:
        self._kept = kept
        self._acts = acts
        self._caisses = caisses
        self._clock = clock

    async def get(self, caller: Caller, caisse_code: str) -> CaisseSettings:
        """What a caisse asks of every consultation. Raises InvalidField, AgentNotHabilitated."""
        await self._acts.require_reader(caller, self._caisses.require(caisse_code))
        return await self._kept.find(caisse_code) or CaisseSettings(caisse_code)

    async def set(self, caller: Caller, settings: CaisseSettings, reason: str) -> CaisseSettings:
        """Sets it, for the next consultation on. Raises InvalidField, AgentNotHabilitated."""
        caisse_code = self._caisses.require(settings.caisse_code)
        async with self._acts.begin("set_caisse_settings", caller, caisse_code, reason) as act:
            before = await self._kept.lock(act.connection, caisse_code, new_uuid7(act.now))
            await self._kept.update(act.connection, settings)
            kind, subject_kind = EventKind.CAISSE_SETTINGS_SET, SubjectKind.CAISSE_SETTINGS
            await act.note(kind, subject_kind, before.settings_id, before.settings, settings)
        _log.info("caisse_settings_set", caisse_code=caisse_code)
        return settings

    async def plan_maintenance(
        self,
        caller: Caller,
        caisse_code: str,
        start_time: datetime | None,
        end_time: datetime | None,
        message: str,
        reason: str,
    ) -> Plan:
        """Plans a maintenance; without a start it begins now, and holds from the next consultation on (art. 5).

        That a month keeps the availability promised no more is told, and is no reason to refuse.
        Raises InvalidField, AgentNotHabilitated; MaintenanceOverlaps where another one takes of the same time.
        """
        told = maintenance_message(message)
        self._caisses.require(caisse_code)
        with unique("maintenances_no_overlap", otherwise=MaintenanceOverlaps):
            async with self._acts.begin("plan_maintenance", caller, caisse_code, reason) as act:
                await self._kept.lock(act.connection, caisse_code, new_uuid7(act.now))
                # Who waited for the lock begins no earlier than it was given.
                now = self._clock.now()
                window = planned_window(start_time, end_time, now)
                planned = Maintenance(
                    new_uuid7(act.now), caisse_code, window.start_time, window.end_time, told
                )
                await self._kept.insert_maintenance(act.connection, planned)
                kind = EventKind.MAINTENANCE_PLANNED
                await act.note(kind, SubjectKind.MAINTENANCE, planned.maintenance_id, None, planned)
                below = await self._months_below(act, planned)
        _log.info("maintenance_planned", maintenance_id=str(planned.maintenance_id), caisse_code=caisse_code)
        for month in below:
            _log.warning(
                "availability_below_promise",
                caisse_code=caisse_code,
                month=f"{month.month:%Y-%m}",
                basis_points=month.basis_points,
            )
        return Plan(planned, below)

    async def cancel_maintenance(self, caller: Caller, maintenance_id: UUID, reason: str) -> None:
        """Cancels a maintenance; one that runs ends now.

        Raises InvalidField, RecordNotFound, AgentNotHabilitated, MaintenanceOver.
        """
        known = found(await self._kept.find_maintenance(maintenance_id))
        async with self._acts.begin("cancel_maintenance", caller, known.caisse_code, reason) as act:
            before = found(await self._kept.lock_maintenance(act.connection, maintenance_id))
            after = before.cancelled_at(act.now)
            await self._kept.set_cancelled(act.connection, maintenance_id, after.cancel_time)
            kind = EventKind.MAINTENANCE_CANCELLED
            await act.note(kind, SubjectKind.MAINTENANCE, maintenance_id, before, after)
        _log.info("maintenance_cancelled", maintenance_id=str(maintenance_id))

    async def list_maintenances(self, caller: Caller, caisse_code: str) -> Sequence[Maintenance]:
        """A caisse's maintenances that run or are to come. Raises InvalidField, AgentNotHabilitated."""
        await self._acts.require_reader(caller, self._caisses.require(caisse_code))
        ahead = await self._kept.list_ahead(self._clock.now())
        return [maintenance for maintenance in ahead if maintenance.caisse_code == caisse_code]

    async def list_availabilities(self) -> Sequence[CaisseAvailability]:
        """Every caisse with its maintenances that run or are to come (art. 4-6)."""
        ahead = await self._kept.list_ahead(self._clock.now())
        return [
            CaisseAvailability(
                caisse.code, caisse.name, [each for each in ahead if each.caisse_code == caisse.code]
            )
            for caisse in self._caisses.all()
        ]

    async def _months_below(self, act: Act, planned: Maintenance) -> Sequence[MonthAvailability]:
        """The months that no longer keep the availability promised (art. 5), past maintenances counted too."""
        kept = await self._kept.list_since(act.connection, planned.caisse_code, planned.start_time - _MONTH)
        others = (each.window for each in kept if each.maintenance_id != planned.maintenance_id)
        return months_below_promise(planned.window, others)
