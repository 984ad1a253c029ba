"""Use cases on the history."""

from uuid import UUID

from services.kit.identifiers import page_size
from services.kit.pages import Page, page_of
from services.partners.acts import Acts
from services.partners.agents.domain import Caller
from services.partners.caisses import Caisses
from services.partners.history.domain import Event, position_before
from services.partners.history.store import EventStore


class HistoryService:
    """The history of the register, read."""

    def __init__(self, events: EventStore, acts: Acts, caisses: Caisses) -> None:
        self._events = events
        self._acts = acts
        self._caisses = caisses

    async def list_page(
        self, caller: Caller, caisse_code: str, subject_id: UUID | None, asked: int, page_token: str
    ) -> Page[Event]:
        """A page of a caisse's events, or of one subject's, newest first.

        Raises InvalidField; AgentNotHabilitated for an agent of another caisse.
        """
        size, before = page_size(asked), position_before(page_token)
        await self._acts.require_reader(caller, self._caisses.require(caisse_code))
        if subject_id is None:
            events = await self._events.list_before(caisse_code, before, size + 1)
        else:
            events = await self._events.list_of_subject(caisse_code, subject_id, before, size + 1)
        return page_of(events, size, lambda event: str(event.position))
