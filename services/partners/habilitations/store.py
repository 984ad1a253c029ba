"""SQL for habilitations, and for what Authorize reads. A write has committed when its method returns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.kit.database import ConstraintViolated, Database
from services.kit.errors import RecordAlreadyExists
from services.partners.conventions.domain import Convention
from services.partners.habilitations.domain import Bouquet, Habilitation, Standing, User

_HABILITATION = """
    SELECT habilitations.habilitation_id, habilitations.convention_id, conventions.partner_id,
           conventions.caisse_code, habilitations.nom, habilitations.prenom, habilitations.email,
           habilitations.bouquet, habilitations.create_time, habilitations.withdraw_time
    FROM habilitations
    JOIN conventions ON conventions.convention_id = habilitations.convention_id
"""
_STANDING = """
    SELECT habilitations.habilitation_id, habilitations.bouquet,
           habilitations.withdraw_time IS NOT NULL AS withdrawn,
           suspensions.suspension_id IS NOT NULL AS suspended,
           conventions.convention_id, conventions.partner_id, conventions.caisse_code,
           conventions.signature_date, conventions.cnil_declaration_date, conventions.end_date
    FROM habilitations
    JOIN conventions ON conventions.convention_id = habilitations.convention_id
    LEFT JOIN suspensions ON suspensions.partner_id = conventions.partner_id AND suspensions.lift_time IS NULL
    WHERE habilitations.habilitation_id = ANY(%s::uuid[])
"""


class HabilitationStore:
    """Habilitations, and what Authorize reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, habilitation: Habilitation) -> None:
        """Adds a habilitation. Raises RecordAlreadyExists where the person has a live one here."""
        try:
            await self._database.execute(
                "insert_habilitation",
                """
                INSERT INTO habilitations (habilitation_id, convention_id, nom, prenom, email, bouquet, create_time)
                VALUES (%s, %s, %s, %s, %s, %s, %s)
                """,
                (
                    habilitation.habilitation_id,
                    habilitation.convention_id,
                    habilitation.user.nom,
                    habilitation.user.prenom,
                    habilitation.user.email,
                    habilitation.bouquet.value,
                    habilitation.create_time,
                ),
            )
        except ConstraintViolated as violated:
            if violated.constraint_name != "habilitations_live_key":
                raise
            raise RecordAlreadyExists from None

    async def find(self, habilitation_id: UUID) -> Habilitation | None:
        """The habilitation, if there is one."""
        row = await self._database.fetch_one(
            "find_habilitation",
            _HabilitationRow,
            f"{_HABILITATION} WHERE habilitation_id = %s",
            (habilitation_id,),
        )
        return None if row is None else row.habilitation()

    async def list_after(self, convention_id: UUID, habilitation_id: UUID, limit: int) -> list[Habilitation]:
        """The first `limit` habilitations under a convention behind `habilitation_id`, as registered."""
        rows = await self._database.fetch_all(
            "list_habilitations",
            _HabilitationRow,
            f"""{_HABILITATION}
            WHERE habilitations.convention_id = %s AND habilitation_id > %s
            ORDER BY habilitation_id LIMIT %s""",
            (convention_id, habilitation_id, limit),
        )
        return [row.habilitation() for row in rows]

    async def withdraw(self, habilitation_id: UUID, withdraw_time: datetime, withdrawal_reason: str) -> bool:
        """Withdraws a live habilitation; False where there is none."""
        withdrawn = await self._database.execute(
            "withdraw_habilitation",
            """
            UPDATE habilitations SET withdraw_time = %s, withdrawal_reason = %s
            WHERE habilitation_id = %s AND withdraw_time IS NULL
            """,
            (withdraw_time, withdrawal_reason, habilitation_id),
        )
        return withdrawn == 1

    async def standings(self, habilitation_ids: Sequence[UUID]) -> list[Standing]:
        """What is held of each known habilitation, in one statement and so of one moment."""
        rows = await self._database.fetch_all("authorize", _StandingRow, _STANDING, (list(habilitation_ids),))
        return [row.standing() for row in rows]


@dataclass(frozen=True)
class _HabilitationRow:
    habilitation_id: UUID
    convention_id: UUID
    partner_id: UUID
    caisse_code: str
    nom: str
    prenom: str
    email: str
    bouquet: str
    create_time: datetime
    withdraw_time: datetime | None

    def habilitation(self) -> Habilitation:
        return Habilitation(
            habilitation_id=self.habilitation_id,
            convention_id=self.convention_id,
            partner_id=self.partner_id,
            caisse_code=self.caisse_code,
            user=User(nom=self.nom, prenom=self.prenom, email=self.email),
            bouquet=Bouquet(self.bouquet),
            create_time=self.create_time,
            withdraw_time=self.withdraw_time,
        )


@dataclass(frozen=True)
class _StandingRow:
    habilitation_id: UUID
    bouquet: str
    withdrawn: bool
    suspended: bool
    convention_id: UUID
    partner_id: UUID
    caisse_code: str
    signature_date: date
    cnil_declaration_date: date | None
    end_date: date | None

    def standing(self) -> Standing:
        return Standing(
            habilitation_id=self.habilitation_id,
            bouquet=Bouquet(self.bouquet),
            withdrawn=self.withdrawn,
            suspended=self.suspended,
            convention=Convention(
                convention_id=self.convention_id,
                partner_id=self.partner_id,
                caisse_code=self.caisse_code,
                signature_date=self.signature_date,
                cnil_declaration_date=self.cnil_declaration_date,
                end_date=self.end_date,
            ),
        )
