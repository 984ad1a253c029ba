"""The table of oppositions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString, TypeVar
from uuid import UUID

from services.kit.database import Database, StatementFailed, fetch_all, fetch_one
from services.kit.nir import Nir
from services.quotient.oppositions.domain import (
    Channel,
    Declarant,
    Opposition,
    OppositionScope,
    Request,
    Requester,
    require_later,
)
from services.quotient.persons import find_or_add, keys_or, person_columns
from services.quotient.secrecy import PersonIndexer

_AnyRow = TypeVar("_AnyRow")


class OppositionStore:
    """Oppositions in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, indexer: PersonIndexer, nir: Nir, opposition: Opposition) -> Opposition:
        """Commits an opposition, or finds the one of the same scope that stands already. Raises KeysOutdated."""
        async with self._database.transaction("record_opposition") as connection:
            (person_id,) = await find_or_add(connection, indexer, [nir], opposition.record_time)
            (row,) = await fetch_all(
                connection,
                _Row,
                _ADD,
                _new_columns(person_id, opposition),
            )
        return _opposition(row)

    async def add_all(
        self, indexer: PersonIndexer, nirs: Sequence[Nir], oppositions: Sequence[Opposition]
    ) -> Sequence[UUID | None]:
        """Commits oppositions at once; tells of each, in order, the id of the one of its scope that stands then.

        None where one of the same scope was withdrawn on the day it was expressed or later, and none stands.
        Raises KeysOutdated.
        """
        record_time = oppositions[0].record_time
        async with self._database.transaction("import_oppositions") as connection:
            await connection.execute(_PATIENCE)
            person_ids = await find_or_add(connection, indexer, nirs, record_time)
            rows = await fetch_all(
                connection, _StandingOfPersonRow, _ADD_ALL, _import_columns(person_ids, oppositions)
            )
        standing = {
            (row.person_id, OppositionScope(row.caisse_code, row.partner_id)): row.opposition_id
            for row in rows
        }
        return [
            standing.get((person_id, opposition.scope))
            for person_id, opposition in zip(person_ids, oppositions, strict=True)
        ]

    async def withdraw(
        self,
        indexer: PersonIndexer,
        nir: Nir,
        scope: OppositionScope,
        request: Request,
        withdraw_time: datetime,
    ) -> Opposition | None:
        """Ends the standing opposition of this scope, which is kept; None where none stands.

        Raises KeysOutdated, and InvalidField where the opposition was expressed after its withdrawal.
        """
        try:
            async with self._database.transaction("withdraw_opposition") as connection:
                standing = await fetch_one(
                    connection, _Row, _STANDING_ONE, {**person_columns(indexer, nir), **_scope_columns(scope)}
                )
                if standing is None:
                    return None
                require_later(request, _opposition(standing))
                (withdrawn,) = await fetch_all(
                    connection,
                    _Row,
                    _WITHDRAW,
                    {
                        "opposition_id": standing.opposition_id,
                        "withdraw_time": withdraw_time,
                        **_request_columns(request),
                    },
                )
        except StatementFailed as failed:
            raise keys_or(failed) from None
        return _opposition(withdrawn)

    async def history(self, indexer: PersonIndexer, nir: Nir, caisse_code: str) -> Sequence[Opposition]:
        """Every opposition of a person with a caisse, newest first. Raises KeysOutdated."""
        parameters = {**person_columns(indexer, nir), "caisse_code": caisse_code}
        rows = await self._read("list_oppositions", _Row, _HISTORY, parameters)
        return [_opposition(row) for row in rows]

    async def standing(
        self, indexer: PersonIndexer, nirs: Sequence[Nir]
    ) -> Sequence[Sequence[OppositionScope]]:
        """The scopes of the standing oppositions of each person and of those in the same dossier, in order.

        Raises KeysOutdated.
        """
        candidates = [indexer.candidates(nir) for nir in nirs]
        rows = await self._read(
            "check_oppositions",
            _StandingRow,
            _STANDING,
            {
                "generation": indexer.generation,
                "indexes": [index for index, _ in candidates],
                "before": [before for _, before in candidates],
            },
        )
        scopes: list[list[OppositionScope]] = [[] for _ in nirs]
        for row in rows:
            scopes[row.position - 1].append(OppositionScope(row.caisse_code, row.partner_id))
        return scopes

    async def _read(
        self, operation: str, row_type: type[_AnyRow], statement: LiteralString, parameters: dict[str, Any]
    ) -> list[_AnyRow]:
        try:
            return await self._database.fetch_all(operation, row_type, statement, parameters)
        except StatementFailed as failed:
            raise keys_or(failed) from None


@dataclass(frozen=True)
class _Row:
    opposition_id: UUID
    caisse_code: str
    partner_id: UUID | None
    requester: str
    declarant: str
    channel: str
    received_on: date
    reference: str
    record_time: datetime
    withdraw_time: datetime | None
    withdraw_requester: str | None
    withdraw_channel: str | None
    withdraw_received_on: date | None
    withdraw_reference: str | None


@dataclass(frozen=True)
class _StandingOfPersonRow:
    opposition_id: UUID
    person_id: UUID
    caisse_code: str
    partner_id: UUID | None


@dataclass(frozen=True)
class _StandingRow:
    position: int
    caisse_code: str
    partner_id: UUID | None


def _scope_columns(scope: OppositionScope) -> dict[str, Any]:
    return {"caisse_code": scope.caisse_code, "partner_id": scope.partner_id}


def _request_columns(request: Request) -> dict[str, Any]:
    return {
        "requester": request.requester.name,
        "channel": request.channel.name,
        "received_on": request.received_on,
        "reference": request.reference,
    }


def _new_columns(person_id: UUID, opposition: Opposition) -> dict[str, Any]:
    return {
        "opposition_id": opposition.opposition_id,
        "person_id": person_id,
        "record_time": opposition.record_time,
        "declarant": opposition.declarant.name,
        **_scope_columns(opposition.scope),
        **_request_columns(opposition.request),
    }


def _import_columns(person_ids: Sequence[UUID], oppositions: Sequence[Opposition]) -> dict[str, Any]:
    rows = [
        _new_columns(person_id, opposition)
        for person_id, opposition in zip(person_ids, oppositions, strict=True)
    ]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _opposition(row: _Row) -> Opposition:
    return Opposition(
        row.opposition_id,
        OppositionScope(row.caisse_code, row.partner_id),
        Declarant[row.declarant],
        Request(Requester[row.requester], Channel[row.channel], row.received_on, row.reference),
        row.record_time,
        row.withdraw_time,
        _withdrawal(row),
    )


def _withdrawal(row: _Row) -> Request | None:
    if row.withdraw_requester is None or row.withdraw_channel is None or row.withdraw_received_on is None:
        return None
    return Request(
        Requester[row.withdraw_requester],
        Channel[row.withdraw_channel],
        row.withdraw_received_on,
        row.withdraw_reference or "",
    )


_COLUMNS: LiteralString = """
    opposition_id, caisse_code, partner_id, requester, declarant, channel, received_on, reference, record_time,
    withdraw_time, withdraw_requester, withdraw_channel, withdraw_received_on, withdraw_reference
"""
_RETURNING: LiteralString = "RETURNING" + _COLUMNS
_SELECT: LiteralString = "SELECT" + _COLUMNS

_NEW_COLUMNS: LiteralString = """
    opposition_id, person_id, caisse_code, partner_id, requester, declarant, channel, received_on, reference,
    record_time
"""
_INSERT: LiteralString = "INSERT INTO oppositions AS standing (" + _NEW_COLUMNS + ")"
# The update changes nothing: it waits for whoever is recording or withdrawing the same one, and returns what stands.
_OR_STANDING: LiteralString = """
ON CONFLICT (person_id, caisse_code, partner_id) WHERE withdraw_time IS NULL
DO UPDATE SET withdraw_time = standing.withdraw_time
"""

_ADD: LiteralString = (
    _INSERT
    + """
VALUES (
    %(opposition_id)s, %(person_id)s, %(caisse_code)s, %(partner_id)s, %(requester)s, %(declarant)s, %(channel)s,
    %(received_on)s, %(reference)s, %(record_time)s
)
"""
    + _OR_STANDING
    + _RETURNING
)

# A chunk may wait for another one longer than a consultation could.
_PATIENCE: LiteralString = "SET LOCAL lock_timeout = '20s'; SET LOCAL statement_timeout = '30s'"

# What was withdrawn on the day it was expressed or later is settled: a register that is older does not renew it. Of
# several of one scope the first is recorded; in one order for everybody, so that two imports never wait for each other.
_NEW: LiteralString = """
SELECT DISTINCT ON (person_id, caisse_code, partner_id)
    opposition_id, person_id, caisse_code, partner_id, requester, declarant, channel, received_on, reference,
    record_time
FROM unnest(
    %(opposition_id)s::uuid[], %(person_id)s::uuid[], %(caisse_code)s::text[], %(partner_id)s::uuid[],
    %(requester)s::text[], %(declarant)s::text[], %(channel)s::text[], %(received_on)s::date[],
    %(reference)s::text[], %(record_time)s::timestamptz[]
) WITH ORDINALITY AS new (
    opposition_id, person_id, caisse_code, partner_id, requester, declarant, channel, received_on, reference,
    record_time, position
)
WHERE NOT EXISTS (
        SELECT FROM oppositions AS past
        WHERE past.person_id = new.person_id AND past.caisse_code = new.caisse_code
            AND past.partner_id IS NOT DISTINCT FROM new.partner_id
            AND past.withdraw_received_on >= new.received_on
    )
    OR EXISTS (
        SELECT FROM oppositions AS present
        WHERE present.person_id = new.person_id AND present.caisse_code = new.caisse_code
            AND present.partner_id IS NOT DISTINCT FROM new.partner_id
            AND present.withdraw_time IS NULL
    )
ORDER BY person_id, caisse_code, partner_id, position
"""
_RETURNING_KEY: LiteralString = "RETURNING opposition_id, person_id, caisse_code, partner_id"
_ADD_ALL: LiteralString = _INSERT + _NEW + _OR_STANDING + _RETURNING_KEY

_FROM_PERSON: LiteralString = """
FROM oppositions
WHERE person_id = (
        SELECT person_id FROM persons
        WHERE person_index = ANY (%(candidates)s::bytea[]) AND require_index_generation(%(generation)s)
    )
    AND caisse_code = %(caisse_code)s
"""
_OF_PERSON: LiteralString = _SELECT + _FROM_PERSON

_STANDING_ONE: LiteralString = (
    _OF_PERSON
    + """
    AND partner_id IS NOT DISTINCT FROM %(partner_id)s AND withdraw_time IS NULL
FOR NO KEY UPDATE
"""
)

_WITHDRAW: LiteralString = (
    """
UPDATE oppositions
SET withdraw_time = %(withdraw_time)s, withdraw_requester = %(requester)s, withdraw_channel = %(channel)s,
    withdraw_received_on = %(received_on)s, withdraw_reference = %(reference)s
WHERE opposition_id = %(opposition_id)s
"""
    + _RETURNING
)

_HISTORY: LiteralString = _OF_PERSON + "ORDER BY record_time DESC, opposition_id DESC"

# One objects to the consultation of one's dossier (annexe 1): it holds for whoever else is in it.
_STANDING: LiteralString = """
WITH asked AS MATERIALIZED (
    SELECT person_id, position
    FROM unnest(%(indexes)s::bytea[], %(before)s::bytea[])
        WITH ORDINALITY AS asked (person_index, before, position)
    JOIN persons ON persons.person_index = ANY (ARRAY[asked.person_index, asked.before])
    WHERE require_index_generation(%(generation)s)
)
SELECT position, caisse_code, partner_id
FROM asked
JOIN oppositions USING (person_id)
WHERE withdraw_time IS NULL
UNION
SELECT asked.position, standing.caisse_code, standing.partner_id
FROM asked
JOIN dossier_holders AS own ON own.person_id = asked.person_id AND own.known_to IS NULL
JOIN dossier_holders AS sharing ON sharing.dossier_id = own.dossier_id AND sharing.known_to IS NULL
JOIN oppositions AS standing
    ON standing.person_id = sharing.person_id AND standing.caisse_code = sharing.caisse_code
WHERE standing.withdraw_time IS NULL
ORDER BY position, caisse_code, partner_id NULLS FIRST
"""
