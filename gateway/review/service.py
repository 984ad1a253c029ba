"""Use case: a user sees his own consultations, who answers for the partner's users those of all (art. 4-2, 6-1)."""

from collections.abc import Collection, Mapping
from typing import Protocol

from gateway.admission import Admission, Notice
from gateway.domain import Caller, ClientContext, OnlineService, Right
from gateway.review.domain import JournalPage, ReviewPage, UserName
from services.kit.redaction import SessionToken


class Journal(Protocol):
    """Quotient's part."""

    async def page(
        self, right: Right, account_id: str | None, page_size: int, page_token: str
    ) -> JournalPage:
        """Lines of the partner with the caisse of the right, of one account where it is given."""
        ...


class Users(Protocol):
    """The register's part."""

    async def names(self, partner_id: str, habilitation_ids: Collection[str]) -> Mapping[str, UserName]:
        """The names of the partner's users, by habilitation."""
        ...


class Review:
    """Own consultations, and those of the partner's users."""

    def __init__(self, admission: Admission, journal: Journal, users: Users) -> None:
        self._admission = admission
        self._journal = journal
        self._users = users

    async def page(
        self,
        token: SessionToken,
        client: ClientContext,
        notice: Notice,
        *,
        whole_partner: bool,
        page_size: int,
        page_token: str,
    ) -> ReviewPage:
        """A page, newest first; of all the partner's users only where the bouquet holds that review (art. 4-2).

        Raises what `Admission.admit` raises, InvalidField, passed on, and DependencyUnavailable.
        """
        needed = OnlineService.CONSULTATION_REVIEW if whole_partner else OnlineService.QUOTIENT_CONSULTATION
        caller, right = await self._admission.admit(token, client, notice, online_service=needed)
        async with self._admission.budget():
            return await self._named(caller, right, whole_partner, page_size, page_token)

    async def _named(
        self, caller: Caller, right: Right, whole_partner: bool, page_size: int, page_token: str
    ) -> ReviewPage:
        account_id = None if whole_partner else caller.account_id
        page = await self._journal.page(right, account_id, page_size, page_token)
        asked = {each.habilitation_id for each in page.consultations}
        names = await self._users.names(right.partner_id, asked) if asked else {}
        return ReviewPage(page, names)
