"""Disclosure of quotients, and the journal of it."""

from collections.abc import Sequence
from uuid import UUID

from services.kit.clock import Clock
from services.kit.identifiers import (
    decode_page_token,
    encode_page_token,
    new_uuid7,
    page_size,
    parse_uuid,
)
from services.kit.nir import Nir
from services.quotient.disclosures.domain import (
    Consultation,
    Disclosed,
    JournalPage,
    Outcome,
    ShownDossier,
)
from services.quotient.disclosures.store import DisclosedRow, DisclosureStore
from services.quotient.dossiers.domain import Coordonnees, QuotientPeriod
from services.quotient.fields import require_batch_size
from services.quotient.secrecy import PersonIndexer, Vault


class DisclosureService:
    """Shows what a partner may see, once the journal tells of it (art. 3, 6-3)."""

    def __init__(self, store: DisclosureStore, indexer: PersonIndexer, vault: Vault, clock: Clock) -> None:
        self._store = store
        self._indexer = indexer
        self._vault = vault
        self._clock = clock

    async def disclose(self, consultations: Sequence[Consultation]) -> Sequence[Disclosed]:
        """What each consultation shows, in order; every line is committed before (N2).

        Raises InvalidField for a batch that is too long, DependencyUnavailable where the journal cannot be
        written.
        """
        require_batch_size("items", len(consultations))
        if not consultations:
            return []
        now = self._clock.now()
        rows = await self._store.disclose(
            consultations,
            [new_uuid7(now) for _ in consultations],
            [self._indexer.index(consultation.nir) for consultation in consultations],
            now,
        )
        return [self._disclosed(row) for row in rows]

    async def journal(
        self, caisse_code: str, nir: Nir | None, partner_id: UUID | None, asked_size: int, page_token: str
    ) -> JournalPage:
        """A page of the caisse's journal, of one person or one partner where they are given (RGPD art. 15).

        Raises InvalidField.
        """
        size = page_size(asked_size)
        after = decode_page_token(page_token)
        lines = await self._store.lines(
            caisse_code,
            self._indexer.index(nir) if nir else None,
            partner_id,
            parse_uuid("page_token", after) if after else None,
            size + 1,
        )
        more = len(lines) > size
        shown = lines[:size]
        return JournalPage(shown, encode_page_token(str(shown[-1].consultation_id)) if more else "")

    def _disclosed(self, row: DisclosedRow) -> Disclosed:
        return Disclosed(row.consultation_id, Outcome[row.outcome], self._dossier(row), _periods(row))

    def _dossier(self, row: DisclosedRow) -> ShownDossier | None:
        if row.dossier_id is None or row.numero_dossier is None or row.coordonnees is None:
            return None
        clear = self._vault.open(row.dossier_id, row.coordonnees)
        return ShownDossier(row.numero_dossier, Coordonnees.decode(clear))


def _periods(row: DisclosedRow) -> Sequence[QuotientPeriod]:
    columns = zip(row.period_starts, row.period_ends, row.period_amounts_cents, strict=True)
    return [QuotientPeriod(*period) for period in columns]
