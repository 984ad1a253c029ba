"""What is kept of a person, told to her; and its erasure."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import structlog

from services.kit.clock import Clock, paris_date
from services.kit.identifiers import new_uuid7
from services.kit.nir import Nir
from services.quotient.keys.keyring import Keyring
from services.quotient.oppositions.service import OppositionService
from services.quotient.rights.domain import (
    Dossier,
    Erased,
    Erasure,
    KeptKind,
    PersonRecord,
    erasures_at,
    held_dossiers,
    kept_because,
    kept_data,
    oppositions_at,
)
from services.quotient.rights.store import ErasingStore, RightsStore
from services.quotient.secrecy import Keys

_log = structlog.get_logger()


class RightsService:
    """The rights of a person over her data (art. 6-3, RGPD art. 15 and 17). The caisse has verified who she is."""

    def __init__(
        self, store: RightsStore, oppositions: OppositionService, keyring: Keyring, clock: Clock
    ) -> None:
        self._store = store
        self._oppositions = oppositions
        self._keyring = keyring
        self._clock = clock

    async def record(self, nir: Nir, caisse_code: str, known_at: datetime | None) -> PersonRecord:
        """What the caisse keeps of the person, or what was known of her at an instant; of somebody unknown, nothing."""
        oppositions = oppositions_at(await self._oppositions.history(nir, caisse_code), known_at)
        kept = await self._keyring.using(lambda keys: self._store.kept(keys, nir, caisse_code))
        if kept is None:
            return PersonRecord([], oppositions, [])
        return PersonRecord(
            held_dossiers(kept.dossiers, kept.person_id, known_at),
            oppositions,
            erasures_at(kept.erasures, known_at),
        )

    async def erase(self, nir: Nir, caisse_code: str, reference: str) -> Erased:
        """Erases what the law allows, and tells what stays; returns once it is committed.

        The request is recorded. Under the same reference again, with nothing more to erase, the erasure that is on
        record is returned and nothing changes.
        """
        erased = await self._keyring.using(lambda keys: self._erase(keys, nir, caisse_code, reference))
        _log.info(
            "person_erased",
            erasure_id=str(erased.erasure.erasure_id),
            dossiers=erased.erasure.dossier_count,
            periods=erased.erasure.period_count,
        )
        return erased

    async def _erase(self, keys: Keys, nir: Nir, caisse_code: str, reference: str) -> Erased:
        now = self._clock.now()
        async with self._store.erasing(caisse_code) as store:
            person_id = await store.person(keys.indexer, nir, now)
            dossiers = await store.dossiers(keys.vault, person_id)
            today = paris_date(now)
            going = [each for each in dossiers if kept_because(each, person_id, today) is None]
            counts = [await store.erase(keys.vault, each.dossier_id, person_id, today) for each in going]
            erasure = await _recorded(
                store,
                person_id,
                Erasure(new_uuid7(now), now, reference, len(going), sum(counts)),
            )
            kept = _kept_dossiers(dossiers, person_id, today) | {
                KeptKind.JOURNAL_LINE: await store.journal_line_count(keys.indexer, nir),
                KeptKind.OPPOSITION: await store.opposition_count(person_id),
            }
        return Erased(erasure, kept_data(kept))


async def _recorded(store: ErasingStore, person_id: UUID, erasure: Erasure) -> Erasure:
    """`erasure`, recorded; or the one of the same request, where there was nothing more to erase."""
    if not erasure.dossier_count:
        for earlier in await store.erasures(person_id):
            if earlier.reference == erasure.reference:
                return earlier
    await store.add(person_id, erasure)
    return erasure


def _kept_dossiers(dossiers: Sequence[Dossier], person_id: UUID, today: date) -> dict[KeptKind, int]:
    reasons = [kept_because(each, person_id, today) for each in dossiers]
    return {reason: reasons.count(reason) for reason in reasons if reason is not None}
