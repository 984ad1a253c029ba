"""Retentions in PostgreSQL, and what its functions let the service do to the journal's months and lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from services.kit.database import Database


class RetentionStore:
    """Retentions, partitions and purges. No line is deleted but by functions that check its age themselves."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def months(self, caisse_code: str) -> int | None:
        """How long the caisse keeps its lines, in months; None where it never said."""
        row = await self._database.fetch_one("get_retention", _Months, _GET, (caisse_code,))
        return row.months if row else None

    async def set_months(self, caisse_code: str, months: int) -> None:
        """Sets how long the caisse keeps its lines."""
        await self._database.execute("set_retention", _SET, (caisse_code, months))

    async def ensure_months(self, instants: Sequence[datetime]) -> None:
        """Makes the partitions of the months (UTC) of `instants`; what is there stays as it is."""
        await self._database.execute("ensure_journal_months", _ENSURE, (list(instants),))

    async def caisses_with_lines(self, before: datetime) -> Sequence[str]:
        """The caisses that have lines in the months (UTC) up to that of `before`."""
        rows = await self._database.fetch_all("find_purgeable_caisses", _Caisse, _CAISSES, {"before": before})
        return [row.caisse_code for row in rows]

    async def purge(self, caisse_code: str, before: datetime, line_limit: int) -> int:
        """Deletes the oldest lines of the caisse that were made before `before`, and tells how many.

        What is not past its retention by the clock of the database, or not sealed, stays.
        """
        row = await self._database.fetch_one(
            "purge_journal", _Count, _PURGE, (caisse_code, before, line_limit)
        )
        return row.purged_count if row else 0

    async def drop_purged_month(self) -> bool:
        """Drops a partition that purges have emptied; False where there is none, or consultations are in the way."""
        row = await self._database.fetch_one("drop_purged_journal_month", _Dropped, _DROP)
        return row is not None and row.is_dropped


@dataclass(frozen=True)
class _Months:
    months: int


@dataclass(frozen=True)
class _Caisse:
    caisse_code: str


@dataclass(frozen=True)
class _Count:
    purged_count: int


@dataclass(frozen=True)
class _Dropped:
    is_dropped: bool


_GET: LiteralString = "SELECT months FROM journal_retentions WHERE caisse_code = %s"

_SET: LiteralString = """
INSERT INTO journal_retentions (caisse_code, months) VALUES (%s, %s)
ON CONFLICT (caisse_code) DO UPDATE SET months = excluded.months
"""

_ENSURE: LiteralString = (
    "SELECT ensure_journal_month(instant) FROM unnest(%s::timestamptz[]) AS asked (instant)"
)

# From one caisse to the next, by the index: a caisse has millions of lines.
_CAISSES: LiteralString = """
WITH RECURSIVE bound AS MATERIALIZED (
    SELECT uuid7_floor(date_trunc('month', date_trunc('month', %(before)s, 'UTC') + interval '45 days', 'UTC')) AS line
), known AS (
    (
        SELECT caisse_code FROM disclosures
        WHERE consultation_id < (SELECT line FROM bound)
        ORDER BY caisse_code LIMIT 1
    )
    UNION ALL
    SELECT following.caisse_code
    FROM known
    CROSS JOIN LATERAL (
        SELECT caisse_code FROM disclosures
        WHERE caisse_code > known.caisse_code AND consultation_id < (SELECT line FROM bound)
        ORDER BY caisse_code LIMIT 1
    ) AS following
)
SELECT caisse_code FROM known
"""

_PURGE: LiteralString = "SELECT purge_journal(%s, %s, %s) AS purged_count"
_DROP: LiteralString = "SELECT drop_purged_journal_month() AS is_dropped"
