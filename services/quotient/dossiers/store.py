"""The tables of dossiers, their people and their periods."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from services.kit.database import Database, fetch_all
from services.quotient.dossiers.domain import (
    DossierKey,
    Holder,
    Known,
    KnownDossier,
    PeriodKey,
    QuotientPeriod,
)


@dataclass(frozen=True)
class SealedDossier:
    """A row of `dossiers`: the coordonnées are enciphered."""

    dossier_id: UUID
    key: DossierKey
    coordonnees: bytes
    coordonnees_digest: bytes


class DossierStore:
    """Dossiers in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def chunk(self, caisse_codes: Collection[str]) -> AsyncIterator["ChunkStore"]:
        """A transaction for one chunk. Chunks of the same caisse wait for one another."""
        async with self._database.transaction("publish_dossiers") as connection:
            await connection.execute(_PATIENCE)
            # In one order for everybody, so that two publishers never wait for each other.
            for caisse_code in sorted(caisse_codes):
                await connection.execute(_LOCK, (caisse_code,))
            yield ChunkStore(connection)


class ChunkStore:
    """The tables within the transaction of one chunk."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def known(
        self, keys: Collection[DossierKey], holders: Collection[Holder], first_days: Collection[date]
    ) -> Known:
        """What is known of these dossiers, of these people, and of periods that begin on `first_days`."""
        dossiers = await fetch_all(
            self._connection,
            _DossierRow,
            _KNOWN_DOSSIERS,
            ([key.caisse_code for key in keys], [key.numero_dossier for key in keys]),
        )
        people = await fetch_all(
            self._connection,
            _HolderRow,
            _KNOWN_HOLDERS,
            ([holder.person_index for holder in holders], [holder.caisse_code for holder in holders]),
        )
        periods = await fetch_all(
            self._connection,
            _PeriodRow,
            _KNOWN_PERIODS,
            ([dossier.dossier_id for dossier in dossiers], list(first_days)),
        )
        return Known(
            {DossierKey(d.caisse_code, d.numero_dossier): _known_dossier(d) for d in dossiers},
            {Holder(p.person_index, p.caisse_code): p.dossier_id for p in people},
            {PeriodKey(p.dossier_id, p.valid_from): _period(p) for p in periods},
        )

    async def write_dossiers(self, dossiers: Collection[SealedDossier]) -> None:
        """Adds dossiers; those that are there get the new coordonnées."""
        await self._write(
            _WRITE_DOSSIERS,
            [d.dossier_id for d in dossiers],
            [d.key.caisse_code for d in dossiers],
            [d.key.numero_dossier for d in dossiers],
            [d.coordonnees for d in dossiers],
            [d.coordonnees_digest for d in dossiers],
        )

    async def write_holders(self, holders: Mapping[Holder, UUID]) -> None:
        """Says whose dossiers they are."""
        await self._write(
            _WRITE_HOLDERS,
            [holder.person_index for holder in holders],
            [holder.caisse_code for holder in holders],
            list(holders.values()),
        )

    async def write_periods(self, periods: Mapping[PeriodKey, QuotientPeriod]) -> None:
        """Adds periods; those that are there are corrected."""
        await self._write(
            _WRITE_PERIODS,
            [key.dossier_id for key in periods],
            [key.valid_from for key in periods],
            [period.valid_to for period in periods.values()],
            [period.amount_cents for period in periods.values()],
        )

    async def _write(self, statement: LiteralString, *columns: list[object]) -> None:
        if columns[0]:
            await self._connection.execute(statement, columns)


@dataclass(frozen=True)
class _DossierRow:
    dossier_id: UUID
    caisse_code: str
    numero_dossier: str
    coordonnees_digest: bytes


@dataclass(frozen=True)
class _HolderRow:
    person_index: bytes
    caisse_code: str
    dossier_id: UUID


@dataclass(frozen=True, repr=False)
class _PeriodRow:
    dossier_id: UUID
    valid_from: date
    valid_to: date | None
    amount_cents: int


def _known_dossier(row: _DossierRow) -> KnownDossier:
    return KnownDossier(row.dossier_id, row.coordonnees_digest)


def _period(row: _PeriodRow) -> QuotientPeriod:
    return QuotientPeriod(row.valid_from, row.valid_to, row.amount_cents)


# A publication may wait for another one longer than a consultation could.
_PATIENCE: LiteralString = "SET LOCAL lock_timeout = '20s'; SET LOCAL statement_timeout = '30s'"
_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended('publish_dossiers ' || %s, 0))"

_KNOWN_DOSSIERS: LiteralString = """
SELECT dossier_id, caisse_code, numero_dossier, coordonnees_digest
FROM dossiers
JOIN unnest(%s::text[], %s::text[]) AS asked (caisse_code, numero_dossier)
    USING (caisse_code, numero_dossier)
"""

_KNOWN_HOLDERS: LiteralString = """
SELECT person_index, caisse_code, dossier_id
FROM dossier_persons
JOIN unnest(%s::bytea[], %s::text[]) AS asked (person_index, caisse_code)
    USING (person_index, caisse_code)
"""

_KNOWN_PERIODS: LiteralString = """
SELECT dossier_id, valid_from, valid_to, amount_cents
FROM quotient_periods
WHERE dossier_id = ANY (%s::uuid[]) AND valid_from = ANY (%s::date[])
"""

# A dossier keeps its id for ever: the coordonnées are bound to it.
_WRITE_DOSSIERS: LiteralString = """
INSERT INTO dossiers (dossier_id, caisse_code, numero_dossier, coordonnees, coordonnees_digest)
SELECT dossier_id, caisse_code, numero_dossier, coordonnees, coordonnees_digest
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bytea[], %s::bytea[])
    AS new (dossier_id, caisse_code, numero_dossier, coordonnees, coordonnees_digest)
ON CONFLICT (dossier_id) DO UPDATE
SET coordonnees = EXCLUDED.coordonnees, coordonnees_digest = EXCLUDED.coordonnees_digest
"""

_WRITE_HOLDERS: LiteralString = """
INSERT INTO dossier_persons (person_index, caisse_code, dossier_id)
SELECT person_index, caisse_code, dossier_id
FROM unnest(%s::bytea[], %s::text[], %s::uuid[]) AS new (person_index, caisse_code, dossier_id)
ON CONFLICT (person_index, caisse_code) DO UPDATE SET dossier_id = EXCLUDED.dossier_id
"""

_WRITE_PERIODS: LiteralString = """
INSERT INTO quotient_periods (dossier_id, valid_from, valid_to, amount_cents)
SELECT dossier_id, valid_from, valid_to, amount_cents
FROM unnest(%s::uuid[], %s::date[], %s::date[], %s::integer[])
    AS new (dossier_id, valid_from, valid_to, amount_cents)
ON CONFLICT (dossier_id, valid_from) DO UPDATE
SET valid_to = EXCLUDED.valid_to, amount_cents = EXCLUDED.amount_cents
"""
