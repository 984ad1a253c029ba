"""The keys in use: those that files hold, as far as the database says that they are taken into use."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from services.kit.clock import Clock
from services.kit.errors import DependencyUnavailable
from services.quotient.keys.domain import DataKey, IndexKey
from services.quotient.keys.files import KeyFileError, KeyFiles, KeyKind
from services.quotient.keys.store import KeyStore
from services.quotient.secrecy import (
    Keys,
    KeysOutdated,
    PersonIndexer,
    Vault,
    fingerprint,
    new_data_key,
    unwrap,
    wrap,
)

T = TypeVar("T")
# A rotation takes a data key, then a key of the person index into use, at once if there is little to rewrite: who reads
# the keys between the two reads them again.
_ATTEMPTS = 4
_log = structlog.get_logger()


class Keyring:
    """Reads key files and what the database knows of them; a key that is not the right one stops the start."""

    def __init__(self, files: KeyFiles, store: KeyStore, clock: Clock) -> None:
        self._files = files
        self._store = store
        self._clock = clock
        self._keys: Keys | None = None
        self._reading = asyncio.Lock()

    @property
    def keys(self) -> Keys:
        """Those in use. Raises DependencyUnavailable before `refresh` has read them."""
        if self._keys is None:
            raise DependencyUnavailable
        return self._keys

    async def refresh(self) -> None:
        """Reads files and tables anew; an empty database takes the first keys into use.

        Raises KeyFileError, naming the remedy, where a key in use is missing or another one.
        """
        async with self._reading:
            await self._read()

    async def keep_fresh(self) -> None:
        """Reads the keys anew where that can be done, and says in the log where it cannot: a call would not.

        Nothing depends on it but how soon a replica stops to ask by former indexes, and how soon one that lacks a key
        file is noticed.
        """
        try:
            await self.refresh()
        except KeyFileError as error:
            log_unusable(error)

    async def using(self, work: Callable[[Keys], Awaitable[T]]) -> T:
        """What `work` makes with the keys in use; where they have changed meanwhile, with those after.

        Raises DependencyUnavailable where this process lacks the newest keys (N8).
        """
        for _ in range(_ATTEMPTS):
            keys = self.keys
            try:
                return await work(keys)
            except KeysOutdated:
                await self._catch_up(keys)
        raise DependencyUnavailable

    async def _catch_up(self, outdated: Keys) -> None:
        async with self._reading:
            # Of the many calls that find the keys outdated at once, the first one reads them for all.
            if self._keys is not outdated:
                return
            try:
                await self._read()
            except KeyFileError as error:
                log_unusable(error)
                raise DependencyUnavailable from None

    async def _read(self) -> None:
        person_index_keys = self._files.person_index_keys()
        wrapping_keys = self._files.wrapping_keys()
        index_keys, data_keys = await self._store.index_keys(), await self._store.data_keys()
        if not index_keys or not data_keys:
            await self._begin(person_index_keys[0], wrapping_keys[-1], len(wrapping_keys))
            index_keys, data_keys = await self._store.index_keys(), await self._store.data_keys()
        self._keys = Keys(
            _indexer(index_keys, person_index_keys),
            Vault(
                {key.data_key_id: unwrapped(key, wrapping_keys) for key in data_keys},
                wrapping_keys[0],
            ),
        )

    async def _begin(self, person_index_key: bytes, wrapping_key: bytes, wrapping_generation: int) -> None:
        now = self._clock.now()
        await self._store.begin_index(IndexKey(1, fingerprint(person_index_key), now, now))
        wrapped_key = wrap(wrapping_key, 1, new_data_key())
        await self._store.begin_data(
            DataKey(1, wrapped_key, wrapping_generation, fingerprint(wrapping_key), now)
        )


def log_unusable(error: KeyFileError) -> None:
    """Says which key file is not right, and how it is put right: its name and its folder, nothing of its content."""
    _log.error(
        "key_files_unusable", kind=error.kind.value, generation=error.generation, problem=error.problem
    )


def unwrapped(key: DataKey, wrapping_keys: Sequence[bytes]) -> bytes:
    """A data key in clear. Raises KeyFileError where the wrapping key is missing or another one."""
    wrapping_key = _require(
        wrapping_keys, key.wrapping_generation, key.wrapping_fingerprint, KeyKind.WRAPPING
    )
    return unwrap(wrapping_key, key.data_key_id, key.wrapped_key)


def _indexer(in_use: Sequence[IndexKey], held: Sequence[bytes]) -> PersonIndexer:
    for key in in_use:
        _require(held, key.generation, key.fingerprint, KeyKind.PERSON_INDEX)
    return PersonIndexer(held[: len(in_use)], rotating=in_use[-1].complete_time is None)


def _require(held: Sequence[bytes], generation: int, expected: bytes, kind: KeyKind) -> bytes:
    if generation > len(held):
        raise KeyFileError(kind, "is in use and missing here; put it into its folder", generation)
    if fingerprint(held[generation - 1]) != expected:
        problem = "is not the one that the database was written with; restore that one"
        raise KeyFileError(kind, problem, generation)
    return held[generation - 1]
