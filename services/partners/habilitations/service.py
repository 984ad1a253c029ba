"""Use cases on habilitations."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from services.kit.clock import Clock, paris_date
from services.kit.identifiers import new_uuid7, page_size
from services.partners.conventions.domain import (
    ConventionEnded,
    ConventionState,
)
from services.partners.conventions.store import ConventionStore
from services.partners.fields import required_text
from services.partners.habilitations.domain import (
    Authorization,
    AuthorizationQuery,
    Bouquet,
    Habilitation,
    HabilitationWithdrawn,
    User,
    decide,
    habilitation_after,
    require_batch,
)
from services.partners.habilitations.store import HabilitationStore
from services.partners.pages import Page, page_of
from services.partners.records import found

_REASON_LENGTH = 500
_log = structlog.get_logger()


class HabilitationService:
    """Habilitations of named users (art. 4), and what they allow now."""

    def __init__(self, habilitations: HabilitationStore, conventions: ConventionStore, clock: Clock) -> None:
        self._habilitations = habilitations
        self._conventions = conventions
        self._clock = clock

    async def register(self, convention_id: UUID, user: User, bouquet: Bouquet) -> Habilitation:
        """Habilitates a user under a convention that is signed (art. 4-2) and not over.

        Raises RecordNotFound; ConventionEnded; RecordAlreadyExists where this person has a live one here.
        """
        now = self._clock.now()
        convention = found(await self._conventions.find(convention_id))
        if convention.state_on(paris_date(now)) is ConventionState.ENDED:
            raise ConventionEnded
        habilitation = Habilitation(
            habilitation_id=new_uuid7(now),
            convention_id=convention_id,
            partner_id=convention.partner_id,
            caisse_code=convention.caisse_code,
            user=user,
            bouquet=bouquet,
            create_time=now,
        )
        await self._habilitations.insert(habilitation)
        _log.info("habilitation_registered", habilitation_id=str(habilitation.habilitation_id))
        return habilitation

    async def get(self, habilitation_id: UUID) -> Habilitation:
        """The habilitation. Raises RecordNotFound."""
        return found(await self._habilitations.find(habilitation_id))

    async def list_page(self, convention_id: UUID, asked: int, page_token: str) -> Page[Habilitation]:
        """A page of a convention's habilitations as registered. Raises InvalidField, RecordNotFound."""
        size, after = page_size(asked), habilitation_after(page_token)
        found(await self._conventions.find(convention_id))
        habilitations = await self._habilitations.list_after(convention_id, after, size + 1)
        return page_of(habilitations, size, lambda habilitation: str(habilitation.habilitation_id))

    async def withdraw(self, habilitation_id: UUID, withdrawal_reason: str) -> Habilitation:
        """Ends a habilitation: departure or change of function (art. 4-4).

        Raises InvalidField, RecordNotFound, HabilitationWithdrawn.
        """
        reason = required_text("withdrawal_reason", withdrawal_reason, _REASON_LENGTH)
        withdrawn = await self._habilitations.withdraw(habilitation_id, self._clock.now(), reason)
        habilitation = await self.get(habilitation_id)
        if not withdrawn:
            raise HabilitationWithdrawn
        _log.info("habilitation_withdrawn", habilitation_id=str(habilitation_id))
        return habilitation

    async def authorize(self, queries: Sequence[AuthorizationQuery]) -> Sequence[Authorization]:
        """The verdict on each query, in order (art. 4, 7-2, 9-1). Raises InvalidField for too large a batch."""
        require_batch(len(queries))
        today = paris_date(self._clock.now())
        asked = {query.habilitation_id for query in queries if query.habilitation_id is not None}
        standings = await self._habilitations.standings(list(asked)) if asked else []
        by_id = {standing.habilitation_id: standing for standing in standings}
        return [
            decide(by_id.get(query.habilitation_id) if query.habilitation_id else None, query.bouquet, today)
            for query in queries
        ]
