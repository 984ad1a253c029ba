"""Use cases on partners."""

from uuid import UUID

import structlog

from services.kit.clock import Clock
from services.kit.identifiers import new_uuid7, page_size
from services.partners.caisses import Caisses
from services.partners.fields import required_text
from services.partners.pages import Page, page_of
from services.partners.partners.domain import (
    Partner,
    PartnerNotSuspended,
    Suspension,
    numero_tiers,
    numero_tiers_after,
)
from services.partners.partners.store import PartnerStore
from services.partners.records import found

_DENOMINATION_LENGTH = 200
_REASON_LENGTH = 500
_log = structlog.get_logger()


class PartnerService:
    """The register of partners (art. 4-2) and their suspension (art. 7-2)."""

    def __init__(self, partners: PartnerStore, caisses: Caisses, clock: Clock) -> None:
        self._partners = partners
        self._caisses = caisses
        self._clock = clock

    async def register(self, caisse_code: str, numero: str, denomination: str) -> Partner:
        """Registers an organisation with a caisse.

        Raises InvalidField; RecordAlreadyExists where the caisse has this numéro de tiers.
        """
        now = self._clock.now()
        partner = Partner(
            partner_id=new_uuid7(now),
            caisse_code=self._caisses.require(caisse_code),
            numero_tiers=numero_tiers(numero),
            denomination=required_text("denomination", denomination, _DENOMINATION_LENGTH),
            create_time=now,
        )
        await self._partners.insert(partner)
        _log.info("partner_registered", partner_id=str(partner.partner_id), caisse_code=caisse_code)
        return partner

    async def get(self, partner_id: UUID) -> Partner:
        """The partner. Raises RecordNotFound."""
        return found(await self._partners.find(partner_id))

    async def list_page(self, caisse_code: str, asked: int, page_token: str) -> Page[Partner]:
        """A page of a caisse's partners by numéro de tiers. Raises InvalidField."""
        size = page_size(asked)
        partners = await self._partners.list_after(
            self._caisses.require(caisse_code), numero_tiers_after(page_token), size + 1
        )
        return page_of(partners, size, lambda partner: partner.numero_tiers)

    async def suspend(self, partner_id: UUID, suspension_reason: str) -> Partner:
        """Suspends the partner's access (art. 7-2); where it is suspended, the first suspension stands.

        Raises InvalidField, RecordNotFound.
        """
        now = self._clock.now()
        reason = required_text("suspension_reason", suspension_reason, _REASON_LENGTH)
        await self._partners.suspend(Suspension(new_uuid7(now), partner_id, reason, now))
        _log.info("partner_suspended", partner_id=str(partner_id))
        return await self.get(partner_id)

    async def lift_suspension(self, partner_id: UUID) -> Partner:
        """Lifts the suspension (art. 7-2). Raises RecordNotFound, PartnerNotSuspended."""
        lifted = await self._partners.lift_suspension(partner_id, self._clock.now())
        partner = await self.get(partner_id)
        if not lifted:
            raise PartnerNotSuspended
        _log.info("suspension_lifted", partner_id=str(partner_id))
        return partner
