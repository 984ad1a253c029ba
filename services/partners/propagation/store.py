"""SQL for what identity is to be told: written with the act, claimed, done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection

from services.kit.database import Database
from services.partners.propagation.domain import Propagation, PropagationKind


class PropagationStore:
    """The tellings that wait."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(
        self,
        connection: AsyncConnection,
        propagation_id: UUID,
        kind: PropagationKind,
        subject_id: UUID,
        now: datetime,
    ) -> None:
        """Adds a telling to the transaction of its act."""
        await connection.execute(
            """
            INSERT INTO propagations (propagation_id, kind, subject_id, create_time, next_attempt_time)
            VALUES (%s, %s, %s, %s, %s)
            """,
            (propagation_id, kind.value, subject_id, now, now),
        )

    async def claim(
        self, propagation_ids: Sequence[UUID], now: datetime, next_attempt_time: datetime
    ) -> list[Propagation]:
        """Takes those of these that are due and not done; nobody else gets them before `next_attempt_time`."""
        rows = await self._database.fetch_all(
            "claim_propagations",
            _PropagationRow,
            """
            UPDATE propagations SET attempt_count = attempt_count + 1, next_attempt_time = %s
            WHERE propagation_id = ANY(%s::uuid[]) AND done_time IS NULL AND next_attempt_time <= %s
            RETURNING propagation_id, kind, subject_id, attempt_count
            """,
            (next_attempt_time, list(propagation_ids), now),
        )
        return [row.propagation() for row in rows]

    async def due(self, now: datetime, limit: int) -> list[UUID]:
        """The first `limit` tellings that are due, the longest waiting first."""
        rows = await self._database.fetch_all(
            "due_propagations",
            _IdRow,
            """
            SELECT propagation_id FROM propagations
            WHERE done_time IS NULL AND next_attempt_time <= %s ORDER BY next_attempt_time LIMIT %s
            """,
            (now, limit),
        )
        return [row.propagation_id for row in rows]

    async def put_off(self, propagation_id: UUID, next_attempt_time: datetime) -> None:
        """Sets when a telling is tried again."""
        await self._database.execute(
            "put_off_propagation",
            "UPDATE propagations SET next_attempt_time = %s WHERE propagation_id = %s",
            (next_attempt_time, propagation_id),
        )

    async def set_done(self, propagation_id: UUID, done_time: datetime) -> None:
        """Keeps that identity was told."""
        await self._database.execute(
            "set_propagation_done",
            "UPDATE propagations SET done_time = %s WHERE propagation_id = %s",
            (done_time, propagation_id),
        )


@dataclass(frozen=True)
class _IdRow:
    propagation_id: UUID


@dataclass(frozen=True)
class _PropagationRow:
    propagation_id: UUID
    kind: str
    subject_id: UUID
    attempt_count: int

    def propagation(self) -> Propagation:
        return Propagation(
            self.propagation_id, PropagationKind(self.kind), self.subject_id, self.attempt_count
        )
