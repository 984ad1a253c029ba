"""The table of oppositions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from services.kit.database import Database
from services.quotient.oppositions.domain import Channel, Opposition, OppositionScope


class OppositionStore:
    """Oppositions in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, person_index: bytes, opposition: Opposition) -> Opposition:
        """Commits an opposition, or finds the one of the same scope that stands already."""
        (row,) = await self._database.fetch_all(
            "record_opposition",
            _Row,
            _ADD,
            (
                opposition.opposition_id,
                person_index,
                opposition.scope.caisse_code,
                opposition.scope.partner_id,
                opposition.channel.name,
                opposition.record_time,
            ),
        )
        return _opposition(row)

    async def withdraw(
        self, person_index: bytes, scope: OppositionScope, withdraw_time: datetime
    ) -> Opposition | None:
        """Ends the standing opposition of this scope, which is kept; None where none stands."""
        row = await self._database.fetch_one(
            "withdraw_opposition",
            _Row,
            _WITHDRAW,
            (withdraw_time, person_index, scope.caisse_code, scope.partner_id),
        )
        return _opposition(row) if row else None

    async def history(self, person_index: bytes, caisse_code: str) -> Sequence[Opposition]:
        """Every opposition of a person with a caisse, newest first."""
        rows = await self._database.fetch_all("list_oppositions", _Row, _HISTORY, (person_index, caisse_code))
        return [_opposition(row) for row in rows]

    async def standing(self, person_indexes: Sequence[bytes]) -> Sequence[Sequence[OppositionScope]]:
        """The scopes of the standing oppositions of each person and of those in the same dossier, in order."""
        rows = await self._database.fetch_all(
            "check_oppositions", _StandingRow, _STANDING, (list(person_indexes),)
        )
        scopes: list[list[OppositionScope]] = [[] for _ in person_indexes]
        for row in rows:
            scopes[row.position - 1].append(OppositionScope(row.caisse_code, row.partner_id))
        return scopes


@dataclass(frozen=True)
class _Row:
    opposition_id: UUID
    caisse_code: str
    partner_id: UUID | None
    channel: str
    record_time: datetime
    withdraw_time: datetime | None


@dataclass(frozen=True)
class _StandingRow:
    position: int
    caisse_code: str
    partner_id: UUID | None


def _opposition(row: _Row) -> Opposition:
    return Opposition(
        row.opposition_id,
        OppositionScope(row.caisse_code, row.partner_id),
        Channel[row.channel],
        row.record_time,
        row.withdraw_time,
    )


# The update changes nothing: it waits for whoever is recording the same one, and returns what stands.
_ADD: LiteralString = """
INSERT INTO oppositions AS standing
    (opposition_id, person_index, caisse_code, partner_id, channel, record_time)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (person_index, caisse_code, partner_id) WHERE withdraw_time IS NULL
DO UPDATE SET withdraw_time = standing.withdraw_time
RETURNING opposition_id, caisse_code, partner_id, channel, record_time, withdraw_time
"""

_WITHDRAW: LiteralString = """
UPDATE oppositions SET withdraw_time = %s
WHERE person_index = %s AND caisse_code = %s AND partner_id IS NOT DISTINCT FROM %s
    AND withdraw_time IS NULL
RETURNING opposition_id, caisse_code, partner_id, channel, record_time, withdraw_time
"""

_HISTORY: LiteralString = """
SELECT opposition_id, caisse_code, partner_id, channel, record_time, withdraw_time
FROM oppositions
WHERE person_index = %s AND caisse_code = %s
ORDER BY record_time DESC, opposition_id DESC
"""

# One objects to the consultation of one's dossier (annexe 1): it holds for whoever else is in it.
_STANDING: LiteralString = """
WITH person AS (
    SELECT person_index, position
    FROM unnest(%s::bytea[]) WITH ORDINALITY AS asked (person_index, position)
)
SELECT position, caisse_code, partner_id
FROM person
JOIN oppositions USING (person_index)
WHERE withdraw_time IS NULL
UNION
SELECT person.position, standing.caisse_code, standing.partner_id
FROM person
JOIN dossier_persons AS own USING (person_index)
JOIN dossier_persons AS sharing ON sharing.dossier_id = own.dossier_id
JOIN oppositions AS standing
    ON standing.person_index = sharing.person_index AND standing.caisse_code = sharing.caisse_code
WHERE standing.withdraw_time IS NULL
ORDER BY position, caisse_code, partner_id NULLS FIRST
"""
