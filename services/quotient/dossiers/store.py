"""The tables of dossiers, their people and their periods.

Lists travel in binary and new rows by COPY: as text, and as parameters, they would cost several times as much.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import LiteralString, TypeVar
from uuid import UUID

from psycopg import AsyncConnection

from services.kit.database import Database, fetch_all
from services.kit.identifiers import new_uuid7
from services.kit.nir import Nir
from services.quotient.dossiers.changes import (
    Changes,
    Holder,
    Known,
    KnownDossier,
    NewlySaid,
    PeriodKey,
)
from services.quotient.dossiers.domain import DossierKey, QuotientPeriod
from services.quotient.dossiers.publication_store import PublicationStore, settle, settled_line
from services.quotient.dossiers.publications import Counts
from services.quotient.keys.store import require_newest_data_key
from services.quotient.persons import Persons, find_or_add_persons
from services.quotient.secrecy import PersonIndexer, Vault

_AnyRow = TypeVar("_AnyRow")


class DossierStore:
    """Dossiers in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.publications = PublicationStore(database)

    @asynccontextmanager
    async def chunks(self, caisse_codes: Collection[str]) -> AsyncIterator["ChunkStore"]:
        """A transaction for some chunks. Those of the same caisse wait for one another."""
        async with self._database.transaction("publish_dossiers") as connection:
            await connection.execute(_PATIENCE)
            # In one order for everybody, so that two publishers never wait for each other.
            for caisse_code in sorted(caisse_codes):
                await connection.execute(LOCK_DOSSIERS, (caisse_code,))
            yield ChunkStore(connection)


class ChunkStore:
    """The tables within the transaction of some chunks."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def settled_line(self, publication_id: UUID) -> int:
        """The last line of the publication that is in; nobody else settles more of it until the transaction ends.

        Raises RecordNotFound where no such publication is open.
        """
        return await settled_line(self._connection, publication_id)

    async def settle(self, publication_id: UUID, last_line: int, counts: Counts) -> None:
        """Writes how far the publication came, and adds to its counts."""
        await settle(self._connection, publication_id, last_line, counts)

    async def persons(self, indexer: PersonIndexer, nirs: Sequence[Nir], now: datetime) -> Persons:
        """Who they are, in order; who is not known yet is added. Raises KeysOutdated."""
        return await find_or_add_persons(self._connection, indexer, nirs, now)

    async def known(self, keys: Collection[DossierKey], holders: Collection[Holder]) -> Known:
        """What is known of these dossiers and of these people, and who else holds those dossiers."""
        dossiers = [
            row
            for caisse_code, numbers in _by_caisse((key.caisse_code, key.numero_dossier) for key in keys)
            for row in await self._rows(_DossierRow, _KNOWN_DOSSIERS, numbers, caisse_code)
        ]
        dossier_ids = [dossier.dossier_id for dossier in dossiers]
        people = await self._rows(_HolderRow, _KNOWN_HOLDERS_OF_DOSSIERS, dossier_ids)
        for caisse_code, person_ids in _by_caisse((each.caisse_code, each.person_id) for each in holders):
            people += await self._rows(_HolderRow, _KNOWN_HOLDERS, person_ids, caisse_code)
        periods = await self._rows(_PeriodRow, _KNOWN_PERIODS, dossier_ids)
        return Known(
            {DossierKey(d.caisse_code, d.numero_dossier): _known_dossier(d) for d in dossiers},
            {Holder(p.person_id, p.caisse_code): p.dossier_id for p in people},
            {PeriodKey(p.dossier_id, p.valid_from): _period(p) for p in periods},
        )

    async def write(self, changes: Changes, vault: Vault, now: datetime, publication_id: UUID | None) -> None:
        """Writes what is new, of that publication if there is one; what it replaces is known until `now`.

        Raises KeysOutdated.
        """
        await require_newest_data_key(self._connection, vault.data_key_id)
        await self._end(_END_HOLDERS, now, changes.past_holders)
        await self._end(_END_PERIODS, now, changes.past_periods)
        await self._change(changes.changed_dossiers, vault)
        await self._copy(_NEW_DOSSIERS, _DOSSIER_TYPES, _dossier_rows(changes.new_dossiers, vault))
        holders, periods = changes.new_holders, changes.new_periods
        await self._copy(
            _NEW_HOLDERS,
            _HOLDER_TYPES,
            ((*holder, dossier_id, now) for holder, dossier_id in holders.items()),
        )
        await self._copy(
            _NEW_PERIODS,
            _PERIOD_TYPES,
            (
                (
                    new_uuid7(now),
                    dossier_id,
                    valid_from,
                    period.valid_to,
                    period.amount_cents,
                    now,
                    publication_id,
                )
                for (dossier_id, valid_from), period in periods.items()
            ),
        )

    async def _rows(
        self, row_type: type[_AnyRow], statement: LiteralString, asked: Sequence[object], *more: object
    ) -> list[_AnyRow]:
        if not asked:
            return []
        return await fetch_all(self._connection, row_type, statement, (asked, *more))

    async def _end(self, statement: LiteralString, now: datetime, past: Sequence[tuple[object, ...]]) -> None:
        if past:
            await self._connection.execute(statement, (now, *map(list, zip(*past, strict=True))))

    async def _change(self, dossiers: Sequence[NewlySaid], vault: Vault) -> None:
        if dossiers:
            columns = (
                [each.dossier_id for each in dossiers],
                [vault.seal(each.dossier_id, each.coordonnees) for each in dossiers],
                [each.coordonnees_digest for each in dossiers],
                [each.data_key_id for each in dossiers],
                # A list of nothing but nulls has no type of its own, in binary.
                [each.closed_from.isoformat() if each.closed_from else None for each in dossiers],
            )
            await self._connection.execute(_CHANGE_DOSSIERS, columns)

    async def _copy(
        self, statement: LiteralString, types: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        rows = list(rows)
        if rows:
            async with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
                copy.set_types(types)
                for row in rows:
                    await copy.write_row(row)


@dataclass(frozen=True)
class _DossierRow:
    dossier_id: UUID
    caisse_code: str
    numero_dossier: str
    data_key_id: int
    coordonnees_digest: bytes
    closed_from: date | None


@dataclass(frozen=True)
class _HolderRow:
    person_id: UUID
    caisse_code: str
    dossier_id: UUID


@dataclass(frozen=True, repr=False)
class _PeriodRow:
    dossier_id: UUID
    valid_from: date
    valid_to: date | None
    amount_cents: int


def _by_caisse(members: Iterable[tuple[str, object]]) -> Iterable[tuple[str, list[object]]]:
    for caisse_code, group in groupby(sorted(members), key=lambda member: member[0]):
        yield caisse_code, [member for _, member in group]


def _known_dossier(row: _DossierRow) -> KnownDossier:
    return KnownDossier(row.dossier_id, row.data_key_id, row.coordonnees_digest, row.closed_from)


def _period(row: _PeriodRow) -> QuotientPeriod:
    return QuotientPeriod(row.valid_from, row.valid_to, row.amount_cents)


def _dossier_rows(
    dossiers: Mapping[DossierKey, NewlySaid], vault: Vault
) -> Iterable[tuple[UUID, str, str, bytes, bytes, int, date | None]]:
    for key, said in dossiers.items():
        sealed = vault.seal(said.dossier_id, said.coordonnees)
        yield (
            said.dossier_id,
            *key,
            sealed,
            said.coordonnees_digest,
            said.data_key_id,
            said.closed_from,
        )


# A publication may wait for another one longer than a consultation could.
_PATIENCE: LiteralString = "SET LOCAL lock_timeout = '20s'; SET LOCAL statement_timeout = '30s'"
# For as long as a transaction that changes the dossiers of a caisse lasts, no other one does.
LOCK_DOSSIERS: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended('publish_dossiers ' || %s, 0))"

_KNOWN_DOSSIERS: LiteralString = """
SELECT dossier_id, caisse_code, numero_dossier, data_key_id, coordonnees_digest, closed_from
FROM dossiers
WHERE numero_dossier = ANY (%b::text[]) AND caisse_code = %s
"""

_KNOWN_HOLDERS: LiteralString = """
SELECT person_id, caisse_code, dossier_id
FROM dossier_holders
WHERE person_id = ANY (%b::uuid[]) AND caisse_code = %s AND known_to IS NULL
"""

_KNOWN_HOLDERS_OF_DOSSIERS: LiteralString = """
SELECT person_id, caisse_code, dossier_id
FROM dossier_holders
WHERE dossier_id = ANY (%b::uuid[]) AND known_to IS NULL
"""

_KNOWN_PERIODS: LiteralString = """
SELECT dossier_id, valid_from, valid_to, amount_cents
FROM quotient_periods
WHERE dossier_id = ANY (%b::uuid[]) AND known_to IS NULL
"""

_END_HOLDERS: LiteralString = """
UPDATE dossier_holders SET known_to = greatest(known_from, %s)
FROM unnest(%b::uuid[], %b::text[]) AS past (person_id, caisse_code)
WHERE dossier_holders.person_id = past.person_id AND dossier_holders.caisse_code = past.caisse_code
    AND known_to IS NULL
"""

_END_PERIODS: LiteralString = """
UPDATE quotient_periods SET known_to = greatest(known_from, %s)
FROM unnest(%b::uuid[], %b::date[]) AS past (dossier_id, valid_from)
WHERE quotient_periods.dossier_id = past.dossier_id AND quotient_periods.valid_from = past.valid_from
    AND known_to IS NULL
"""

# A dossier keeps its id for ever: the coordonnées are bound to it.
_CHANGE_DOSSIERS: LiteralString = """
UPDATE dossiers
SET coordonnees = said.coordonnees, coordonnees_digest = said.coordonnees_digest,
    data_key_id = said.data_key_id, closed_from = said.closed_from
FROM unnest(%b::uuid[], %b::bytea[], %b::bytea[], %b::integer[], %s::date[])
    AS said (dossier_id, coordonnees, coordonnees_digest, data_key_id, closed_from)
WHERE dossiers.dossier_id = said.dossier_id
"""

# Whoever writes a caisse's dossiers has its lock, and the ids are new: no row can be there already.
_NEW_DOSSIERS: LiteralString = """
COPY dossiers (
    dossier_id, caisse_code, numero_dossier, coordonnees, coordonnees_digest, data_key_id, closed_from
) FROM STDIN (FORMAT BINARY)
"""
_DOSSIER_TYPES = ("uuid", "text", "text", "bytea", "bytea", "int4", "date")

_NEW_HOLDERS: LiteralString = """
COPY dossier_holders (person_id, caisse_code, dossier_id, known_from) FROM STDIN (FORMAT BINARY)
"""
_HOLDER_TYPES = ("uuid", "text", "uuid", "timestamptz")

_NEW_PERIODS: LiteralString = """
COPY quotient_periods (
    period_id, dossier_id, valid_from, valid_to, amount_cents, known_from, publication_id
) FROM STDIN (FORMAT BINARY)
"""
_PERIOD_TYPES = ("uuid", "uuid", "date", "date", "int4", "timestamptz", "uuid")
