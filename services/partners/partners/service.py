"""Use cases on partners."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import structlog

from services.kit.clock import Clock, paris_date
from services.kit.etags import require_unchanged
from services.kit.identifiers import new_uuid7, page_size
from services.kit.pages import Page, page_of
from services.partners.acts import Act, Acts, unique
from services.partners.agents.domain import Caller
from services.partners.caisses import Caisses
from services.partners.fields import invalid, required_text
from services.partners.history.domain import EventKind, SubjectKind
from services.partners.partners.domain import (
    NO_PROFILE,
    NO_SEAT,
    NumeroTiersTaken,
    Partner,
    PartnerProfile,
    Seat,
    SeatRecord,
    new_seat,
    numero_tiers,
    numero_tiers_after,
    require_departments,
    search_words,
)
from services.partners.partners.store import PartnerStore
from services.partners.records import found
from services.partners.suspensions.domain import SuspensionOrder
from services.partners.suspensions.service import SuspensionService

_DENOMINATION_LENGTH = 200
_log = structlog.get_logger()


class PartnerService:
    """The register of partners (référentiel des tiers, art. 4-2) and their suspension (art. 7-2)."""

    def __init__(
        self,
        *,
        partners: PartnerStore,
        suspensions: SuspensionService,
        acts: Acts,
        caisses: Caisses,
        clock: Clock,
    ) -> None:
        self._partners = partners
        self._suspensions = suspensions
        self._acts = acts
        self._caisses = caisses
        self._clock = clock

    async def register(
        self,
        caller: Caller,
        caisse_code: str,
        numero: str,
        denomination: str,
        profile: PartnerProfile = NO_PROFILE,
        seat: Seat = NO_SEAT,
        reason: str = "",
    ) -> Partner:
        """Registers an organisation with a caisse.

        Raises InvalidField; AgentNotHabilitated; NumeroTiersTaken where the caisse has this numéro de tiers.
        """
        self._require_departments(self._caisses.require(caisse_code), profile)
        number, name = numero_tiers(numero), _denomination(denomination)
        with unique("partners_numero_tiers_key", otherwise=NumeroTiersTaken):
            async with self._acts.begin("register_partner", caller, caisse_code, reason) as act:
                partner = Partner(
                    partner_id=new_uuid7(act.now),
                    caisse_code=caisse_code,
                    numero_tiers=number,
                    denomination=name,
                    create_time=act.now,
                    profile=profile,
                    seat=seat,
                )
                await self._partners.insert(act.connection, partner)
                await _note(act, EventKind.PARTNER_REGISTERED, None, partner)
        _log.info("partner_registered", partner_id=str(partner.partner_id), caisse_code=caisse_code)
        return partner

    async def update(
        self,
        caller: Caller,
        partner_id: UUID,
        denomination: str,
        profile: PartnerProfile,
        reason: str,
        etag: str,
    ) -> Partner:
        """Changes what is known of a partner, save its number and its seat; `etag` is that of what was read.

        Raises InvalidField; RecordNotFound; AgentNotHabilitated; RecordChanged.
        """
        if not etag:
            raise invalid("etag", "ETAG_REQUIRED", "must be the etag of the partner as it was read")
        name, known = _denomination(denomination), found(await self._partners.find(partner_id))
        self._require_departments(known.caisse_code, profile)
        async with self._acts.begin("update_partner", caller, known.caisse_code, reason) as act:
            before = found(await self._partners.lock(act.connection, partner_id))
            require_unchanged(etag, before.version)
            after = replace(before, denomination=name, profile=profile, version=before.version + 1)
            await self._partners.update(act.connection, after)
            await _note(act, EventKind.PARTNER_UPDATED, before, after)
        _log.info("partner_updated", partner_id=str(partner_id))
        return after

    async def change_seat(
        self,
        caller: Caller,
        partner_id: UUID,
        seat: Seat,
        letter_receipt_date: date | None,
        reason: str = "",
        etag: str = "",
    ) -> Partner:
        """Records a new seat, as a registered letter told it (art. 13-7), or the first one, without a letter.

        Raises InvalidField; RecordNotFound; AgentNotHabilitated; RecordChanged.
        """
        known = found(await self._partners.find(partner_id))
        async with self._acts.begin("change_seat", caller, known.caisse_code, reason) as act:
            before = found(await self._partners.lock(act.connection, partner_id))
            require_unchanged(etag, before.version)
            moved = new_seat(before.seat, seat, letter_receipt_date, act.today)
            after = replace(before, seat=moved, version=before.version + 1)
            await self._partners.update(act.connection, after)
            await act.note(
                EventKind.SEAT_CHANGED,
                SubjectKind.PARTNER,
                partner_id,
                SeatRecord(before.seat, before.version),
                SeatRecord(moved, after.version, letter_receipt_date),
            )
        _log.info("seat_changed", partner_id=str(partner_id))
        return after

    async def get(self, caller: Caller, partner_id: UUID) -> Partner:
        """The partner. Raises RecordNotFound, also for an agent of another caisse."""
        partner = found(await self._partners.find(partner_id))
        await self._acts.require_visible(caller, partner.caisse_code)
        return partner

    async def list_page(
        self, caller: Caller, caisse_code: str, query: str, asked: int, page_token: str
    ) -> Page[Partner]:
        """A page of a caisse's partners by numéro de tiers, of those that hold each word of `query`.

        Raises InvalidField, AgentNotHabilitated.
        """
        size, after, words = page_size(asked), numero_tiers_after(page_token), search_words(query)
        await self._acts.require_reader(caller, self._caisses.require(caisse_code))
        partners = await self._partners.list_after(caisse_code, words, after, size + 1)
        return page_of(partners, size, lambda partner: partner.numero_tiers)

    async def suspend(self, caller: Caller, partner_id: UUID, order: SuspensionOrder) -> tuple[Partner, bool]:
        """Suspends the partner's access (art. 7-2); whether its users' sessions have ended already comes with it.

        Raises InvalidField, RecordNotFound, AgentNotHabilitated, SuspendedForGood, RecordChanged.
        """
        known = found(await self._partners.find(partner_id))
        ended = await self._suspensions.suspend(caller, known.caisse_code, partner_id, order)
        return found(await self._partners.find(partner_id)), ended

    async def lift_suspension(self, caller: Caller, partner_id: UUID, reason: str = "") -> Partner:
        """Lifts the suspension (art. 7-2).

        Raises InvalidField, RecordNotFound, AgentNotHabilitated, NotSuspended, SuspendedForGood,
        RecordChanged.
        """
        known = found(await self._partners.find(partner_id))
        await self._suspensions.lift(caller, known.caisse_code, partner_id, reason)
        return found(await self._partners.find(partner_id))

    def today(self) -> date:
        """The day on which a partner is shown."""
        return paris_date(self._clock.now())

    def _require_departments(self, caisse_code: str, profile: PartnerProfile) -> None:
        own = self._caisses.departments(caisse_code)
        require_departments(profile.departments, own, self._caisses.all_departments())


def _denomination(text: str) -> str:
    return required_text("denomination", text, _DENOMINATION_LENGTH)


async def _note(act: Act, kind: EventKind, before: Partner | None, after: Partner) -> None:
    await act.note(kind, SubjectKind.PARTNER, after.partner_id, before and before.record, after.record)
