"""SQL for partners and their suspensions. A write has committed when its method returns."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from services.kit.database import ConstraintViolated, Database
from services.kit.errors import RecordAlreadyExists, RecordNotFound
from services.partners.partners.domain import Partner, Suspension

_PARTNER = """
    SELECT partners.partner_id, partners.caisse_code, partners.numero_tiers, partners.denomination,
           partners.create_time, suspensions.suspend_time
    FROM partners
    LEFT JOIN suspensions ON suspensions.partner_id = partners.partner_id AND suspensions.lift_time IS NULL
"""


class PartnerStore:
    """Partners and their suspensions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, partner: Partner) -> None:
        """Adds a partner. Raises RecordAlreadyExists where its caisse has this numéro de tiers."""
        try:
            await self._database.execute(
                "insert_partner",
                """
                INSERT INTO partners (partner_id, caisse_code, numero_tiers, denomination, create_time)
                VALUES (%(partner_id)s, %(caisse_code)s, %(numero_tiers)s, %(denomination)s, %(create_time)s)
                """,
                asdict(partner),
            )
        except ConstraintViolated as violated:
            if violated.constraint_name != "partners_numero_tiers_key":
                raise
            raise RecordAlreadyExists from None

    async def find(self, partner_id: UUID) -> Partner | None:
        """The partner, if there is one."""
        return await self._database.fetch_one(
            "find_partner", Partner, f"{_PARTNER} WHERE partners.partner_id = %s", (partner_id,)
        )

    async def list_after(self, caisse_code: str, numero_tiers: str, limit: int) -> list[Partner]:
        """The first `limit` partners of a caisse behind `numero_tiers`, in that order."""
        return await self._database.fetch_all(
            "list_partners",
            Partner,
            f"{_PARTNER} WHERE caisse_code = %s AND numero_tiers > %s ORDER BY numero_tiers LIMIT %s",
            (caisse_code, numero_tiers, limit),
        )

    async def suspend(self, suspension: Suspension) -> None:
        """Adds a suspension, or leaves the present one. Raises RecordNotFound where there is no such partner."""
        try:
            await self._database.execute(
                "suspend_partner",
                """
                INSERT INTO suspensions (suspension_id, partner_id, suspension_reason, suspend_time)
                VALUES (%(suspension_id)s, %(partner_id)s, %(suspension_reason)s, %(suspend_time)s)
                ON CONFLICT (partner_id) WHERE lift_time IS NULL DO NOTHING
                """,
                asdict(suspension),
            )
        except ConstraintViolated as violated:
            if violated.constraint_name != "suspensions_partner_fkey":
                raise
            raise RecordNotFound from None

    async def lift_suspension(self, partner_id: UUID, lift_time: datetime) -> bool:
        """Lifts the present suspension; False where there is none."""
        lifted = await self._database.execute(
            "lift_suspension",
            "UPDATE suspensions SET lift_time = %s WHERE partner_id = %s AND lift_time IS NULL",
            (lift_time, partner_id),
        )
        return lifted == 1
