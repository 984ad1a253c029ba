"""Use cases on conventions."""

from datetime import date
from functools import partial
from uuid import UUID

import structlog

from services.kit.clock import Clock, paris_date
from services.kit.identifiers import new_uuid7
from services.partners.conventions.domain import (
    Convention,
    ConventionEnd,
    ConventionView,
    require_no_other,
    require_own_caisse,
    view_on,
    with_end,
)
from services.partners.conventions.store import ConventionStore
from services.partners.fields import required_text
from services.partners.partners.store import PartnerStore
from services.partners.records import found

_REASON_LENGTH = 500
_log = structlog.get_logger()


class ConventionService:
    """Conventions from signature to end (art. 9)."""

    def __init__(self, conventions: ConventionStore, partners: PartnerStore, clock: Clock) -> None:
        self._conventions = conventions
        self._partners = partners
        self._clock = clock

    async def register(
        self, partner_id: UUID, caisse_code: str, signature_date: date, cnil_declaration_date: date | None
    ) -> ConventionView:
        """Records a signed convention (art. 9-1) with the caisse that registered the partner.

        Raises InvalidField; RecordNotFound; RecordAlreadyExists where another one stands meanwhile.
        """
        now = self._clock.now()
        today = paris_date(now)
        require_own_caisse(found(await self._partners.find(partner_id)), caisse_code)
        require_no_other(await self._conventions.list_of_partner(partner_id), signature_date, today)
        convention = Convention(
            convention_id=new_uuid7(now),
            partner_id=partner_id,
            caisse_code=caisse_code,
            signature_date=signature_date,
            cnil_declaration_date=cnil_declaration_date,
        )
        await self._conventions.insert(convention, now)
        _log.info("convention_registered", convention_id=str(convention.convention_id))
        return view_on(convention, today)

    async def record_cnil_declaration(
        self, convention_id: UUID, cnil_declaration_date: date
    ) -> ConventionView:
        """Records, or corrects, when the CNIL declaration was transmitted (art. 9-1). Raises RecordNotFound."""
        convention = found(await self._conventions.set_cnil_declaration(convention_id, cnil_declaration_date))
        _log.info("cnil_declaration_recorded", convention_id=str(convention_id))
        return view_on(convention, self._today())

    async def get(self, convention_id: UUID) -> ConventionView:
        """The convention as it stands today. Raises RecordNotFound."""
        return view_on(found(await self._conventions.find(convention_id)), self._today())

    async def end(self, convention_id: UUID, end_date: date, end_reason: str) -> ConventionView:
        """Ends the convention (art. 9-2, 10): `end_date` is the first day without effect.

        Raises InvalidField, RecordNotFound, ConventionEnded.
        """
        now = self._clock.now()
        today = paris_date(now)
        reason = required_text("end_reason", end_reason, _REASON_LENGTH)
        end = ConventionEnd(new_uuid7(now), convention_id, end_date, reason, now)
        ended = found(await self._conventions.end(end, partial(with_end, end_date=end_date, today=today)))
        _log.info("convention_end_recorded", convention_id=str(convention_id))
        return view_on(ended, today)

    def _today(self) -> date:
        return paris_date(self._clock.now())
