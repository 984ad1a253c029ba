"""Publication of dossiers by the caisses."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

import structlog

from services.kit import telemetry
from services.kit.clock import Clock
from services.kit.errors import InvalidField
from services.kit.identifiers import (
    new_uuid7,
    page_size,
)
from services.kit.pages import Page, identifier_before, page_of
from services.quotient.dossiers.domain import (
    DossierRecord,
    PublicationOutcome,
    PublishedRecord,
    RecordDraft,
    parse_record,
)
from services.quotient.dossiers.publications import (
    Place,
    Publication,
    Source,
    counted,
)
from services.quotient.dossiers.read_ahead import reading_ahead
from services.quotient.dossiers.store import DossierStore
from services.quotient.dossiers.writing import Chunk, in_turns, write_chunks
from services.quotient.fields import require_batch_size
from services.quotient.keys.keyring import Keyring
from services.quotient.secrecy import Keys

# However many publish at once, consultations find connections in the pool.
_TRANSACTIONS_AT_ONCE = 2
# Chunks of one stream that are committed together: beyond this nothing is gained, and others wait longer.
_CHUNKS_TOGETHER = 4
_log = structlog.get_logger()


@dataclass(frozen=True, repr=False)
class ChunkDraft:
    """A chunk as it was sent."""

    records: Iterator[RecordDraft]
    record_count: int
    place: Place | None


class DossierService:
    """Takes what the caisses publish; never computes a QF itself (art. 3)."""

    def __init__(self, store: DossierStore, keyring: Keyring, clock: Clock) -> None:
        self._store = store
        self._keyring = keyring
        self._clock = clock
        self._turns = asyncio.Semaphore(_TRANSACTIONS_AT_ONCE)

    async def begin(self, source: Source) -> Publication:
        """Opens the publication of a file, or finds the one of the same file that was cut."""
        now = self._clock.now()
        return await self._store.publications.open(new_uuid7(now), source, now)

    async def finish(self, publication_id: UUID) -> Publication:
        """Ends a publication; one that has ended stays as it is. Raises RecordNotFound."""
        return await self._store.publications.finish(publication_id, self._clock.now())

    async def page(self, asked_size: int, page_token: str) -> Page[Publication]:
        """A page of publications, newest first. Raises InvalidField."""
        size = page_size(asked_size)
        found = await self._store.publications.before(identifier_before(page_token), size + 1)
        return page_of(found, size, lambda publication: str(publication.publication_id))

    async def publish(
        self, drafts: AsyncIterator[ChunkDraft]
    ) -> AsyncGenerator[Sequence[PublishedRecord], None]:
        """What became of each record of each chunk, in order, once the chunk is committed, all of it or nothing.

        A record that breaks a rule is refused alone. Chunks that come faster than they are committed are committed
        together. Raises InvalidField for a chunk of a wrong length, RecordNotFound for a publication that is not open.
        """
        async with reading_ahead(_parsed(drafts), _CHUNKS_TOGETHER) as waiting:
            async for chunks in waiting:
                for _, of_one in groupby(chunks, lambda chunk: chunk.place and chunk.place.publication_id):
                    for results in await self._commit([*of_one]):
                        telemetry.annotate("qf.publication.records", len(results))
                        yield results

    async def _commit(self, chunks: Sequence[Chunk]) -> Sequence[Sequence[PublishedRecord]]:
        if not any(chunk.place or chunk.good for chunk in chunks):
            return [chunk.results([]) for chunk in chunks]
        results = await self._keyring.using(lambda keys: self._write(keys, chunks))
        for each in results:
            _log.info("dossiers_published", **vars(counted(each)))
        return results

    async def _write(self, keys: Keys, chunks: Sequence[Chunk]) -> Sequence[Sequence[PublishedRecord]]:
        caisse_codes = {record.key.caisse_code for chunk in chunks for record in chunk.good}
        async with self._turns, self._store.chunks(caisse_codes) as tables:
            return await write_chunks(tables, keys, self._clock, chunks)


async def _parsed(drafts: AsyncIterator[ChunkDraft]) -> AsyncGenerator[Chunk, None]:
    async for draft in drafts:
        require_batch_size("records", draft.record_count, minimum=0 if draft.place else 1)
        yield Chunk(await in_turns(map(_parse, draft.records)), draft.place)


def _parse(draft: RecordDraft) -> DossierRecord | PublishedRecord:
    try:
        return parse_record(draft)
    except InvalidField as error:
        return PublishedRecord(PublicationOutcome.REFUSED, error.violations[0])
