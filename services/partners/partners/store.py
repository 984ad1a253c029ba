"""SQL for partners. What is written belongs to the transaction of its connection."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from services.kit.database import Database, fetch_one
from services.partners.partners.domain import Partner, PartnerProfile, Seat, StructureKind, search_text
from services.partners.suspensions.store import JoinedSuspension

_PARTNER = """
    SELECT partners.partner_id, partners.caisse_code, partners.numero_tiers, partners.denomination,
           partners.create_time, partners.version, partners.representative, partners.representative_function,
           partners.structure_kind, partners.departments, partners.siret, partners.email, partners.seat_street,
           partners.seat_postal_code, partners.seat_commune, suspensions.suspension_id, suspensions.kind,
           suspensions.suspension_reason, suspensions.suspend_time, suspensions.until_date
    FROM partners
    LEFT JOIN suspensions ON suspensions.partner_id = partners.partner_id AND suspensions.lift_time IS NULL
"""


class PartnerStore:
    """Partners."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, connection: AsyncConnection, partner: Partner) -> None:
        """Adds a partner."""
        await connection.execute(
            """
            INSERT INTO partners (
                partner_id, caisse_code, numero_tiers, create_time, version, denomination, representative,
                representative_function, structure_kind, departments, siret, email, seat_street, seat_postal_code,
                seat_commune, search_text
            ) VALUES (
                %(partner_id)s, %(caisse_code)s, %(numero_tiers)s, %(create_time)s, %(version)s, %(denomination)s,
                %(representative)s, %(representative_function)s, %(structure_kind)s, %(departments)s, %(siret)s,
                %(email)s, %(street)s, %(postal_code)s, %(commune)s, %(search_text)s
            )
            """,
            _parameters(partner),
        )

    async def update(self, connection: AsyncConnection, partner: Partner) -> None:
        """Keeps what can change of a partner."""
        await connection.execute(
            """
            UPDATE partners SET
                version = %(version)s, denomination = %(denomination)s, representative = %(representative)s,
                representative_function = %(representative_function)s, structure_kind = %(structure_kind)s,
                departments = %(departments)s, siret = %(siret)s, email = %(email)s, seat_street = %(street)s,
                seat_postal_code = %(postal_code)s, seat_commune = %(commune)s, search_text = %(search_text)s
            WHERE partner_id = %(partner_id)s
            """,
            _parameters(partner),
        )

    async def find(self, partner_id: UUID) -> Partner | None:
        """The partner, if there is one."""
        row = await self._database.fetch_one(
            "find_partner", _PartnerRow, f"{_PARTNER} WHERE partners.partner_id = %s", (partner_id,)
        )
        return None if row is None else row.partner()

    async def lock(self, connection: AsyncConnection, partner_id: UUID) -> Partner | None:
        """The partner, which nobody else changes while the transaction lasts."""
        statement = f"{_PARTNER} WHERE partners.partner_id = %s FOR NO KEY UPDATE OF partners"
        row = await fetch_one(connection, _PartnerRow, statement, (partner_id,))
        return None if row is None else row.partner()

    async def list_after(
        self, caisse_code: str, words: Sequence[str], numero_tiers: str, limit: int
    ) -> list[Partner]:
        """The first `limit` partners of a caisse behind `numero_tiers` that hold every word, in that order."""
        # The caisse bounds what is looked at; a word is folded, so it holds nothing that LIKE would read.
        rows = await self._database.fetch_all(
            "list_partners",
            _PartnerRow,
            f"""{_PARTNER}
            WHERE partners.caisse_code = %s AND partners.numero_tiers > %s AND partners.search_text LIKE ALL(%s)
            ORDER BY partners.numero_tiers LIMIT %s""",
            (caisse_code, numero_tiers, [f"% {word}%" for word in words], limit),
        )
        return [row.partner() for row in rows]


def _parameters(partner: Partner) -> dict[str, Any]:
    profile, seat = partner.profile, partner.seat
    return {
        "partner_id": partner.partner_id,
        "caisse_code": partner.caisse_code,
        "numero_tiers": partner.numero_tiers,
        "create_time": partner.create_time,
        "version": partner.version,
        "denomination": partner.denomination,
        "representative": profile.representative,
        "representative_function": profile.representative_function,
        "structure_kind": profile.structure_kind.value if profile.structure_kind else "",
        "departments": list(profile.departments),
        "siret": profile.siret,
        "email": profile.email,
        "street": seat.street,
        "postal_code": seat.postal_code,
        "commune": seat.commune,
        "search_text": search_text(partner),
    }


@dataclass(frozen=True)
class _PartnerRow(JoinedSuspension):
    partner_id: UUID
    caisse_code: str
    numero_tiers: str
    denomination: str
    create_time: datetime
    version: int
    representative: str
    representative_function: str
    structure_kind: str
    departments: list[str]
    siret: str
    email: str
    seat_street: str
    seat_postal_code: str
    seat_commune: str

    def partner(self) -> Partner:
        return Partner(
            partner_id=self.partner_id,
            caisse_code=self.caisse_code,
            numero_tiers=self.numero_tiers,
            denomination=self.denomination,
            create_time=self.create_time,
            profile=PartnerProfile(
                representative=self.representative,
                representative_function=self.representative_function,
                structure_kind=StructureKind(self.structure_kind) if self.structure_kind else None,
                departments=tuple(self.departments),
                siret=self.siret,
                email=self.email,
            ),
            seat=Seat(self.seat_street, self.seat_postal_code, self.seat_commune),
            version=self.version,
            suspension=self.suspension_of(self.partner_id),
        )
