"""SQL for conventions and their facts. What is written belongs to the transaction of its connection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, get_args
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from services.kit.database import Database, fetch_all, fetch_one
from services.partners.conventions.domain import Convention
from services.partners.conventions.facts import Fact, RecordedFact
from services.partners.conventions.records import ConventionRecord

_ADAPTERS: Mapping[str, TypeAdapter[Any]] = {kind.kind: TypeAdapter(kind) for kind in get_args(Fact)}
_LINE = """
    SELECT convention_id, partner_id, caisse_code, signature_date, cnil_declaration_date, end_date, version
    FROM conventions
"""
# One statement, and so the convention and its facts of one moment.
_RECORD = """
    SELECT convention_id, partner_id, caisse_code, signature_date, cnil_declaration_date, end_date, version, (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'fact_id', fact_id, 'kind', kind, 'details', details, 'record_time', record_time
        ) ORDER BY position), '[]')
        FROM convention_facts WHERE convention_facts.convention_id = conventions.convention_id
    ) AS facts
    FROM conventions
"""


@dataclass(frozen=True)
class ConventionLine:
    """A convention without its facts."""

    convention: Convention
    version: int


class ConventionStore:
    """Conventions and their facts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(
        self, connection: AsyncConnection, record: ConventionRecord, create_time: datetime
    ) -> None:
        """Adds a convention with its facts."""
        convention = record.convention
        await connection.execute(
            """
            INSERT INTO conventions (convention_id, partner_id, caisse_code, signature_date, cnil_declaration_date,
                                     end_date, create_time, version)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
            """,
            (
                convention.convention_id,
                convention.partner_id,
                convention.caisse_code,
                convention.signature_date,
                convention.cnil_declaration_date,
                convention.end_date,
                create_time,
                record.version,
            ),
        )
        for position, fact in enumerate(record.facts, start=1):
            await self._insert_fact(connection, convention.convention_id, position, fact)

    async def append(self, connection: AsyncConnection, record: ConventionRecord) -> None:
        """Adds the last fact of `record`, and keeps what the convention has become."""
        convention = record.convention
        await self._insert_fact(connection, convention.convention_id, len(record.facts), record.facts[-1])
        await connection.execute(
            """
            UPDATE conventions SET signature_date = %s, cnil_declaration_date = %s, end_date = %s, version = %s
            WHERE convention_id = %s
            """,
            (
                convention.signature_date,
                convention.cnil_declaration_date,
                convention.end_date,
                record.version,
                convention.convention_id,
            ),
        )

    async def lock(self, connection: AsyncConnection, convention_id: UUID) -> ConventionRecord | None:
        """The convention, which nobody else changes while the transaction lasts."""
        # The facts are read by a statement of its own: one that waited for the lock still sees those before it.
        await connection.execute(
            "SELECT FROM conventions WHERE convention_id = %s FOR NO KEY UPDATE", (convention_id,)
        )
        statement = f"{_RECORD} WHERE convention_id = %s"
        row = await fetch_one(connection, _RecordRow, statement, (convention_id,))
        return None if row is None else row.record()

    async def find(self, convention_id: UUID) -> ConventionRecord | None:
        """The convention, if there is one."""
        row = await self._database.fetch_one(
            "find_convention", _RecordRow, f"{_RECORD} WHERE convention_id = %s", (convention_id,)
        )
        return None if row is None else row.record()

    async def list_of_partner(self, connection: AsyncConnection, partner_id: UUID) -> list[Convention]:
        """Every convention that the partner ever had; whoever decides by them next waits for this transaction."""
        # The conventions are read by a statement of its own: one that waited for the lock sees what it waited for.
        await connection.execute(
            "SELECT FROM partners WHERE partner_id = %s FOR NO KEY UPDATE", (partner_id,)
        )
        statement = f"{_LINE} WHERE partner_id = %s"
        rows = await fetch_all(connection, _LineRow, statement, (partner_id,))
        return [row.line().convention for row in rows]

    async def list_before(
        self, caisse_code: str, partner_id: UUID | None, convention_id: UUID, limit: int
    ) -> list[ConventionLine]:
        """The newest `limit` conventions of a caisse, or of one partner, before `convention_id`."""
        rows = await self._database.fetch_all(
            "list_conventions",
            _LineRow,
            f"""{_LINE}
            WHERE caisse_code = %(caisse_code)s AND convention_id < %(before)s
                AND (%(partner_id)s::uuid IS NULL OR partner_id = %(partner_id)s)
            ORDER BY convention_id DESC LIMIT %(limit)s
            """,
            {
                "caisse_code": caisse_code,
                "before": convention_id,
                "partner_id": partner_id,
                "limit": limit,
            },
        )
        return [row.line() for row in rows]

    async def list_after(self, caisse_code: str, convention_id: UUID, limit: int) -> list[ConventionRecord]:
        """The first `limit` conventions of a caisse behind `convention_id`, with their facts."""
        rows = await self._database.fetch_all(
            "list_convention_records",
            _RecordRow,
            f"{_RECORD} WHERE caisse_code = %s AND convention_id > %s ORDER BY convention_id LIMIT %s",
            (caisse_code, convention_id, limit),
        )
        return [row.record() for row in rows]

    async def list_by_ids(self, convention_ids: Sequence[UUID]) -> list[ConventionRecord]:
        """The conventions with these ids."""
        rows = await self._database.fetch_all(
            "find_conventions",
            _RecordRow,
            f"{_RECORD} WHERE convention_id = ANY(%s::uuid[])",
            (list(convention_ids),),
        )
        return [row.record() for row in rows]

    @staticmethod
    async def _insert_fact(
        connection: AsyncConnection, convention_id: UUID, position: int, recorded: RecordedFact
    ) -> None:
        kind = recorded.fact.kind
        await connection.execute(
            """
            INSERT INTO convention_facts (fact_id, convention_id, position, kind, details, record_time)
            VALUES (%s, %s, %s, %s, %s, %s)
            """,
            (
                recorded.fact_id,
                convention_id,
                position,
                kind,
                Jsonb(_ADAPTERS[kind].dump_python(recorded.fact, mode="json")),
                recorded.record_time,
            ),
        )


@dataclass(frozen=True)
class _LineRow:
    convention_id: UUID
    partner_id: UUID
    caisse_code: str
    signature_date: date | None
    cnil_declaration_date: date | None
    end_date: date | None
    version: int

    def line(self) -> ConventionLine:
        return ConventionLine(
            Convention(
                convention_id=self.convention_id,
                partner_id=self.partner_id,
                caisse_code=self.caisse_code,
                signature_date=self.signature_date,
                cnil_declaration_date=self.cnil_declaration_date,
                end_date=self.end_date,
            ),
            self.version,
        )


@dataclass(frozen=True)
class _RecordRow(_LineRow):
    facts: list[Mapping[str, Any]]

    def record(self) -> ConventionRecord:
        line = self.line()
        return ConventionRecord(line.convention, line.version, tuple(map(_recorded, self.facts)))


def _recorded(row: Mapping[str, Any]) -> RecordedFact:
    return RecordedFact(
        fact_id=UUID(row["fact_id"]),
        record_time=datetime.fromisoformat(row["record_time"]),
        fact=_ADAPTERS[row["kind"]].validate_python(row["details"]),
    )
