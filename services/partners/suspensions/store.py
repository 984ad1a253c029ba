"""SQL for suspensions, of partners and of users. What is written belongs to the transaction of its connection."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from services.kit.database import fetch_one
from services.partners.suspensions.domain import Suspension, SuspensionKind


@dataclass(frozen=True)
class Statements:
    """The SQL for the suspensions of one kind of subject."""

    find: LiteralString
    insert: LiteralString
    lift: LiteralString


OF_PARTNERS = Statements(
    find="""
        SELECT suspension_id, kind, suspension_reason, suspend_time, until_date
        FROM suspensions WHERE partner_id = %s AND lift_time IS NULL
    """,
    insert="""
        INSERT INTO suspensions (suspension_id, partner_id, kind, suspension_reason, suspend_time, until_date)
        VALUES (%s, %s, %s, %s, %s, %s)
    """,
    lift="UPDATE suspensions SET lift_time = %s WHERE suspension_id = %s AND lift_time IS NULL",
)
OF_USERS = Statements(
    find="""
        SELECT suspension_id, kind, suspension_reason, suspend_time, until_date
        FROM user_suspensions WHERE habilitation_id = %s AND lift_time IS NULL
    """,
    insert="""
        INSERT INTO user_suspensions (suspension_id, habilitation_id, kind, suspension_reason, suspend_time,
                                      until_date)
        VALUES (%s, %s, %s, %s, %s, %s)
    """,
    lift="UPDATE user_suspensions SET lift_time = %s WHERE suspension_id = %s AND lift_time IS NULL",
)


class SuspensionStore:
    """The suspensions of one kind of subject; at most one of a subject is not lifted."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def find_unlifted(self, connection: AsyncConnection, subject_id: UUID) -> Suspension | None:
        """The suspension that was not lifted, if there is one; its day may have come."""
        row = await fetch_one(connection, JoinedSuspension, self._statements.find, (subject_id,))
        return None if row is None else row.suspension_of(subject_id)

    async def insert(self, connection: AsyncConnection, suspension: Suspension) -> None:
        """Adds a suspension."""
        await connection.execute(
            self._statements.insert,
            (
                suspension.suspension_id,
                suspension.subject_id,
                suspension.kind.value,
                suspension.suspension_reason,
                suspension.suspend_time,
                suspension.until_date,
            ),
        )

    async def set_lifted(self, connection: AsyncConnection, suspension_id: UUID, lift_time: datetime) -> bool:
        """Ends a suspension; False where somebody has ended it meanwhile, and then nothing is written."""
        cursor = await connection.execute(self._statements.lift, (lift_time, suspension_id))
        return cursor.rowcount == 1


@dataclass(frozen=True)
class JoinedSuspension:
    """The columns of a suspension that a statement joins to its subject; all empty where there is none."""

    suspension_id: UUID | None
    kind: str | None
    suspension_reason: str | None
    suspend_time: datetime | None
    until_date: date | None

    def suspension_of(self, subject_id: UUID) -> Suspension | None:
        """The suspension of the subject, if there is one."""
        if not (self.suspension_id and self.kind and self.suspension_reason and self.suspend_time):
            return None
        return Suspension(
            suspension_id=self.suspension_id,
            subject_id=subject_id,
            kind=SuspensionKind(self.kind),
            suspension_reason=self.suspension_reason,
            suspend_time=self.suspend_time,
            until_date=self.until_date,
        )
