"""SQL for habilitations, and for what Authorize reads. What is written belongs to the transaction of its connection."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from psycopg import AsyncConnection

from services.kit.clock import paris_date
from services.kit.database import Database, fetch_all, fetch_one
from services.partners.conventions.domain import Convention
from services.partners.habilitations.domain import Bouquet, Habilitation, NamedUser, Standing, User
from services.partners.suspensions.store import JoinedSuspension

_HABILITATION = """
    SELECT habilitations.habilitation_id, habilitations.convention_id, conventions.partner_id,
           conventions.caisse_code, habilitations.nom, habilitations.prenom, habilitations.email,
           habilitations.bouquet, habilitations.create_time, habilitations.lapse_date,
           habilitations.withdraw_time, habilitations.withdrawal_reason, habilitations.version,
           user_suspensions.suspension_id, user_suspensions.kind, user_suspensions.suspension_reason,
           user_suspensions.suspend_time, user_suspensions.until_date
    FROM habilitations
    JOIN conventions ON conventions.convention_id = habilitations.convention_id
    LEFT JOIN user_suspensions
        ON user_suspensions.habilitation_id = habilitations.habilitation_id
        AND user_suspensions.lift_time IS NULL
"""
# One statement for a whole batch: each row is found by index, however many there are. What the caisses decided is read
# once for all rows: no more rows than caisses, and mostly none.
_STANDING = """
    WITH maintenance AS MATERIALIZED (
        SELECT caisse_code, end_time FROM maintenances
        WHERE end_time > %(now)s AND start_time <= %(now)s AND cancel_time IS NULL
    ), asking AS MATERIALIZED (
        SELECT caisse_code FROM caisse_settings WHERE case_reference_required
    )
    SELECT habilitations.habilitation_id, habilitations.bouquet, habilitations.lapse_date,
           habilitations.withdraw_time IS NOT NULL AS withdrawn,
           EXISTS (
               SELECT FROM user_suspensions
               WHERE user_suspensions.habilitation_id = habilitations.habilitation_id
                   AND lift_time IS NULL AND (until_date IS NULL OR until_date > %(today)s)
           ) AS user_suspended,
           EXISTS (
               SELECT FROM suspensions
               WHERE suspensions.partner_id = conventions.partner_id
                   AND lift_time IS NULL AND (until_date IS NULL OR until_date > %(today)s)
           ) AS partner_suspended,
           conventions.convention_id, conventions.partner_id, conventions.caisse_code,
           conventions.signature_date, conventions.cnil_declaration_date, conventions.end_date,
           EXISTS (
               SELECT FROM asking WHERE asking.caisse_code = conventions.caisse_code
           ) AS case_reference_required,
           (
               SELECT end_time FROM maintenance WHERE maintenance.caisse_code = conventions.caisse_code
           ) AS maintenance_end_time
    FROM habilitations
    JOIN conventions ON conventions.convention_id = habilitations.convention_id
    WHERE habilitations.habilitation_id = ANY(%(habilitation_ids)s::uuid[])
"""


class HabilitationStore:
    """Habilitations, and what Authorize reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, connection: AsyncConnection, habilitation: Habilitation) -> None:
        """Adds a habilitation."""
        await connection.execute(
            """
            INSERT INTO habilitations (habilitation_id, convention_id, nom, prenom, email, bouquet, create_time,
                                       lapse_date)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
            """,
            (
                habilitation.habilitation_id,
                habilitation.convention_id,
                habilitation.user.nom,
                habilitation.user.prenom,
                habilitation.user.email,
                habilitation.bouquet.value,
                habilitation.create_time,
                habilitation.lapse_date,
            ),
        )

    async def find(self, habilitation_id: UUID) -> Habilitation | None:
        """The habilitation, if there is one."""
        row = await self._database.fetch_one(
            "find_habilitation",
            _HabilitationRow,
            f"{_HABILITATION} WHERE habilitations.habilitation_id = %s",
            (habilitation_id,),
        )
        return None if row is None else row.habilitation()

    async def lock(self, connection: AsyncConnection, habilitation_id: UUID) -> Habilitation | None:
        """The habilitation, which nobody else changes while the transaction lasts."""
        statement = (
            f"{_HABILITATION} WHERE habilitations.habilitation_id = %s FOR NO KEY UPDATE OF habilitations"
        )
        row = await fetch_one(connection, _HabilitationRow, statement, (habilitation_id,))
        return None if row is None else row.habilitation()

    async def lock_all(
        self, connection: AsyncConnection, convention_id: UUID, habilitation_ids: Sequence[UUID]
    ) -> list[Habilitation]:
        """Those of the habilitations that are under the convention, locked in one order."""
        statement = f"""{_HABILITATION}
            WHERE habilitations.convention_id = %s AND habilitations.habilitation_id = ANY(%s::uuid[])
            ORDER BY habilitations.habilitation_id FOR NO KEY UPDATE OF habilitations"""
        rows = await fetch_all(
            connection, _HabilitationRow, statement, (convention_id, list(habilitation_ids))
        )
        return [row.habilitation() for row in rows]

    async def list_after(self, convention_id: UUID, habilitation_id: UUID, limit: int) -> list[Habilitation]:
        """The first `limit` habilitations under a convention behind `habilitation_id`, as registered."""
        rows = await self._database.fetch_all(
            "list_habilitations",
            _HabilitationRow,
            f"""{_HABILITATION}
            WHERE habilitations.convention_id = %s AND habilitations.habilitation_id > %s
            ORDER BY habilitations.habilitation_id LIMIT %s""",
            (convention_id, habilitation_id, limit),
        )
        return [row.habilitation() for row in rows]

    async def find_lapsed(
        self, connection: AsyncConnection, convention_id: UUID, email: str, today: date
    ) -> UUID | None:
        """A person's habilitation under a convention that has lapsed and is not withdrawn yet, if there is one."""
        row = await fetch_one(
            connection,
            _IdRow,
            """
            SELECT habilitation_id FROM habilitations
            WHERE convention_id = %s AND lower(email) = lower(%s) AND withdraw_time IS NULL AND lapse_date <= %s
            """,
            (convention_id, email, today),
        )
        return None if row is None else row.habilitation_id

    async def list_of_person(
        self, connection: AsyncConnection, partner_id: UUID, email: str
    ) -> list[Habilitation]:
        """Every habilitation that a person has, or had, under a partner's conventions."""
        statement = (
            f"{_HABILITATION} WHERE conventions.partner_id = %s AND lower(habilitations.email) = lower(%s)"
        )
        rows = await fetch_all(connection, _HabilitationRow, statement, (partner_id, email))
        return [row.habilitation() for row in rows]

    async def list_lapsed(self, today: date, limit: int) -> list[Habilitation]:
        """The first `limit` habilitations that have lapsed and are not withdrawn yet."""
        rows = await self._database.fetch_all(
            "list_lapsed_habilitations",
            _HabilitationRow,
            f"""{_HABILITATION}
            WHERE habilitations.lapse_date <= %s AND habilitations.withdraw_time IS NULL
            ORDER BY habilitations.lapse_date LIMIT %s""",
            (today, limit),
        )
        return [row.habilitation() for row in rows]

    async def list_under_ended(self, ended_by: date, limit: int) -> list[Habilitation]:
        """The first `limit` that are not withdrawn, under conventions that were over on `ended_by`."""
        rows = await self._database.fetch_all(
            "list_habilitations_under_ended",
            _HabilitationRow,
            f"""{_HABILITATION}
            WHERE conventions.end_date <= %s AND habilitations.withdraw_time IS NULL
            ORDER BY conventions.end_date LIMIT %s""",
            (ended_by, limit),
        )
        return [row.habilitation() for row in rows]

    async def set_withdrawn(self, connection: AsyncConnection, habilitation: Habilitation) -> None:
        """Keeps that a habilitation was withdrawn."""
        await connection.execute(
            """
            UPDATE habilitations SET withdraw_time = %s, withdrawal_reason = %s, version = %s
            WHERE habilitation_id = %s
            """,
            (
                habilitation.withdraw_time,
                habilitation.withdrawal_reason,
                habilitation.version,
                habilitation.habilitation_id,
            ),
        )

    async def set_lapse_date(self, connection: AsyncConnection, habilitation: Habilitation) -> None:
        """Keeps until when a habilitation lasts without a further confirmation."""
        await connection.execute(
            "UPDATE habilitations SET lapse_date = %s, version = %s WHERE habilitation_id = %s",
            (habilitation.lapse_date, habilitation.version, habilitation.habilitation_id),
        )

    async def name_users(self, partner_id: UUID, habilitation_ids: Sequence[UUID]) -> list[NamedUser]:
        """The users of those of the habilitations that are under a convention of this partner, ended ones too."""
        rows = await self._database.fetch_all(
            "name_users",
            _NamedUserRow,
            """
            SELECT habilitations.habilitation_id, habilitations.nom, habilitations.prenom, habilitations.email
            FROM habilitations
            JOIN conventions ON conventions.convention_id = habilitations.convention_id
            WHERE habilitations.habilitation_id = ANY(%s::uuid[]) AND conventions.partner_id = %s
            """,
            (list(habilitation_ids), partner_id),
        )
        return [row.named_user() for row in rows]

    async def standings(self, habilitation_ids: Sequence[UUID], now: datetime) -> list[Standing]:
        """What is held of each known habilitation, in one statement and so of one moment."""
        rows = await self._database.fetch_all(
            "authorize",
            _StandingRow,
            _STANDING,
            {"habilitation_ids": list(habilitation_ids), "now": now, "today": paris_date(now)},
        )
        return [row.standing() for row in rows]


@dataclass(frozen=True)
class _IdRow:
    habilitation_id: UUID


@dataclass(frozen=True)
class _NamedUserRow:
    habilitation_id: UUID
    nom: str
    prenom: str
    email: str

    def named_user(self) -> NamedUser:
        return NamedUser(self.habilitation_id, User(nom=self.nom, prenom=self.prenom, email=self.email))


@dataclass(frozen=True)
class _HabilitationRow(JoinedSuspension):
    habilitation_id: UUID
    convention_id: UUID
    partner_id: UUID
    caisse_code: str
    nom: str
    prenom: str
    email: str
    bouquet: str
    create_time: datetime
    lapse_date: date
    withdraw_time: datetime | None
    withdrawal_reason: str | None
    version: int

    def habilitation(self) -> Habilitation:
        return Habilitation(
            habilitation_id=self.habilitation_id,
            convention_id=self.convention_id,
            partner_id=self.partner_id,
            caisse_code=self.caisse_code,
            user=User(nom=self.nom, prenom=self.prenom, email=self.email),
            bouquet=Bouquet(self.bouquet),
            create_time=self.create_time,
            lapse_date=self.lapse_date,
            withdraw_time=self.withdraw_time,
            withdrawal_reason=self.withdrawal_reason or "",
            version=self.version,
            suspension=self.suspension_of(self.habilitation_id),
        )


@dataclass(frozen=True)
class _StandingRow:
    habilitation_id: UUID
    bouquet: str
    lapse_date: date
    withdrawn: bool
    user_suspended: bool
    partner_suspended: bool
    convention_id: UUID
    partner_id: UUID
    caisse_code: str
    signature_date: date | None
    cnil_declaration_date: date | None
    end_date: date | None
    case_reference_required: bool
    maintenance_end_time: datetime | None

    def standing(self) -> Standing:
        return Standing(
            habilitation_id=self.habilitation_id,
            bouquet=Bouquet(self.bouquet),
            withdrawn=self.withdrawn,
            lapse_date=self.lapse_date,
            user_suspended=self.user_suspended,
            partner_suspended=self.partner_suspended,
            convention=Convention(
                convention_id=self.convention_id,
                partner_id=self.partner_id,
                caisse_code=self.caisse_code,
                signature_date=self.signature_date,
                cnil_declaration_date=self.cnil_declaration_date,
                end_date=self.end_date,
            ),
            case_reference_required=self.case_reference_required,
            maintenance_end_time=self.maintenance_end_time,
        )
