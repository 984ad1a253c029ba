"""Publication of dossiers by the caisses."""

import asyncio
from collections.abc import Sequence

import structlog

from services.kit import telemetry
from services.kit.clock import Clock
from services.kit.errors import InvalidField
from services.kit.identifiers import new_uuid7
from services.quotient.dossiers.domain import (
    DossierRecord,
    Holder,
    Publication,
    PublicationOutcome,
    PublishedRecord,
    RecordDraft,
    outcome_counts,
    parse_record,
)
from services.quotient.dossiers.store import ChunkStore, DossierStore, SealedDossier
from services.quotient.fields import require_batch_size
from services.quotient.secrecy import PersonIndexer, Vault

# However many publish at once, consultations find connections in the pool.
_CHUNKS_AT_ONCE = 2
_log = structlog.get_logger()


class DossierService:
    """Takes what the caisses publish; never computes a QF itself (art. 3)."""

    def __init__(self, store: DossierStore, indexer: PersonIndexer, vault: Vault, clock: Clock) -> None:
        self._store = store
        self._indexer = indexer
        self._vault = vault
        self._clock = clock
        self._turns = asyncio.Semaphore(_CHUNKS_AT_ONCE)

    async def publish(self, drafts: Sequence[RecordDraft]) -> Sequence[PublishedRecord]:
        """Commits one chunk, all of it or nothing, and tells what became of each record, in order.

        A record that breaks a rule is refused alone. Raises InvalidField for a chunk of a wrong length.
        """
        require_batch_size("records", len(drafts), minimum=1)
        parsed = [_parse(draft) for draft in drafts]
        outcomes = iter(
            await self._commit([record for record in parsed if isinstance(record, DossierRecord)])
        )
        results = [
            PublishedRecord(next(outcomes)) if isinstance(record, DossierRecord) else record
            for record in parsed
        ]
        telemetry.annotate("qf.publication.records", len(results))
        _log.info("dossiers_published", **outcome_counts(results))
        return results

    async def _commit(self, records: Sequence[DossierRecord]) -> Sequence[PublicationOutcome]:
        if not records:
            return []
        indexes = [self._indexer.index(record.nir) for record in records]
        caisse_codes = {record.key.caisse_code for record in records}
        async with self._turns, self._store.chunk(caisse_codes) as chunk:
            known = await chunk.known(
                {record.key for record in records},
                {
                    Holder(index, record.key.caisse_code)
                    for record, index in zip(records, indexes, strict=True)
                },
                {record.period.valid_from for record in records if record.period},
            )
            now = self._clock.now()
            publication = Publication(known, lambda: new_uuid7(now), self._vault.digest)
            outcomes = [publication.apply(*each) for each in zip(records, indexes, strict=True)]
            await self._write(chunk, publication)
        return outcomes

    async def _write(self, chunk: ChunkStore, publication: Publication) -> None:
        await chunk.write_dossiers(
            [
                SealedDossier(
                    dossier.dossier_id,
                    key,
                    self._vault.seal(dossier.dossier_id, dossier.coordonnees),
                    dossier.coordonnees_digest,
                )
                for key, dossier in publication.dossiers.items()
            ]
        )
        await chunk.write_holders(publication.holders)
        await chunk.write_periods(publication.periods)


def _parse(draft: RecordDraft) -> DossierRecord | PublishedRecord:
    try:
        return parse_record(draft)
    except InvalidField as error:
        return PublishedRecord(PublicationOutcome.REFUSED, error.violations[0])
