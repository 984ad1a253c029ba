"""Counts of the journal's lines, read from its index alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from services.kit.database import Database


@dataclass(frozen=True)
class CountRow:
    """How often, in the time that was asked for."""

    partner_id: UUID
    purpose: str
    outcome: str
    consultation_count: int


class ReportStore:
    """Counts in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def counts(self, caisse_code: str, begin: datetime, end: datetime) -> Sequence[CountRow]:
        """The lines of a caisse from `begin` up to, without, `end`: how many of each kind."""
        return await self._database.fetch_all(
            "count_disclosures", CountRow, COUNT, {"caisse_code": caisse_code, "begin": begin, "end": end}
        )


# A line's identifier is a UUIDv7 of its instant: the index that has what is counted finds the month as well.
COUNT: LiteralString = """
SELECT partner_id, purpose, outcome, count(*) AS consultation_count
FROM disclosures
WHERE caisse_code = %(caisse_code)s
    AND consultation_id >= uuid7_floor(%(begin)s) AND consultation_id < uuid7_floor(%(end)s)
GROUP BY partner_id, purpose, outcome
"""
