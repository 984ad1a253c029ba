"""Suspends access and lifts suspensions (art. 7-2), of partners and of single users alike."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from services.kit.errors import RecordChanged
from services.kit.identifiers import new_uuid7
from services.partners.acts import Act, Acts, unique
from services.partners.agents.domain import Caller
from services.partners.history.domain import EventKind, SubjectKind
from services.partners.propagation.domain import PropagationKind
from services.partners.propagation.service import Propagator
from services.partners.suspensions.domain import (
    Suspension,
    SuspensionOrder,
    require_ahead,
    require_liftable,
    require_replaceable,
)
from services.partners.suspensions.store import SuspensionStore

_log = structlog.get_logger()


@dataclass(frozen=True)
class Suspendable:
    """What differs between the suspension of a partner and that of a user."""

    subject_kind: SubjectKind
    suspended: EventKind
    lifted: EventKind
    propagation: PropagationKind
    present_key: str


PARTNERS = Suspendable(
    SubjectKind.PARTNER,
    EventKind.PARTNER_SUSPENDED,
    EventKind.PARTNER_SUSPENSION_LIFTED,
    PropagationKind.END_PARTNER_SESSIONS,
    "suspensions_present_key",
)
USERS = Suspendable(
    SubjectKind.HABILITATION,
    EventKind.HABILITATION_SUSPENDED,
    EventKind.HABILITATION_SUSPENSION_LIFTED,
    PropagationKind.END_USER_SESSIONS,
    "user_suspensions_present_key",
)


Requirement = Callable[[Act], Awaitable[None]]


async def _nothing_more(_: Act) -> None:
    """No requirement."""


class SuspensionService:
    """Suspensions of one kind of subject."""

    def __init__(
        self, suspensions: SuspensionStore, acts: Acts, propagator: Propagator, of: Suspendable
    ) -> None:
        self._suspensions = suspensions
        self._acts = acts
        self._propagator = propagator
        self._of = of

    async def suspend(
        self,
        caller: Caller,
        caisse_code: str,
        subject_id: UUID,
        order: SuspensionOrder,
        requirement: Requirement = _nothing_more,
    ) -> bool:
        """Suspends access, effective when this returns (N3); takes the place of a temporary suspension.

        Returns whether identity has ended the sessions already. `requirement` is what must hold of the subject, in
        the same transaction. Raises what it raises; AgentNotHabilitated, InvalidField, SuspendedForGood;
        RecordChanged where two suspend at once.
        """
        told: list[UUID] = []
        with unique(self._of.present_key, otherwise=RecordChanged):
            async with self._acts.begin("suspend", caller, caisse_code, order.suspension_reason) as act:
                require_ahead(order, act.today)
                await requirement(act)
                before = await self._suspensions.find_unlifted(act.connection, subject_id)
                require_replaceable(before)
                if before is not None:
                    await self._end(act, before)
                after = _suspension(act, subject_id, order)
                await self._suspensions.insert(act.connection, after)
                await act.note(self._of.suspended, self._of.subject_kind, subject_id, before, after)
                told.append(
                    await self._propagator.add(act.connection, self._of.propagation, subject_id, act.now)
                )
        _log.info("access_suspended", subject_kind=self._of.subject_kind.value, subject_id=str(subject_id))
        return await self._propagator.attempt(told)

    async def lift(self, caller: Caller, caisse_code: str, subject_id: UUID, reason: str) -> None:
        """Lifts a temporary suspension.

        Raises AgentNotHabilitated, InvalidField, NotSuspended, SuspendedForGood; RecordChanged where another one
        took its place, or another agent lifted it, meanwhile.
        """
        async with self._acts.begin("lift_suspension", caller, caisse_code, reason) as act:
            unlifted = await self._suspensions.find_unlifted(act.connection, subject_id)
            before = require_liftable(unlifted, act.today)
            await self._end(act, before)
            after = replace(before, lift_time=act.now)
            await act.note(self._of.lifted, self._of.subject_kind, subject_id, before, after)
        _log.info("suspension_lifted", subject_kind=self._of.subject_kind.value, subject_id=str(subject_id))

    async def _end(self, act: Act, suspension: Suspension) -> None:
        if not await self._suspensions.set_lifted(act.connection, suspension.suspension_id, act.now):
            raise RecordChanged


def _suspension(act: Act, subject_id: UUID, order: SuspensionOrder) -> Suspension:
    return Suspension(
        suspension_id=new_uuid7(act.now),
        subject_id=subject_id,
        kind=order.kind,
        suspension_reason=order.suspension_reason,
        suspend_time=act.now,
        until_date=order.until_date,
    )
