"""The table of persons: who is spoken of, known by an index only. Dossiers and oppositions are somebody's in it."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from services.kit.database import StatementFailed, fetch_all
from services.kit.identifiers import new_uuid7
from services.kit.nir import Nir
from services.quotient.secrecy import KeysOutdated, PersonIndexer

_GENERATION_SQLSTATE = "QF001"
# Whoever writes people shares this lock; whoever takes a new key into use has it alone, so that nobody who began
# before writes under the old key behind it.
PERSON_INDEX_LOCK = "person_index"


@dataclass(frozen=True)
class Persons:
    """Who they are, in the order in which they were asked for; `added` were not known before."""

    person_ids: Sequence[UUID]
    added: AbstractSet[UUID]


def keys_or(failed: StatementFailed) -> Exception:
    """What a failed statement means: that the keys are outdated, or only that it failed."""
    return KeysOutdated() if failed.sqlstate == _GENERATION_SQLSTATE else failed


def person_columns(indexer: PersonIndexer, nir: Nir) -> dict[str, object]:
    """By which a statement knows a person, and under which key it looks."""
    return {"generation": indexer.generation, "candidates": list(indexer.candidates(nir))}


async def find_or_add(
    connection: AsyncConnection, indexer: PersonIndexer, nirs: Sequence[Nir], now: datetime
) -> Sequence[UUID]:
    """The persons of `nirs`, in order, within a transaction that writes; who is not known yet is added.

    Raises KeysOutdated where this process does not index people under the newest key.
    """
    return (await find_or_add_persons(connection, indexer, nirs, now)).person_ids


async def find_or_add_persons(
    connection: AsyncConnection, indexer: PersonIndexer, nirs: Sequence[Nir], now: datetime
) -> Persons:
    """As `find_or_add`, telling who was added. Raises KeysOutdated."""
    await share_generation(connection, indexer.generation)
    candidates = [indexer.candidates(nir) for nir in nirs]
    stored = await _stored(connection, [index for each in candidates for index in each if index is not None])
    # During a rotation somebody may still stand under the index before.
    known = {
        index: person_id
        for index, before in candidates
        if (person_id := stored.get(index) or (before and stored.get(before)))
    }
    # In one order for everybody, so that two who add the same people never wait for each other.
    missing = sorted({index for index, _ in candidates} - known.keys())
    new_ids = [new_uuid7(now) for _ in missing]
    known |= await _added(connection, missing, new_ids, indexer.generation) if missing else {}
    person_ids = [known[index] for index, _ in candidates]
    return Persons(person_ids, frozenset(new_ids).intersection(person_ids))


async def share_generation(connection: AsyncConnection, generation: int) -> None:
    """Keeps the newest key in place until the transaction ends. Raises KeysOutdated where it is not `generation`."""
    await connection.execute(_SHARE, (PERSON_INDEX_LOCK,))
    (row,) = await fetch_all(connection, _Generation, _NEWEST)
    if row.generation != generation:
        raise KeysOutdated


@dataclass(frozen=True)
class _Generation:
    generation: int


async def _stored(connection: AsyncConnection, indexes: Sequence[bytes]) -> dict[bytes, UUID]:
    if not indexes:
        return {}
    cursor = await connection.execute(_STORED, (list(indexes),))
    return dict(await cursor.fetchall())


async def _added(
    connection: AsyncConnection, indexes: Sequence[bytes], new_ids: Sequence[UUID], generation: int
) -> dict[bytes, UUID]:
    cursor = await connection.execute(_ADD, (generation, list(new_ids), list(indexes)))
    if cursor.rowcount == len(indexes):
        return dict(zip(indexes, new_ids, strict=True))
    # Somebody else added one of them meanwhile.
    return await _stored(connection, indexes)


_SHARE: LiteralString = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"
_NEWEST: LiteralString = "SELECT max(generation) AS generation FROM person_index_keys"

# Lists travel in binary, which costs a hundredth of what text does.
_STORED: LiteralString = "SELECT person_index, person_id FROM persons WHERE person_index = ANY (%b::bytea[])"

_ADD: LiteralString = """
INSERT INTO persons (person_id, person_index, index_generation)
SELECT person_id, person_index, %s::smallint
FROM unnest(%b::uuid[], %b::bytea[]) AS new (person_id, person_index)
ON CONFLICT (person_index) DO NOTHING
"""
