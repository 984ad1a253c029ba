"""What is kept of a person across the tables, and the statements that erase it."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from services.kit.database import Database, StatementFailed, fetch_all, fetch_one
from services.kit.nir import Nir
from services.quotient.dossiers.domain import Coordonnees, QuotientPeriod
from services.quotient.dossiers.publications import PublicationKind
from services.quotient.dossiers.store import LOCK_DOSSIERS
from services.quotient.keys.store import require_newest_data_key
from services.quotient.persons import find_or_add, keys_or, person_columns
from services.quotient.rights.domain import (
    Dossier,
    Erasure,
    Holding,
    Known,
    KnownPeriod,
    Origin,
)
from services.quotient.secrecy import Keys, PersonIndexer, Vault

# The coordonnées of a dossier that is erased: an enciphered text as any other, so that a rotation of keys needs to
# know nothing of it, and the digest of no coordonnées, so that a later publication says something new.
_NOTHING = b""


@dataclass(frozen=True, repr=False)
class Kept:
    """What is kept of a person with a caisse."""

    person_id: UUID
    dossiers: Sequence[Dossier]
    erasures: Sequence[Erasure]


class RightsStore:
    """What is kept of people, in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def kept(self, keys: Keys, nir: Nir, caisse_code: str) -> Kept | None:
        """Dossiers and erasures of a person with a caisse, all as of one instant; None for somebody unknown.

        Raises KeysOutdated.
        """
        try:
            async with self._database.transaction("get_person_record") as connection:
                await connection.execute(_ONE_SNAPSHOT)
                person = await fetch_one(connection, _PersonRow, _PERSON, person_columns(keys.indexer, nir))
                if person is None:
                    return None
                return Kept(
                    person.person_id,
                    await _dossiers(connection, keys.vault, person.person_id, caisse_code),
                    await fetch_all(connection, Erasure, _ERASURES, (person.person_id, caisse_code)),
                )
        except StatementFailed as failed:
            raise keys_or(failed) from None

    @asynccontextmanager
    async def erasing(self, caisse_code: str) -> AsyncIterator["ErasingStore"]:
        """A transaction that erases. It and the chunks of the caisse's publications wait for one another."""
        async with self._database.transaction("erase_person") as connection:
            await connection.execute(_PATIENCE)
            await connection.execute(LOCK_DOSSIERS, (caisse_code,))
            yield ErasingStore(connection, caisse_code)


class ErasingStore:
    """The tables within the transaction of one erasure."""

    def __init__(self, connection: AsyncConnection, caisse_code: str) -> None:
        self._connection = connection
        self._caisse_code = caisse_code

    async def person(self, indexer: PersonIndexer, nir: Nir, now: datetime) -> UUID:
        """Who it is; somebody unknown is added, for what she asked is kept as proof. Raises KeysOutdated."""
        (person_id,) = await find_or_add(self._connection, indexer, [nir], now)
        return person_id

    async def dossiers(self, vault: Vault, person_id: UUID) -> Sequence[Dossier]:
        """Every dossier that the person holds or held. Raises KeysOutdated."""
        return await _dossiers(self._connection, vault, person_id, self._caisse_code)

    async def erase(self, vault: Vault, dossier_id: UUID, person_id: UUID, today: date) -> int:
        """Erases a dossier and tells how many versions of QFs are gone; the database checks the rule again.

        Raises ConstraintViolated for a dossier that is open or somebody else's; KeysOutdated.
        """
        await require_newest_data_key(self._connection, vault.data_key_id)
        (row,) = await fetch_all(
            self._connection,
            _ErasedRow,
            _ERASE,
            (
                dossier_id,
                person_id,
                today,
                vault.seal(dossier_id, _NOTHING),
                vault.digest(vault.data_key_id, dossier_id, _NOTHING),
                vault.data_key_id,
            ),
        )
        return row.period_count

    async def erasures(self, person_id: UUID) -> Sequence[Erasure]:
        """The person's erasures with the caisse, newest first."""
        return await fetch_all(self._connection, Erasure, _ERASURES, (person_id, self._caisse_code))

    async def add(self, person_id: UUID, erasure: Erasure) -> None:
        """Records an erasure."""
        await self._connection.execute(
            _ADD, {**vars(erasure), "person_id": person_id, "caisse_code": self._caisse_code}
        )

    async def opposition_count(self, person_id: UUID) -> int:
        """How many oppositions there are of the person, standing and withdrawn."""
        return await self._count(_OPPOSITION_COUNT, [person_id])

    async def journal_line_count(self, indexer: PersonIndexer, nir: Nir) -> int:
        """How many lines of the caisse's journal are of the person, under whichever key."""
        return await self._count(_LINE_COUNT, list(indexer.every(nir)))

    async def _count(self, statement: LiteralString, of: Collection[object]) -> int:
        (row,) = await fetch_all(self._connection, _CountRow, statement, (of, self._caisse_code))
        return row.count


@dataclass(frozen=True)
class _PersonRow:
    person_id: UUID


@dataclass(frozen=True, repr=False)
class _DossierRow:
    dossier_id: UUID
    numero_dossier: str
    data_key_id: int
    coordonnees: bytes
    closed_from: date | None


@dataclass(frozen=True)
class _HoldingRow:
    dossier_id: UUID
    person_id: UUID
    known_from: datetime
    known_to: datetime | None


@dataclass(frozen=True, repr=False)
class _PeriodRow:
    dossier_id: UUID
    valid_from: date
    valid_to: date | None
    amount_cents: int
    known_from: datetime
    known_to: datetime | None
    publication_id: UUID | None
    kind: str | None
    reference: str | None


@dataclass(frozen=True)
class _ErasedRow:
    period_count: int


@dataclass(frozen=True)
class _CountRow:
    count: int


async def _dossiers(
    connection: AsyncConnection, vault: Vault, person_id: UUID, caisse_code: str
) -> Sequence[Dossier]:
    person = {"person_id": person_id, "caisse_code": caisse_code}
    rows = await fetch_all(connection, _DossierRow, _DOSSIERS, person)
    dossier_ids = {"dossier_ids": [row.dossier_id for row in rows]}
    holdings = await fetch_all(connection, _HoldingRow, _HOLDINGS, dossier_ids)
    periods = await fetch_all(connection, _PeriodRow, _PERIODS, dossier_ids)
    return [
        Dossier(
            row.dossier_id,
            row.numero_dossier,
            _coordonnees(row, vault),
            row.closed_from,
            [_holding(each) for each in holdings if each.dossier_id == row.dossier_id],
            [_period(each) for each in periods if each.dossier_id == row.dossier_id],
        )
        for row in rows
    ]


def _coordonnees(row: _DossierRow, vault: Vault) -> Coordonnees | None:
    clear = vault.open(row.data_key_id, row.dossier_id, row.coordonnees)
    return None if clear == _NOTHING else Coordonnees.decode(clear)


def _holding(row: _HoldingRow) -> Holding:
    return Holding(row.person_id, Known(row.known_from, row.known_to))


def _period(row: _PeriodRow) -> KnownPeriod:
    return KnownPeriod(
        QuotientPeriod(row.valid_from, row.valid_to, row.amount_cents),
        Known(row.known_from, row.known_to),
        _origin(row),
    )


def _origin(row: _PeriodRow) -> Origin | None:
    if row.publication_id is None or row.kind is None:
        return None
    return Origin(row.publication_id, PublicationKind[row.kind], row.reference or "")


_ONE_SNAPSHOT: LiteralString = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# An erasure may wait for the chunk of a publication longer than a consultation could, but not than its caller does.
_PATIENCE: LiteralString = "SET LOCAL lock_timeout = '8s'; SET LOCAL statement_timeout = '8s'"

_PERSON: LiteralString = """
SELECT person_id FROM persons
WHERE person_index = ANY (%(candidates)s::bytea[]) AND require_index_generation(%(generation)s)
"""

# Present and past have an index each.
_DOSSIERS: LiteralString = """
SELECT dossier_id, numero_dossier, data_key_id, coordonnees, closed_from
FROM dossiers
WHERE dossier_id IN (
    SELECT dossier_id FROM dossier_holders
    WHERE person_id = %(person_id)s AND caisse_code = %(caisse_code)s AND known_to IS NULL
    UNION
    SELECT dossier_id FROM dossier_holders
    WHERE person_id = %(person_id)s AND caisse_code = %(caisse_code)s AND known_to IS NOT NULL
)
ORDER BY dossier_id
"""

_HOLDINGS: LiteralString = """
SELECT dossier_id, person_id, known_from, known_to
FROM dossier_holders
WHERE dossier_id = ANY (%(dossier_ids)s::uuid[]) AND known_to IS NULL
UNION ALL
SELECT dossier_id, person_id, known_from, known_to
FROM dossier_holders
WHERE dossier_id = ANY (%(dossier_ids)s::uuid[]) AND known_to IS NOT NULL
"""

_PERIODS: LiteralString = """
SELECT dossier_id, valid_from, valid_to, amount_cents, known_from, known_to, publication_id, kind, reference
FROM (
    SELECT dossier_id, valid_from, valid_to, amount_cents, known_from, known_to, publication_id
    FROM quotient_periods
    WHERE dossier_id = ANY (%(dossier_ids)s::uuid[]) AND known_to IS NULL
    UNION ALL
    SELECT dossier_id, valid_from, valid_to, amount_cents, known_from, known_to, publication_id
    FROM quotient_periods
    WHERE dossier_id = ANY (%(dossier_ids)s::uuid[]) AND known_to IS NOT NULL
) AS version
LEFT JOIN publications USING (publication_id)
"""

_ERASURES: LiteralString = """
SELECT erasure_id, erase_time, reference, dossier_count, period_count
FROM erasures
WHERE person_id = %s AND caisse_code = %s
ORDER BY erase_time DESC, erasure_id DESC
"""

_ERASE: LiteralString = "SELECT erase_dossier(%s, %s, %s, %s, %s, %s) AS period_count"

_ADD: LiteralString = """
INSERT INTO erasures (erasure_id, person_id, caisse_code, reference, erase_time, dossier_count, period_count)
VALUES (
    %(erasure_id)s, %(person_id)s, %(caisse_code)s, %(reference)s, %(erase_time)s, %(dossier_count)s,
    %(period_count)s
)
"""

_OPPOSITION_COUNT: LiteralString = (
    "SELECT count(*) AS count FROM oppositions WHERE person_id = ANY (%s::uuid[]) AND caisse_code = %s"
)
_LINE_COUNT: LiteralString = (
    "SELECT count(*) AS count FROM disclosures WHERE person_index = ANY (%s::bytea[]) AND caisse_code = %s"
)
