"""Use cases on habilitations."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

import structlog

from services.kit.clock import Clock, paris_date
from services.kit.identifiers import page_size
from services.kit.pages import Page, identifier_after, page_of
from services.partners.acts import Act, Acts
from services.partners.agents.domain import Caller
from services.partners.conventions.store import ConventionStore
from services.partners.fields import reason_text
from services.partners.habilitations.domain import (
    Authorization,
    AuthorizationQuery,
    Habilitation,
    NamedUser,
    confirmed_lapse_date,
    decide,
    require_batch,
    require_live,
    require_not_over,
)
from services.partners.habilitations.granting import Granting
from services.partners.habilitations.store import HabilitationStore
from services.partners.history.domain import EventKind, SubjectKind
from services.partners.propagation.service import Propagator
from services.partners.records import found
from services.partners.suspensions.domain import SuspensionOrder
from services.partners.suspensions.service import SuspensionService

_log = structlog.get_logger()


class HabilitationService:
    """Habilitations of named users (art. 4), and what they allow now. They begin with a form: see `requests`."""

    def __init__(
        self,
        *,
        habilitations: HabilitationStore,
        conventions: ConventionStore,
        suspensions: SuspensionService,
        granting: Granting,
        acts: Acts,
        propagator: Propagator,
        clock: Clock,
    ) -> None:
        self._habilitations = habilitations
        self._conventions = conventions
        self._suspensions = suspensions
        self._granting = granting
        self._acts = acts
        self._propagator = propagator
        self._clock = clock

    async def get(self, caller: Caller, habilitation_id: UUID) -> Habilitation:
        """The habilitation. Raises RecordNotFound, also for an agent of another caisse."""
        habilitation = await self._find(habilitation_id)
        await self._acts.require_visible(caller, habilitation.caisse_code)
        return habilitation

    async def list_page(
        self, caller: Caller, convention_id: UUID, asked: int, page_token: str
    ) -> Page[Habilitation]:
        """A page of a convention's habilitations as registered. Raises InvalidField, RecordNotFound."""
        size, after = page_size(asked), identifier_after(page_token)
        convention = found(await self._conventions.find(convention_id)).convention
        await self._acts.require_visible(caller, convention.caisse_code)
        habilitations = await self._habilitations.list_after(convention_id, after, size + 1)
        return page_of(habilitations, size, lambda habilitation: str(habilitation.habilitation_id))

    async def withdraw(
        self, caller: Caller, habilitation_id: UUID, withdrawal_reason: str
    ) -> tuple[Habilitation, bool]:
        """Ends a habilitation (art. 4-4), effective when this returns (N3).

        Whether identity has disabled the account already comes with it. Raises InvalidField, RecordNotFound,
        AgentNotHabilitated, HabilitationEnded.
        """
        reason = reason_text("withdrawal_reason", withdrawal_reason)
        known = await self._find(habilitation_id)
        async with self._acts.begin("withdraw_habilitation", caller, known.caisse_code, reason) as act:
            ended, told = await self._granting.end(act, habilitation_id, reason)
        _log.info("habilitation_withdrawn", habilitation_id=str(habilitation_id))
        return ended, await self._propagator.attempt([told])

    async def confirm(
        self, caller: Caller, convention_id: UUID, habilitation_ids: Sequence[UUID], reason: str = ""
    ) -> Sequence[Habilitation]:
        """Keeps which users the partner confirmed for the renewal: all of them, or none where one cannot be.

        Raises InvalidField; RecordNotFound also for a user of another convention; AgentNotHabilitated;
        HabilitationEnded; ConfirmedTooEarly; ConventionEnded.
        """
        require_batch(len(habilitation_ids), "habilitation_ids", smallest=1)
        record = found(await self._conventions.find(convention_id))
        caisse_code = record.convention.caisse_code
        async with self._acts.begin("confirm_habilitations", caller, caisse_code, reason) as act:
            require_not_over(record.convention, act.today)
            locked = await self._habilitations.lock_all(act.connection, convention_id, habilitation_ids)
            before = {habilitation.habilitation_id: habilitation for habilitation in locked}
            confirmed: dict[UUID, Habilitation] = {}
            for habilitation_id in dict.fromkeys(habilitation_ids):
                known = found(before.get(habilitation_id))
                after = _confirmed(known, record.convention.signature_date, act.today)
                await self._habilitations.set_lapse_date(act.connection, after)
                kind = EventKind.HABILITATION_CONFIRMED
                await act.note(kind, SubjectKind.HABILITATION, habilitation_id, known.record, after.record)
                confirmed[habilitation_id] = after
        _log.info("habilitations_confirmed", convention_id=str(convention_id), count=len(confirmed))
        return [confirmed[habilitation_id] for habilitation_id in habilitation_ids]

    async def suspend(
        self, caller: Caller, habilitation_id: UUID, order: SuspensionOrder
    ) -> tuple[Habilitation, bool]:
        """Suspends one user (art. 7-2); whether his sessions have ended already comes with it.

        Raises InvalidField, RecordNotFound, AgentNotHabilitated, HabilitationEnded, SuspendedForGood, RecordChanged.
        """
        known = await self._find(habilitation_id)

        async def still_live(act: Act) -> None:
            # Locked, so that no form that is accepted meanwhile lets him go on under another habilitation.
            locked = await self._habilitations.lock(act.connection, habilitation_id)
            require_live(found(locked), act.today)

        ended = await self._suspensions.suspend(caller, known.caisse_code, habilitation_id, order, still_live)
        return await self._find(habilitation_id), ended

    async def lift_suspension(self, caller: Caller, habilitation_id: UUID, reason: str = "") -> Habilitation:
        """Lifts a user's suspension (art. 7-2).

        Raises InvalidField, RecordNotFound, AgentNotHabilitated, NotSuspended, SuspendedForGood,
        RecordChanged.
        """
        known = await self._find(habilitation_id)
        await self._suspensions.lift(caller, known.caisse_code, habilitation_id, reason)
        return await self._find(habilitation_id)

    async def authorize(self, queries: Sequence[AuthorizationQuery]) -> Sequence[Authorization]:
        """The verdict on each query, in order (art. 4, 7-2, 9-1). Raises InvalidField for too large a batch."""
        require_batch(len(queries))
        now = self._clock.now()
        today = paris_date(now)
        asked = {query.habilitation_id for query in queries if query.habilitation_id is not None}
        standings = await self._habilitations.standings(list(asked), now) if asked else []
        by_id = {standing.habilitation_id: standing for standing in standings}
        return [
            decide(
                by_id.get(query.habilitation_id) if query.habilitation_id else None,
                query.online_service,
                today,
            )
            for query in queries
        ]

    async def name_users(self, partner_id: UUID, habilitation_ids: Sequence[UUID]) -> Sequence[NamedUser]:
        """The partner's users among the habilitations, in no particular order; those that have ended too.

        One of another partner, and one that is none, is left out. Raises InvalidField for too many.
        """
        require_batch(len(habilitation_ids), "habilitation_ids")
        return await self._habilitations.name_users(partner_id, habilitation_ids) if habilitation_ids else []

    def today(self) -> date:
        """The day on which a habilitation is shown."""
        return paris_date(self._clock.now())

    async def _find(self, habilitation_id: UUID) -> Habilitation:
        return found(await self._habilitations.find(habilitation_id))


def _confirmed(before: Habilitation, signature_date: date | None, today: date) -> Habilitation:
    require_live(before, today)
    lapse_date = confirmed_lapse_date(found(signature_date), before.lapse_date, today)
    return replace(before, lapse_date=lapse_date, version=before.version + 1)
