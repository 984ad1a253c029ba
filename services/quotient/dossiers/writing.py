"""The work on chunks of one publication within a transaction."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, repeat, takewhile
from typing import TypeVar
from uuid import UUID

from services.kit.clock import Clock
from services.kit.identifiers import new_uuid7
from services.quotient.dossiers.changes import Changes, Holder
from services.quotient.dossiers.domain import DossierRecord, PublicationOutcome, PublishedRecord
from services.quotient.dossiers.publications import Counts, Place, counted
from services.quotient.dossiers.store import ChunkStore
from services.quotient.secrecy import Keys

T = TypeVar("T")

# Records that are worked on in one go, about a millisecond, before calls that wait have a turn.
_RECORDS_IN_A_GO = 50


@dataclass(frozen=True, repr=False)
class Chunk:
    """A chunk: records that keep every rule, and what became of those that do not."""

    records: Sequence[DossierRecord | PublishedRecord]
    place: Place | None

    @property
    def last_line(self) -> int:
        """The last line of the file that the chunk covers; 0 where there is no file."""
        return self.place.last_line if self.place else 0

    @cached_property
    def good(self) -> Sequence[DossierRecord]:
        """The records that keep every rule."""
        return [record for record in self.records if isinstance(record, DossierRecord)]

    def results(self, outcomes: Iterable[PublicationOutcome]) -> Sequence[PublishedRecord]:
        """What became of every record, where that became of the good ones."""
        of_good = iter(outcomes)
        return [
            _RESULTS[next(of_good)] if isinstance(record, DossierRecord) else record
            for record in self.records
        ]


_RESULTS = {outcome: PublishedRecord(outcome) for outcome in PublicationOutcome}


async def in_turns(items: Iterator[T]) -> list[T]:
    """All items, each of which takes some work to come by; calls that wait have their turn in between."""
    done: list[T] = []
    while some := [*islice(items, _RECORDS_IN_A_GO)]:
        done += some
        await asyncio.sleep(0)
    return done


async def write_chunks(
    tables: ChunkStore, keys: Keys, clock: Clock, chunks: Sequence[Chunk]
) -> Sequence[Sequence[PublishedRecord]]:
    """What became of each record of chunks that are all of one publication, or all of none.

    A chunk that is settled already is in: it changes nothing, whatever was published since, and is not counted again.
    Raises RecordNotFound where the publication is not open, KeysOutdated.
    """
    place = chunks[0].place
    if place is None:
        return await _written(tables, keys, clock, chunks, None)
    settled = await tables.settled_line(place.publication_id)
    again = [*takewhile(lambda chunk: chunk.last_line <= settled, chunks)]
    results = [chunk.results(repeat(PublicationOutcome.UNCHANGED)) for chunk in again]
    if fresh := chunks[len(again) :]:
        written = await _written(tables, keys, clock, fresh, place.publication_id)
        counts = sum(map(_counts, fresh, written), Counts())
        await tables.settle(place.publication_id, fresh[-1].last_line, counts)
        results += written
    return results


def _counts(chunk: Chunk, results: Sequence[PublishedRecord]) -> Counts:
    return counted(results, chunk.place.refused_count if chunk.place else 0)


async def _written(
    tables: ChunkStore, keys: Keys, clock: Clock, chunks: Sequence[Chunk], publication_id: UUID | None
) -> Sequence[Sequence[PublishedRecord]]:
    records = [record for chunk in chunks for record in chunk.good]
    if not records:
        return [chunk.results([]) for chunk in chunks]
    now = clock.now()
    persons = await tables.persons(keys.indexer, [nir for record in records for nir in record.nirs], now)
    person_ids = iter(persons.person_ids)
    people = [[next(person_ids) for _ in record.nirs] for record in records]
    # Who was not known before holds nothing.
    holders = {
        Holder(person_id, record.key.caisse_code)
        for record, each in zip(records, people, strict=True)
        for person_id in each
        if person_id not in persons.added
    }
    known = await tables.known({record.key for record in records}, holders)
    changes = Changes(known, lambda: new_uuid7(now), keys.vault.digest, keys.vault.data_key_id)
    outcomes = await in_turns(map(changes.apply, records, people))
    await tables.write(changes, keys.vault, now, publication_id)
    remaining = iter(outcomes)
    return [chunk.results(remaining) for chunk in chunks]
