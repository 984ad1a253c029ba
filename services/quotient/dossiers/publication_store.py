"""The table of the publications of files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from services.kit.database import Database, fetch_one
from services.kit.errors import RecordNotFound
from services.quotient.dossiers.publications import Counts, Publication, PublicationKind, Source


class PublicationStore:
    """Publications of files in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, publication_id: UUID, source: Source, begin_time: datetime) -> Publication:
        """Commits a new publication, or finds the open one of the same file."""
        of_file = (source.digest, source.kind.name, source.reference)
        async with self._database.transaction("begin_publication") as connection:
            # Once more only where the open one ends between the two.
            row = None
            while row is None:
                row = await fetch_one(connection, _Row, _BEGIN, (publication_id, *of_file, begin_time))
                row = row or await fetch_one(connection, _Row, _OPEN, of_file)
        return row.publication()

    async def finish(self, publication_id: UUID, end_time: datetime) -> Publication:
        """Commits the end of a publication; one that has ended stays as it is. Raises RecordNotFound."""
        row = await self._database.fetch_one("finish_publication", _Row, _FINISH, (end_time, publication_id))
        if row is None:
            raise RecordNotFound
        return row.publication()

    async def before(self, publication_id: UUID, limit: int) -> Sequence[Publication]:
        """The newest `limit` publications before that one."""
        rows = await self._database.fetch_all("list_publications", _Row, _BEFORE, (publication_id, limit))
        return [row.publication() for row in rows]


async def settled_line(connection: AsyncConnection, publication_id: UUID) -> int:
    """The last line of the publication that is in; nobody else settles more of it until the transaction ends.

    Raises RecordNotFound where no such publication is open.
    """
    row = await fetch_one(connection, _LineRow, _SETTLED, (publication_id,))
    if row is None:
        raise RecordNotFound
    return row.last_line


async def settle(connection: AsyncConnection, publication_id: UUID, last_line: int, counts: Counts) -> None:
    """Writes how far the publication came, and adds to its counts."""
    await connection.execute(
        _SETTLE,
        {"publication_id": publication_id, "last_line": last_line, **vars(counts)},
    )


@dataclass(frozen=True)
class _LineRow:
    last_line: int


@dataclass(frozen=True, repr=False)
class _Row:
    publication_id: UUID
    kind: str
    reference: str
    begin_time: datetime
    end_time: datetime | None
    last_line: int
    created_count: int
    updated_count: int
    unchanged_count: int
    refused_count: int

    def publication(self) -> Publication:
        return Publication(
            self.publication_id,
            PublicationKind[self.kind],
            self.reference,
            self.begin_time,
            self.end_time,
            self.last_line,
            Counts(self.created_count, self.updated_count, self.unchanged_count, self.refused_count),
        )


_COLUMNS: LiteralString = """
    publication_id, kind, reference, begin_time, end_time, last_line, created_count, updated_count,
    unchanged_count, refused_count
"""
_FROM: LiteralString = "FROM publications"
_SELECT: LiteralString = "SELECT" + _COLUMNS + _FROM
_RETURNING: LiteralString = "RETURNING" + _COLUMNS

_INSERT: LiteralString = """
INSERT INTO publications (publication_id, source_digest, kind, reference, begin_time)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (source_digest, kind, reference) WHERE end_time IS NULL DO NOTHING
"""
_BEGIN: LiteralString = f"{_INSERT} {_RETURNING}"
_OPEN: LiteralString = (
    f"{_SELECT} WHERE source_digest = %s AND kind = %s AND reference = %s AND end_time IS NULL"
)

_END: LiteralString = "UPDATE publications SET end_time = coalesce(end_time, %s) WHERE publication_id = %s"
_FINISH: LiteralString = f"{_END} {_RETURNING}"

_BEFORE: LiteralString = f"{_SELECT} WHERE publication_id < %s ORDER BY publication_id DESC LIMIT %s"

_SETTLED: LiteralString = """
SELECT last_line FROM publications WHERE publication_id = %s AND end_time IS NULL FOR NO KEY UPDATE
"""

_SETTLE: LiteralString = """
UPDATE publications
SET last_line = greatest(last_line, %(last_line)s), created_count = created_count + %(created)s,
    updated_count = updated_count + %(updated)s, unchanged_count = unchanged_count + %(unchanged)s,
    refused_count = refused_count + %(refused)s
WHERE publication_id = %(publication_id)s
"""
