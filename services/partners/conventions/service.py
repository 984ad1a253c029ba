"""Use cases on conventions."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

import structlog

from services.kit.clock import Clock, paris_date
from services.kit.etags import require_unchanged
from services.kit.identifiers import new_uuid7, page_size
from services.kit.pages import Page, identifier_before, page_of
from services.partners.acts import Act, Acts, unique
from services.partners.agents.domain import Caller
from services.partners.caisses import Caisses
from services.partners.conventions.admission import admit
from services.partners.conventions.domain import (
    Convention,
    ConventionStands,
    ConventionState,
    require_no_other,
    require_none_without_end,
    require_own_caisse,
)
from services.partners.conventions.facts import (
    AgreedEnd,
    Annulment,
    CnilDeclaration,
    Fact,
    Party,
    RecordedFact,
    Signature,
)
from services.partners.conventions.records import (
    ConventionRecord,
    ConventionView,
    change_of,
    line_on,
    view_on,
)
from services.partners.conventions.store import ConventionStore
from services.partners.fields import reason_text
from services.partners.history.domain import EventKind, SubjectKind
from services.partners.partners.store import PartnerStore
from services.partners.propagation.domain import PropagationKind
from services.partners.propagation.service import Propagator
from services.partners.records import found

_OPEN_KEY = "conventions_open_key"
_log = structlog.get_logger()


class ConventionService:
    """Conventions from the draft to the attestation (art. 2, 6-1, 9, 10)."""

    def __init__(
        self,
        *,
        conventions: ConventionStore,
        partners: PartnerStore,
        acts: Acts,
        propagator: Propagator,
        caisses: Caisses,
        clock: Clock,
    ) -> None:
        self._conventions = conventions
        self._partners = partners
        self._acts = acts
        self._propagator = propagator
        self._caisses = caisses
        self._clock = clock

    async def draft(
        self, caller: Caller, partner_id: UUID, caisse_code: str, reason: str = ""
    ) -> ConventionView:
        """Opens a convention that nobody has signed yet; another one may still run, if its end is in sight.

        Raises InvalidField; RecordNotFound; AgentNotHabilitated; ConventionStands where one without end stands.
        """
        await self._require_partner(partner_id, caisse_code)
        with unique(_OPEN_KEY, otherwise=ConventionStands):
            async with self._acts.begin("draft_convention", caller, caisse_code, reason) as act:
                others = await self._conventions.list_of_partner(act.connection, partner_id)
                require_none_without_end(others)
                record = await self._open(act, partner_id, caisse_code, (), EventKind.CONVENTION_DRAFTED)
        return view_on(record, act.today)

    async def register(
        self,
        caller: Caller,
        partner_id: UUID,
        caisse_code: str,
        signature_date: date,
        cnil: date | None,
        reason: str = "",
    ) -> ConventionView:
        """Records a convention that both parties have signed (art. 9-1), in one act.

        `cnil` is the day of the CNIL declaration's transmission, None while it is awaited. Raises InvalidField;
        RecordNotFound; AgentNotHabilitated; ConventionStands where another convention stands meanwhile.
        """
        await self._require_partner(partner_id, caisse_code)
        facts: list[Fact] = [Signature(party, signature_date) for party in Party]
        facts += [CnilDeclaration(cnil)] if cnil else []
        with unique(_OPEN_KEY, otherwise=ConventionStands):
            async with self._acts.begin("register_convention", caller, caisse_code, reason) as act:
                others = await self._conventions.list_of_partner(act.connection, partner_id)
                require_no_other(others, max(act.today, signature_date))
                record = await self._open(
                    act, partner_id, caisse_code, facts, EventKind.CONVENTION_REGISTERED
                )
        _log.info("convention_registered", convention_id=str(record.convention.convention_id))
        return view_on(record, act.today)

    async def record_fact(
        self, caller: Caller, convention_id: UUID, fact: Fact, reason: str = "", etag: str = ""
    ) -> tuple[ConventionView, UUID]:
        """Records what happened to a convention; effective when this returns (N3). Returns the fact's id too.

        Raises InvalidField and the errors of `admission`, which name the article; RecordNotFound;
        AgentNotHabilitated; RecordChanged; ConventionStands where what would go on meets another convention.
        """
        caisse_code = found(await self._conventions.find(convention_id)).convention.caisse_code
        with unique(_OPEN_KEY, otherwise=ConventionStands):
            async with self._acts.begin("record_fact", caller, caisse_code, reason) as act:
                before = found(await self._conventions.lock(act.connection, convention_id))
                require_unchanged(etag, before.version)
                admit(fact, before.facts, act.today)
                recorded = RecordedFact(new_uuid7(act.now), act.now, fact)
                after = before.with_facts(recorded)
                await self._require_room(act, before.convention, after.convention)
                await self._conventions.append(act.connection, after)
                await act.note(
                    EventKind.FACT_ANNULLED if isinstance(fact, Annulment) else EventKind.FACT_RECORDED,
                    SubjectKind.CONVENTION,
                    convention_id,
                    change_of(before.convention),
                    change_of(after.convention, recorded),
                )
                ended = await self._end_sessions(act, after.convention)
        _log.info("fact_recorded", convention_id=str(convention_id), kind=fact.kind)
        await self._propagator.attempt(ended)
        return view_on(after, act.today), recorded.fact_id

    async def annul(
        self, caller: Caller, convention_id: UUID, fact_id: UUID, reason: str, etag: str = ""
    ) -> ConventionView:
        """Voids a fact that was recorded by mistake; it stays in the history. Raises as `record_fact` does."""
        why = reason_text("reason", reason)
        view, _ = await self.record_fact(caller, convention_id, Annulment(fact_id), why, etag)
        return view

    async def end(
        self, caller: Caller, convention_id: UUID, end_date: date, end_reason: str, etag: str = ""
    ) -> ConventionView:
        """Ends the convention by agreement of both parties: `end_date` is the first day without effect.

        Raises as `record_fact` does.
        """
        why = reason_text("end_reason", end_reason)
        view, _ = await self.record_fact(caller, convention_id, AgreedEnd(end_date), why, etag)
        return view

    async def get(self, caller: Caller, convention_id: UUID) -> ConventionView:
        """The convention as it stands today. Raises RecordNotFound, also for an agent of another caisse."""
        record = found(await self._conventions.find(convention_id))
        await self._acts.require_visible(caller, record.convention.caisse_code)
        return view_on(record, paris_date(self._clock.now()))

    async def list_page(
        self, caller: Caller, caisse_code: str, partner_id: UUID | None, asked: int, page_token: str
    ) -> Page[ConventionView]:
        """A page of a caisse's conventions, or of one partner's, newest first, without facts.

        Raises InvalidField, AgentNotHabilitated.
        """
        size, before = page_size(asked), identifier_before(page_token)
        await self._acts.require_reader(caller, self._caisses.require(caisse_code))
        lines = await self._conventions.list_before(caisse_code, partner_id, before, size + 1)
        page = page_of(lines, size, lambda line: str(line.convention.convention_id))
        today = paris_date(self._clock.now())
        views = [line_on(line.convention, line.version, today) for line in page.records]
        return Page(views, page.next_page_token)

    async def _require_partner(self, partner_id: UUID, caisse_code: str) -> None:
        require_own_caisse(found(await self._partners.find(partner_id)), caisse_code)

    async def _open(
        self, act: Act, partner_id: UUID, caisse_code: str, facts: Iterable[Fact], kind: EventKind
    ) -> ConventionRecord:
        convention = Convention(new_uuid7(act.now), partner_id, caisse_code, None, None)
        recorded = [RecordedFact(new_uuid7(act.now), act.now, fact) for fact in facts]
        record = ConventionRecord(convention, 0, ()).with_facts(*recorded)
        await self._conventions.insert(act.connection, record, act.now)
        await act.note(
            kind, SubjectKind.CONVENTION, convention.convention_id, None, change_of(record.convention)
        )
        return record

    async def _require_room(self, act: Act, before: Convention, after: Convention) -> None:
        """What begins, or goes on after all, meets no other convention of the partner. Raises ConventionStands."""
        begins = before.signature_date is None and after.signature_date is not None
        goes_on = before.end_date is not None and (after.end_date is None or after.end_date > before.end_date)
        if not (begins or goes_on):
            return
        others = await self._conventions.list_of_partner(act.connection, after.partner_id)
        since = max(act.today, after.signature_date or act.today)
        require_no_other((other for other in others if other.convention_id != after.convention_id), since)

    async def _end_sessions(self, act: Act, convention: Convention) -> list[UUID]:
        """What identity is to be told where the convention is over today (N3)."""
        if convention.state_on(act.today) is not ConventionState.ENDED:
            return []
        kind = PropagationKind.END_PARTNER_SESSIONS
        return [await self._propagator.add(act.connection, kind, convention.partner_id, act.now)]
