"""Disclosure of quotients, and the journal of it."""

from collections.abc import Sequence

from services.kit.clock import Clock, paris_date
from services.kit.identifiers import (
    decode_page_token,
    new_uuid7,
    page_size,
    parse_uuid,
)
from services.kit.pages import Page, page_of
from services.quotient.disclosures.domain import (
    Consultation,
    Disclosed,
    JournalLine,
    JournalSelection,
    Outcome,
    ShownDossier,
)
from services.quotient.disclosures.store import DisclosedRow, DisclosureStore
from services.quotient.dossiers.domain import Coordonnees
from services.quotient.fields import require_batch_size
from services.quotient.keys.keyring import Keyring
from services.quotient.secrecy import Keys, Vault


class DisclosureService:
    """Shows what a partner may see, once the journal tells of it (art. 3, 6-3)."""

    def __init__(self, store: DisclosureStore, keyring: Keyring, clock: Clock) -> None:
        self._store = store
        self._keyring = keyring
        self._clock = clock

    async def disclose(self, consultations: Sequence[Consultation]) -> Sequence[Disclosed]:
        """What each consultation shows, in order; every line is committed before (N2).

        Raises InvalidField for a batch that is too long, DependencyUnavailable where the journal cannot be
        written.
        """
        require_batch_size("items", len(consultations))
        if not consultations:
            return []
        rows = await self._keyring.using(lambda keys: self._disclose(keys, consultations))
        # Apart: where the coordonnées stand under a key that is newer than ours, the lines are not written twice.
        return await self._keyring.using(lambda keys: self._opened(keys, rows))

    async def _disclose(self, keys: Keys, consultations: Sequence[Consultation]) -> Sequence[DisclosedRow]:
        now = self._clock.now()
        return await self._store.disclose(
            keys.indexer,
            consultations,
            [new_uuid7(now) for _ in consultations],
            now,
            paris_date(now),
        )

    async def _opened(self, keys: Keys, rows: Sequence[DisclosedRow]) -> Sequence[Disclosed]:
        return [_disclosed(row, keys.vault) for row in rows]

    async def journal(
        self, selection: JournalSelection, asked_size: int, page_token: str
    ) -> Page[JournalLine]:
        """A page of the caisse's journal: a person's right (RGPD art. 15), a partner's own lines (art. 6-1).

        Raises InvalidField.
        """
        size = page_size(asked_size)
        after = decode_page_token(page_token)
        before = parse_uuid("page_token", after) if after else None
        lines = await self._keyring.using(
            lambda keys: self._store.lines(keys.indexer, selection, before, size + 1)
        )
        return page_of(lines, size, lambda line: str(line.consultation_id))


def _disclosed(row: DisclosedRow, vault: Vault) -> Disclosed:
    return Disclosed(row.consultation_id, Outcome[row.outcome], _dossier(row, vault), row.periods())


def _dossier(row: DisclosedRow, vault: Vault) -> ShownDossier | None:
    if (
        row.dossier_id is None
        or row.numero_dossier is None
        or row.coordonnees is None
        or row.data_key_id is None
    ):
        return None
    clear = vault.open(row.data_key_id, row.dossier_id, row.coordonnees)
    return ShownDossier(row.numero_dossier, Coordonnees.decode(clear))
