"""Rotation of the keys while the service runs (N5)."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace

import structlog

from services.kit.clock import Clock
from services.quotient.keys.domain import (
    DataKey,
    IndexKey,
    KeyFilesUnusable,
    KeyOverview,
    NothingToRotate,
    Progress,
    RotationStep,
    generations_to_index,
    is_anything_due,
    overview,
)
from services.quotient.keys.files import KeyFileError, KeyFiles
from services.quotient.keys.keyring import Keyring, log_unusable, unwrapped
from services.quotient.keys.rewriting import DossierRows, PersonRows, Rewriter
from services.quotient.keys.store import KeyStore
from services.quotient.secrecy import fingerprint, new_data_key, wrap

_log = structlog.get_logger()


class KeyService:
    """Takes newer key files into use. Nobody who asks meanwhile notices, and nothing is half done where it is cut."""

    def __init__(
        self, files: KeyFiles, store: KeyStore, rewriter: Rewriter, keyring: Keyring, clock: Clock
    ) -> None:
        self._files = files
        self._store = store
        self._rewriter = rewriter
        self._keyring = keyring
        self._clock = clock

    async def overview(self) -> KeyOverview:
        """The keys, in use or not. Raises KeyFilesUnusable."""
        with _usable_files():
            await self._keyring.refresh()
            return overview(
                await self._store.index_keys(),
                await self._store.data_keys(),
                [fingerprint(key) for key in self._files.person_index_keys()],
                [fingerprint(key) for key in self._files.wrapping_keys()],
            )

    async def rotate(self) -> AsyncIterator[Progress]:
        """Takes every newer key file into use and rewrites what stands under former keys; tells how far it is.

        A rotation that was cut is finished first. Raises NothingToRotate, RotationIsRunning, KeyFilesUnusable,
        CoordonneesUnreadable; DependencyUnavailable, after which it is called again.
        """
        with _usable_files():
            async with self._store.rotation():
                await self._keyring.refresh()
                await self._require_anything_due()
                for step in (self._renew_data_keys, self._index_people, self._encipher_coordonnees):
                    async for progress in step():
                        yield progress
                yield Progress(RotationStep.DONE, 0, 0)

    async def _require_anything_due(self) -> None:
        if not is_anything_due(
            await self._store.index_keys(),
            await self._store.data_keys(),
            len(self._files.person_index_keys()),
            len(self._files.wrapping_keys()),
        ):
            raise NothingToRotate

    async def _renew_data_keys(self) -> AsyncIterator[Progress]:
        """A newer wrapping key wraps every data key anew, and brings a new one."""
        wrapping_keys, data_keys = self._files.wrapping_keys(), await self._store.data_keys()
        newest = len(wrapping_keys)
        if all(key.wrapping_generation == newest for key in data_keys):
            return
        yield Progress(RotationStep.DATA_KEYS, 0, len(data_keys))
        wrapping_key = wrapping_keys[-1]
        wrapped_anew = [
            replace(
                key,
                wrapped_key=wrap(wrapping_key, key.data_key_id, unwrapped(key, wrapping_keys)),
                wrapping_generation=newest,
                wrapping_fingerprint=fingerprint(wrapping_key),
            )
            for key in data_keys
        ]
        data_key_id = data_keys[-1].data_key_id + 1
        wrapped_key = wrap(wrapping_key, data_key_id, new_data_key())
        new = DataKey(data_key_id, wrapped_key, newest, fingerprint(wrapping_key), self._clock.now())
        await self._store.renew_data_keys(wrapped_anew, new)
        _log.info("data_key_taken_into_use", data_key_id=data_key_id, wrapping_generation=newest)
        await self._keyring.refresh()
        yield Progress(RotationStep.DATA_KEYS, len(data_keys), len(data_keys))

    async def _index_people(self) -> AsyncIterator[Progress]:
        """One generation after another; that which an earlier run began comes first."""
        held, in_use = self._files.person_index_keys(), await self._store.index_keys()
        for generation in generations_to_index(in_use, len(held)):
            if generation > len(in_use):
                await self._take_index_key(generation, held[generation - 1])
            async for progress in self._rewriter.run(PersonRows(self._keyring.keys.indexer)):
                yield progress
            await self._keyring.refresh()

    async def _take_index_key(self, generation: int, key: bytes) -> None:
        await self._store.take_index_key(IndexKey(generation, fingerprint(key), self._clock.now(), None))
        _log.info("index_key_taken_into_use", generation=generation)
        await self._keyring.refresh()

    async def _encipher_coordonnees(self) -> AsyncIterator[Progress]:
        """Also where nothing but an earlier run is left to be finished."""
        if (await self._store.data_keys())[-1].complete_time is None:
            async for progress in self._rewriter.run(DossierRows(self._keyring.keys.vault)):
                yield progress


@contextmanager
def _usable_files() -> Iterator[None]:
    try:
        yield
    except KeyFileError as error:
        log_unusable(error)
        raise KeyFilesUnusable from None
