"""Oppositions: recorded, withdrawn, imported, listed, and checked for the gateway."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog

from services.kit import telemetry
from services.kit.clock import Clock, paris_date
from services.kit.errors import InvalidField
from services.kit.identifiers import new_uuid7
from services.kit.nir import Nir
from services.quotient.fields import require_batch_size
from services.quotient.keys.keyring import Keyring
from services.quotient.oppositions.domain import (
    WITHDRAWN_SINCE,
    ImportedOpposition,
    ImportOutcome,
    NoOppositionStands,
    Objection,
    ObjectionDraft,
    Opposition,
    OppositionScope,
    RequestDraft,
    read_objection,
    read_request,
)
from services.quotient.oppositions.store import OppositionStore

# However many import at once, consultations find connections in the pool.
_CHUNKS_AT_ONCE = 2
_log = structlog.get_logger()


class OppositionService:
    """The right to object (art. 6-3, annexe 1). It does not ask whether the person has a dossier."""

    def __init__(self, store: OppositionStore, keyring: Keyring, clock: Clock) -> None:
        self._store = store
        self._keyring = keyring
        self._clock = clock
        self._turns = asyncio.Semaphore(_CHUNKS_AT_ONCE)

    async def record(self, draft: ObjectionDraft) -> Opposition:
        """Records an opposition, and returns once it is committed: from here on it withholds (N1).

        Where one of the same scope stands, that one is returned and nothing changes. Raises InvalidField.
        """
        now = self._clock.now()
        objection = read_objection(draft, paris_date(now))
        opposition = _new(objection, now)
        standing = await self._keyring.using(
            lambda keys: self._store.add(keys.indexer, objection.nir, opposition)
        )
        _log.info("opposition_recorded", opposition_id=str(standing.opposition_id))
        return standing

    async def withdraw(self, nir: Nir, scope: OppositionScope, draft: RequestDraft) -> Opposition:
        """Withdraws a standing opposition; it stays in the history. Raises InvalidField, NoOppositionStands."""
        now = self._clock.now()
        request = read_request(draft, paris_date(now))
        withdrawn = await self._keyring.using(
            lambda keys: self._store.withdraw(keys.indexer, nir, scope, request, now)
        )
        if withdrawn is None:
            raise NoOppositionStands
        _log.info("opposition_withdrawn", opposition_id=str(withdrawn.opposition_id))
        return withdrawn

    async def import_chunk(self, drafts: Sequence[ObjectionDraft]) -> Sequence[ImportedOpposition]:
        """Records a chunk of an existing register, all of it or nothing, and tells what became of each, in order.

        It returns once the chunk is committed: from here on it withholds (N1). A record that breaks a rule is refused
        alone; so is one that was withdrawn since. Raises InvalidField for a chunk of a wrong length.
        """
        require_batch_size("records", len(drafts), minimum=1)
        now = self._clock.now()
        parsed = [_parse(draft, now) for draft in drafts]
        settled = iter(await self._commit([each for each in parsed if isinstance(each, Objection)], now))
        results = [next(settled) if isinstance(each, Objection) else each for each in parsed]
        telemetry.annotate("qf.opposition_import.records", len(results))
        counts = Counter(result.outcome for result in results)
        _log.info(
            "oppositions_imported", **{outcome.name.lower(): counts[outcome] for outcome in ImportOutcome}
        )
        return results

    async def _commit(self, objections: Sequence[Objection], now: datetime) -> Sequence[ImportedOpposition]:
        if not objections:
            return []
        oppositions = [_new(objection, now) for objection in objections]
        async with self._turns:
            standing = await self._keyring.using(
                lambda keys: self._store.add_all(
                    keys.indexer, [objection.nir for objection in objections], oppositions
                )
            )
        return [
            _imported(opposition.opposition_id, found)
            for opposition, found in zip(oppositions, standing, strict=True)
        ]

    async def history(self, nir: Nir, caisse_code: str) -> Sequence[Opposition]:
        """Every opposition of the person with the caisse, newest first."""
        return await self._keyring.using(lambda keys: self._store.history(keys.indexer, nir, caisse_code))

    async def check(self, nirs: Sequence[Nir]) -> Sequence[Sequence[OppositionScope]]:
        """The scopes of each person's standing oppositions, in the order of `nirs`, from one statement.

        Raises InvalidField for a batch that is too long.
        """
        require_batch_size("items", len(nirs))
        if not nirs:
            return []
        return await self._keyring.using(lambda keys: self._store.standing(keys.indexer, nirs))


def _parse(draft: ObjectionDraft, now: datetime) -> Objection | ImportedOpposition:
    try:
        return read_objection(draft, paris_date(now))
    except InvalidField as error:
        return ImportedOpposition(ImportOutcome.REFUSED, violation=error.violations[0])


def _new(objection: Objection, now: datetime) -> Opposition:
    return Opposition(new_uuid7(now), objection.scope, objection.declarant, objection.request, now)


def _imported(opposition_id: UUID, standing: UUID | None) -> ImportedOpposition:
    if standing is None:
        return ImportedOpposition(ImportOutcome.REFUSED, violation=WITHDRAWN_SINCE)
    outcome = ImportOutcome.RECORDED if standing == opposition_id else ImportOutcome.STANDING
    return ImportedOpposition(outcome, standing)
