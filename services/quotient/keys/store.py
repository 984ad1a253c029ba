"""The tables of keys: which are in use; none in clear."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import LiteralString

from psycopg import AsyncConnection

from services.kit.database import Database, fetch_all
from services.kit.errors import DependencyUnavailable
from services.quotient.keys.domain import DataKey, IndexKey, RotationIsRunning
from services.quotient.persons import PERSON_INDEX_LOCK
from services.quotient.secrecy import KeysOutdated

_ROTATION_LOCK = "key_rotation"
# Whoever waits to have the lock alone makes those who come later wait too: rather often than long.
_TURNS = 60
_PAUSE_SECONDS = 0.2


class KeyStore:
    """Keys in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def index_keys(self) -> Sequence[IndexKey]:
        """Those of the person index, oldest first."""
        return await self._database.fetch_all("list_index_keys", IndexKey, _INDEX_KEYS)

    async def data_keys(self) -> Sequence[DataKey]:
        """Those of coordonnées, oldest first."""
        return await self._database.fetch_all("list_data_keys", DataKey, _DATA_KEYS)

    async def begin_index(self, key: IndexKey) -> None:
        """Takes the first key of the person index into use, unless one is."""
        await self._database.execute("begin_index_key", _ADD_INDEX, vars(key))

    async def begin_data(self, key: DataKey) -> None:
        """Takes the first data key into use, unless one is."""
        await self._database.execute("begin_data_key", _BEGIN_DATA, vars(key))

    async def take_index_key(self, key: IndexKey) -> None:
        """Takes the next key of the person index into use.

        From this commit on, whoever indexes people under the one before is refused, and whoever wrote people under it
        has committed.
        """

        async def take(connection: AsyncConnection) -> None:
            await connection.execute(_ADD_INDEX, vars(key))

        await self._alone("take_index_key", take)

    async def renew_data_keys(self, wrapped_anew: Sequence[DataKey], new: DataKey) -> None:
        """Replaces how every data key is wrapped, and takes a new one into use, in one commit.

        From this commit on, whoever enciphers under the one before is refused.
        """

        async def renew(connection: AsyncConnection) -> None:
            await connection.execute(
                _WRAP_ANEW,
                (
                    [key.data_key_id for key in wrapped_anew],
                    [key.wrapped_key for key in wrapped_anew],
                    [key.wrapping_generation for key in wrapped_anew],
                    [key.wrapping_fingerprint for key in wrapped_anew],
                ),
            )
            await connection.execute(_ADD_DATA, vars(new))

        await self._alone("renew_data_keys", renew)

    @asynccontextmanager
    async def rotation(self) -> AsyncIterator[None]:
        """Held by one rotation at a time, until the block ends or its process does. Raises RotationIsRunning."""
        async with self._database.transaction("hold_key_rotation") as connection:
            # It reads nothing while it waits: no row is kept from being cleaned up.
            await connection.execute(_HOLD)
            (row,) = await fetch_all(connection, _Held, _TRY_ROTATION, (_ROTATION_LOCK,))
            if not row.held:
                raise RotationIsRunning
            yield

    async def _alone(self, operation: str, work: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Does `work`, which may be done twice, in a transaction while nobody writes people or coordonnées."""
        for _ in range(_TURNS):
            try:
                async with self._database.transaction(operation) as connection:
                    await connection.execute(_PATIENCE)
                    await connection.execute(_ALONE, (PERSON_INDEX_LOCK,))
                    await work(connection)
            except DependencyUnavailable:
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return
        raise DependencyUnavailable


async def require_newest_data_key(connection: AsyncConnection, data_key_id: int) -> None:
    """Raises KeysOutdated where coordonnées are to be enciphered under a newer key than `data_key_id`.

    Within a transaction that shares the generation of the person index (`persons.find_or_add`): the newest data key
    stays the newest until it ends, so that nothing is written under a former one behind a rotation.
    """
    (row,) = await fetch_all(connection, _Newest, _NEWEST_DATA_KEY)
    if row.data_key_id != data_key_id:
        raise KeysOutdated


@dataclass(frozen=True)
class _Held:
    held: bool


@dataclass(frozen=True)
class _Newest:
    data_key_id: int


_INDEX_KEYS: LiteralString = """
SELECT generation, fingerprint, begin_time, complete_time FROM person_index_keys ORDER BY generation
"""

_DATA_KEYS: LiteralString = """
SELECT
    data_key_id, wrapped_key, wrapping_generation, wrapping_fingerprint, create_time,
    rotation.complete_time AS complete_time
FROM data_keys
LEFT JOIN key_rotations AS rotation ON rotation.subject = 'dossiers' AND rotation.target = data_key_id
ORDER BY data_key_id
"""

_NEWEST_DATA_KEY: LiteralString = "SELECT max(data_key_id) AS data_key_id FROM data_keys"

_ADD_INDEX: LiteralString = """
INSERT INTO person_index_keys (generation, fingerprint, begin_time, complete_time)
VALUES (%(generation)s, %(fingerprint)s, %(begin_time)s, %(complete_time)s)
ON CONFLICT DO NOTHING
"""

_ADD_DATA: LiteralString = """
INSERT INTO data_keys (data_key_id, wrapped_key, wrapping_generation, wrapping_fingerprint, create_time)
VALUES (
    %(data_key_id)s, %(wrapped_key)s, %(wrapping_generation)s, %(wrapping_fingerprint)s, %(create_time)s
)
ON CONFLICT DO NOTHING
"""

# Where there is no dossier yet, none stands under an older key.
_BEGIN_DATA: LiteralString = (
    "WITH begun AS ("
    + _ADD_DATA
    + """
    RETURNING data_key_id
)
INSERT INTO key_rotations (subject, target, total_count, begin_time, complete_time)
SELECT 'dossiers', data_key_id, 0, %(create_time)s, %(create_time)s
FROM begun
WHERE NOT EXISTS (SELECT FROM dossiers)
ON CONFLICT DO NOTHING
"""
)

_WRAP_ANEW: LiteralString = """
UPDATE data_keys
SET wrapped_key = anew.wrapped_key, wrapping_generation = anew.generation, wrapping_fingerprint = anew.fingerprint
FROM unnest(%s::integer[], %s::bytea[], %s::smallint[], %s::bytea[])
    AS anew (data_key_id, wrapped_key, generation, fingerprint)
WHERE data_keys.data_key_id = anew.data_key_id
"""

# A host that is gone without a word holds it for a minute at most.
_HOLD: LiteralString = """
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL tcp_keepalives_idle = 30; SET LOCAL tcp_keepalives_interval = 10; SET LOCAL tcp_keepalives_count = 3
"""
_TRY_ROTATION: LiteralString = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0)) AS held"
# Shorter than who waits behind is patient.
_PATIENCE: LiteralString = "SET LOCAL lock_timeout = '800ms'"
_ALONE: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
