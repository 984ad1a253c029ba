"""SQL for what caisses decide about their service. A write belongs to the transaction of its connection."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection

from services.kit.database import Database, fetch_all, fetch_one
from services.partners.caisse_settings.domain import CaisseSettings, Maintenance

_SETTINGS = (
    "SELECT settings_id, caisse_code, case_reference_required FROM caisse_settings WHERE caisse_code = %s"
)
_MAINTENANCE = """
    SELECT maintenance_id, caisse_code, start_time, end_time, message, cancel_time FROM maintenances
"""


@dataclass(frozen=True)
class KeptSettings:
    """Settings as they are kept, with the identifier that their events bear."""

    settings_id: UUID
    settings: CaisseSettings


class CaisseSettingsStore:
    """Settings and maintenances of the caisses."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, caisse_code: str) -> CaisseSettings | None:
        """What a caisse decided, if it did."""
        row = await self._database.fetch_one("find_caisse_settings", _SettingsRow, _SETTINGS, (caisse_code,))
        return None if row is None else row.kept().settings

    async def lock(self, connection: AsyncConnection, caisse_code: str, new_id: UUID) -> KeptSettings:
        """The settings of a caisse, which nobody else changes while the transaction lasts; made where there are none.

        Who plans a maintenance holds them too: two who plan at once come one after the other.
        """
        await connection.execute(
            "INSERT INTO caisse_settings (caisse_code, settings_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (caisse_code, new_id),
        )
        (row,) = await fetch_all(connection, _SettingsRow, _SETTINGS + " FOR NO KEY UPDATE", (caisse_code,))
        return row.kept()

    async def update(self, connection: AsyncConnection, settings: CaisseSettings) -> None:
        """Keeps what a caisse decided."""
        await connection.execute(
            "UPDATE caisse_settings SET case_reference_required = %s WHERE caisse_code = %s",
            (settings.case_reference_required, settings.caisse_code),
        )

    async def insert_maintenance(self, connection: AsyncConnection, maintenance: Maintenance) -> None:
        """Adds a maintenance."""
        await connection.execute(
            """
            INSERT INTO maintenances (maintenance_id, caisse_code, start_time, end_time, message)
            VALUES (%s, %s, %s, %s, %s)
            """,
            (
                maintenance.maintenance_id,
                maintenance.caisse_code,
                maintenance.start_time,
                maintenance.end_time,
                maintenance.message,
            ),
        )

    async def find_maintenance(self, maintenance_id: UUID) -> Maintenance | None:
        """The maintenance, if there is one."""
        row = await self._database.fetch_one(
            "find_maintenance",
            _MaintenanceRow,
            _MAINTENANCE + " WHERE maintenance_id = %s",
            (maintenance_id,),
        )
        return None if row is None else row.maintenance()

    async def lock_maintenance(self, connection: AsyncConnection, maintenance_id: UUID) -> Maintenance | None:
        """The maintenance, which nobody else changes while the transaction lasts."""
        statement = _MAINTENANCE + " WHERE maintenance_id = %s FOR NO KEY UPDATE"
        row = await fetch_one(connection, _MaintenanceRow, statement, (maintenance_id,))
        return None if row is None else row.maintenance()

    async def set_cancelled(
        self, connection: AsyncConnection, maintenance_id: UUID, cancel_time: datetime | None
    ) -> None:
        """Keeps that a maintenance was cancelled."""
        await connection.execute(
            "UPDATE maintenances SET cancel_time = %s WHERE maintenance_id = %s",
            (cancel_time, maintenance_id),
        )

    async def list_ahead(self, now: datetime) -> list[Maintenance]:
        """The maintenances of all caisses that run or are to come, earliest first."""
        rows = await self._database.fetch_all(
            "list_maintenances",
            _MaintenanceRow,
            _MAINTENANCE + " WHERE end_time > %s AND cancel_time IS NULL ORDER BY start_time, caisse_code",
            (now,),
        )
        return [row.maintenance() for row in rows]

    async def list_since(
        self, connection: AsyncConnection, caisse_code: str, instant: datetime
    ) -> list[Maintenance]:
        """A caisse's maintenances that end after `instant`, cancelled ones too."""
        rows = await fetch_all(
            connection,
            _MaintenanceRow,
            _MAINTENANCE + " WHERE caisse_code = %s AND end_time > %s",
            (caisse_code, instant),
        )
        return [row.maintenance() for row in rows]


@dataclass(frozen=True)
class _SettingsRow:
    settings_id: UUID
    caisse_code: str
    case_reference_required: bool

    def kept(self) -> KeptSettings:
        return KeptSettings(self.settings_id, CaisseSettings(self.caisse_code, self.case_reference_required))


@dataclass(frozen=True)
class _MaintenanceRow:
    maintenance_id: UUID
    caisse_code: str
    start_time: datetime
    end_time: datetime
    message: str
    cancel_time: datetime | None

    def maintenance(self) -> Maintenance:
        return Maintenance(
            maintenance_id=self.maintenance_id,
            caisse_code=self.caisse_code,
            start_time=self.start_time,
            end_time=self.end_time,
            message=self.message,
            cancel_time=self.cancel_time,
        )
