"""Makes and ends habilitations within an act: the one way, whether by a form, by hand or by time."""

from dataclasses import replace
from uuid import UUID

from services.kit.identifiers import new_uuid7
from services.partners.acts import Act
from services.partners.conventions.domain import Convention
from services.partners.habilitations.domain import (
    Bouquet,
    Habilitation,
    User,
    first_lapse_date,
    require_live,
    require_not_suspended,
)
from services.partners.habilitations.store import HabilitationStore
from services.partners.history.domain import EventKind, SubjectKind
from services.partners.propagation.domain import PropagationKind
from services.partners.propagation.service import Propagator
from services.partners.records import found

# The index that keeps a person from two live habilitations under one convention.
LIVE_KEY = "habilitations_live_key"
# Why a habilitation has lapsed, for the record.
UNCONFIRMED = "not confirmed by the partner within sixty days of the renewal (art. 4-4, 9-1)"


class Granting:
    """Habilitations, made and ended."""

    def __init__(self, habilitations: HabilitationStore, propagator: Propagator) -> None:
        self._habilitations = habilitations
        self._propagator = propagator

    async def grant(self, act: Act, convention: Convention, user: User, bouquet: Bouquet) -> Habilitation:
        """Habilitates a user under a convention in force (art. 4-2).

        One of his that has lapsed makes room. Raises ConventionNotInForce; UserStaysSuspended; breaks LIVE_KEY where
        this person has a live one here.
        """
        had = await self._habilitations.list_of_person(act.connection, convention.partner_id, user.email)
        require_not_suspended(had, act.today)
        await self._make_room(act, convention, user)
        habilitation = Habilitation(
            habilitation_id=new_uuid7(act.now),
            convention_id=convention.convention_id,
            partner_id=convention.partner_id,
            caisse_code=convention.caisse_code,
            user=user,
            bouquet=bouquet,
            create_time=act.now,
            lapse_date=first_lapse_date(convention, act.today),
        )
        await self._habilitations.insert(act.connection, habilitation)
        kind = EventKind.HABILITATION_REGISTERED
        await act.note(kind, SubjectKind.HABILITATION, habilitation.habilitation_id, None, habilitation)
        return habilitation

    async def _make_room(self, act: Act, convention: Convention, user: User) -> None:
        lapsed_id = await self._habilitations.find_lapsed(
            act.connection, convention.convention_id, user.email, act.today
        )
        if lapsed_id is not None:
            await self.lapse(act, lapsed_id, UNCONFIRMED)

    async def end(self, act: Act, habilitation_id: UUID, reason: str) -> tuple[Habilitation, UUID]:
        """Ends a live habilitation from the commit on (N3, art. 4-4); the telling to identity comes with it.

        Raises RecordNotFound, HabilitationEnded.
        """
        before = found(await self._habilitations.lock(act.connection, habilitation_id))
        require_live(before, act.today)
        return await self._withdraw(act, before, reason, EventKind.HABILITATION_WITHDRAWN)

    async def lapse(self, act: Act, habilitation_id: UUID, reason: str) -> UUID | None:
        """Keeps that time has ended a habilitation; None where somebody has ended it meanwhile."""
        before = found(await self._habilitations.lock(act.connection, habilitation_id))
        if before.withdraw_time is not None:
            return None
        _, told = await self._withdraw(act, before, reason, EventKind.HABILITATION_LAPSED)
        return told

    async def _withdraw(
        self, act: Act, before: Habilitation, reason: str, kind: EventKind
    ) -> tuple[Habilitation, UUID]:
        after = replace(before, withdraw_time=act.now, withdrawal_reason=reason, version=before.version + 1)
        await self._habilitations.set_withdrawn(act.connection, after)
        await act.note(kind, SubjectKind.HABILITATION, after.habilitation_id, before.record, after.record)
        told = await self._propagator.add(
            act.connection, PropagationKind.DISABLE_ACCOUNT, after.habilitation_id, act.now
        )
        return after, told
