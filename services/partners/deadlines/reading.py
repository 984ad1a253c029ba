"""Reads what falls due from the register, page by page: what others do meanwhile is not kept waiting."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from uuid import UUID

from services.partners.conventions.domain import Ledger
from services.partners.conventions.records import ConventionRecord
from services.partners.conventions.store import ConventionStore
from services.partners.deadlines.domain import (
    Addressed,
    Matters,
    deadlines_of,
    suspension_deadlines,
)
from services.partners.deadlines.store import DeadlineStore, SuspendedPartner

# So many are read and judged in one go, in some ten milliseconds.
_PAGE_SIZE = 200
# Lies before every UUIDv7.
_FIRST = UUID(int=0)


class DeadlineReader:
    """What falls due, of a caisse or of some partners."""

    def __init__(self, conventions: ConventionStore, store: DeadlineStore) -> None:
        self._conventions = conventions
        self._store = store

    async def of_caisse(
        self, caisse_code: str, today: date, horizon: date
    ) -> AsyncIterator[Sequence[Addressed]]:
        """What is overdue on `today` or falls due until `horizon` at a caisse, in pages, in no order."""
        after = _FIRST
        while records := await self._conventions.list_after(caisse_code, after, _PAGE_SIZE):
            yield await self._of_conventions(records, today, horizon)
            after = records[-1].convention.convention_id
        numero_tiers = ""
        while suspended := await self._store.suspended_after(caisse_code, numero_tiers, _PAGE_SIZE):
            yield _of_suspensions(suspended, today, horizon)
            numero_tiers = suspended[-1].numero_tiers

    async def of_partners(
        self, partner_ids: Sequence[UUID], today: date, horizon: date
    ) -> AsyncIterator[Sequence[Addressed]]:
        """The same of some partners."""
        convention_ids = await self._store.convention_ids(partner_ids)
        for start in range(0, len(convention_ids), _PAGE_SIZE):
            page = convention_ids[start : start + _PAGE_SIZE]
            records = await self._conventions.list_by_ids(page)
            yield await self._of_conventions(records, today, horizon)
        yield _of_suspensions(await self._store.suspended_among(partner_ids), today, horizon)

    async def _of_conventions(
        self, records: Sequence[ConventionRecord], today: date, horizon: date
    ) -> Sequence[Addressed]:
        convention_ids = [record.convention.convention_id for record in records]
        partners = await self._store.partners([record.convention.partner_id for record in records])
        lapses = await self._store.lapses(convention_ids)
        suspensions = await self._store.user_suspensions(convention_ids)
        found: list[Addressed] = []
        for record in records:
            convention = record.convention
            matters = Matters(
                convention=convention,
                ledger=Ledger(record.facts),
                partner=partners[convention.partner_id],
                lapses=lapses.get(convention.convention_id, ()),
                suspensions=suspensions.get(convention.convention_id, ()),
            )
            found += (
                Addressed(deadline, matters.partner) for deadline in deadlines_of(matters, today, horizon)
            )
        return found


def _of_suspensions(suspended: Sequence[SuspendedPartner], today: date, horizon: date) -> Sequence[Addressed]:
    return [
        Addressed(deadline, one.partner)
        for one in suspended
        for deadline in suspension_deadlines(one.partner, [one.suspension], today, horizon)
    ]
