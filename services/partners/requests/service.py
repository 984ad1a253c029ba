"""Use cases on access requests."""

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

import structlog

from services.kit.etags import require_unchanged
from services.kit.identifiers import new_uuid7, page_size
from services.kit.pages import Page, identifier_before, page_of
from services.partners.acts import Act, Acts, unique
from services.partners.agents.domain import Caller
from services.partners.caisses import Caisses
from services.partners.conventions.domain import Convention
from services.partners.conventions.store import ConventionStore
from services.partners.fields import invalid, reason_text
from services.partners.habilitations.domain import Bouquet, Habilitation, User, UserHabilitated
from services.partners.habilitations.granting import LIVE_KEY, Granting
from services.partners.habilitations.store import HabilitationStore
from services.partners.history.domain import EventKind, SubjectKind
from services.partners.partners.store import PartnerStore
from services.partners.propagation.service import Propagator
from services.partners.records import found
from services.partners.requests.domain import (
    AccessRequest,
    Form,
    OtherConvention,
    RequestKind,
    RequestState,
    checked,
    require_acceptable,
    require_open,
    require_whole,
)
from services.partners.requests.store import RequestStore

_log = structlog.get_logger()


@dataclass(frozen=True)
class SignedForm:
    """What is on a form beside the user and the partner's own fields, which the register knows."""

    signatory_name: str
    signature_place: str
    signature_date: date | None
    scan_sha256: str
    scan_reference: str


@dataclass(frozen=True)
class Acceptance:
    """What the acceptance of a form did."""

    request: AccessRequest
    granted: Habilitation | None
    ended: Habilitation | None


class RequestService:
    """The forms of annexe 2, from receipt to decision (art. 4-1, 4-4)."""

    def __init__(
        self,
        *,
        requests: RequestStore,
        conventions: ConventionStore,
        partners: PartnerStore,
        habilitations: HabilitationStore,
        granting: Granting,
        acts: Acts,
        propagator: Propagator,
        caisses: Caisses,
    ) -> None:
        self._requests = requests
        self._conventions = conventions
        self._partners = partners
        self._habilitations = habilitations
        self._granting = granting
        self._acts = acts
        self._propagator = propagator
        self._caisses = caisses

    async def receive(
        self,
        caller: Caller,
        convention_id: UUID,
        kind: RequestKind,
        form: Form,
        habilitation_id: UUID | None,
        bouquet: Bouquet,
        reason: str = "",
    ) -> AccessRequest:
        """Enters a form that was received; what is missing is listed with it.

        Raises InvalidField; RecordNotFound; AgentNotHabilitated; OtherConvention.
        """
        convention = found(await self._conventions.find(convention_id)).convention
        await self._require_target(kind, convention, habilitation_id)
        async with self._acts.begin("receive_request", caller, convention.caisse_code, reason) as act:
            return await self._enter(act, convention, kind, form, habilitation_id, bouquet)

    async def complete(
        self, caller: Caller, access_request_id: UUID, form: Form, reason: str = "", etag: str = ""
    ) -> AccessRequest:
        """Takes the form as the partner completed it.

        Raises InvalidField; RecordNotFound; AgentNotHabilitated; RequestDecided; RecordChanged.
        """
        known = await self._find(access_request_id)
        async with self._acts.begin("complete_request", caller, known.caisse_code, reason) as act:
            before = await self._locked(act, access_request_id, etag)
            require_open(before)
            after = replace(before, form=checked(form, act.today), version=before.version + 1)
            await self._keep(act, EventKind.REQUEST_COMPLETED, before, after)
        return after

    async def accept(
        self, caller: Caller, access_request_id: UUID, reason: str = "", etag: str = ""
    ) -> Acceptance:
        """Accepts a complete form and does what it asks for, in one commit (art. 4-1, 4-4; N3).

        Raises InvalidField; RecordNotFound; AgentNotHabilitated; RequestDecided, RequestIncomplete;
        ConventionNotInForce; HabilitationEnded; UserStaysSuspended; UserHabilitated where the user is under it already.
        """
        known = await self._find(access_request_id)
        told: list[UUID] = []
        with unique(LIVE_KEY, otherwise=UserHabilitated):
            async with self._acts.begin("accept_request", caller, known.caisse_code, reason) as act:
                before = await self._locked(act, access_request_id, etag)
                acceptance = await self._accept(act, before, told)
        _log.info("access_request_accepted", access_request_id=str(access_request_id))
        await self._propagator.attempt(told)
        return acceptance

    async def refuse(
        self, caller: Caller, access_request_id: UUID, refusal_reason: str, etag: str = ""
    ) -> AccessRequest:
        """Refuses a form, with a reason for the partner.

        Raises InvalidField; RecordNotFound; AgentNotHabilitated; RequestDecided; RecordChanged.
        """
        why = reason_text("refusal_reason", refusal_reason)
        known = await self._find(access_request_id)
        async with self._acts.begin("refuse_request", caller, known.caisse_code, why) as act:
            before = await self._locked(act, access_request_id, etag)
            require_open(before)
            after = replace(before, decide_time=act.now, refusal_reason=why, version=before.version + 1)
            await self._keep(act, EventKind.REQUEST_REFUSED, before, after)
        return after

    async def register(
        self,
        caller: Caller,
        convention_id: UUID,
        user: User,
        bouquet: Bouquet,
        signed: SignedForm,
        reason: str = "",
    ) -> Habilitation:
        """Receives and accepts a complete form in one act; the partner's fields are those of the register.

        Raises as `receive` and `accept` do.
        """
        convention = found(await self._conventions.find(convention_id)).convention
        form = await self._form_of(convention, user, signed)
        told: list[UUID] = []
        with unique(LIVE_KEY, otherwise=UserHabilitated):
            async with self._acts.begin(
                "register_habilitation", caller, convention.caisse_code, reason
            ) as act:
                request = await self._enter(act, convention, RequestKind.CREATION, form, None, bouquet)
                require_whole(request)
                acceptance = await self._accept(act, request, told)
        habilitation = found(acceptance.granted)
        _log.info("habilitation_registered", habilitation_id=str(habilitation.habilitation_id))
        return habilitation

    async def get(self, caller: Caller, access_request_id: UUID) -> AccessRequest:
        """The form. Raises RecordNotFound, also for an agent of another caisse."""
        request = await self._find(access_request_id)
        await self._acts.require_visible(caller, request.caisse_code)
        return request

    async def list_page(
        self,
        caller: Caller,
        caisse_code: str,
        convention_id: UUID | None,
        state: RequestState | None,
        asked: int,
        page_token: str,
    ) -> Page[AccessRequest]:
        """A page of a caisse's forms, newest first. A page may hold fewer than asked for though more follow.

        Raises InvalidField, AgentNotHabilitated.
        """
        size, before = page_size(asked), identifier_before(page_token)
        await self._acts.require_reader(caller, self._caisses.require(caisse_code))
        requests = await self._requests.list_before(caisse_code, convention_id, state, before, size + 1)
        page = page_of(requests, size, lambda request: str(request.access_request_id))
        shown = [request for request in page.records if state in {None, request.state}]
        return Page(shown, page.next_page_token)

    async def _enter(
        self,
        act: Act,
        convention: Convention,
        kind: RequestKind,
        form: Form,
        habilitation_id: UUID | None,
        bouquet: Bouquet,
    ) -> AccessRequest:
        request = AccessRequest(
            access_request_id=new_uuid7(act.now),
            convention_id=convention.convention_id,
            partner_id=convention.partner_id,
            caisse_code=convention.caisse_code,
            kind=kind,
            bouquet=bouquet,
            form=checked(form, act.today),
            receive_time=act.now,
            habilitation_id=habilitation_id,
        )
        await self._requests.insert(act.connection, request)
        await _note(act, EventKind.REQUEST_RECEIVED, None, request)
        return request

    async def _accept(self, act: Act, request: AccessRequest, told: list[UUID]) -> Acceptance:
        """What a form asks for: the old habilitation ends first, so that who follows may have the same address."""
        require_acceptable(request, act.agent)
        ended = granted = None
        if request.habilitation_id is not None:
            reason = _ENDED_BECAUSE[request.kind]
            ended, telling = await self._granting.end(act, request.habilitation_id, reason)
            told.append(telling)
        if request.grants:
            convention = found(await self._conventions.lock(act.connection, request.convention_id)).convention
            granted = await self._granting.grant(act, convention, request.form.user(), request.bouquet)
        after = replace(
            request,
            decide_time=act.now,
            granted_habilitation_id=granted.habilitation_id if granted else None,
            version=request.version + 1,
        )
        await self._keep(act, EventKind.REQUEST_ACCEPTED, request, after)
        return Acceptance(after, granted, ended)

    async def _keep(self, act: Act, kind: EventKind, before: AccessRequest, after: AccessRequest) -> None:
        await self._requests.update(act.connection, after)
        await _note(act, kind, before, after)

    async def _find(self, access_request_id: UUID) -> AccessRequest:
        return found(await self._requests.find(access_request_id))

    async def _locked(self, act: Act, access_request_id: UUID, etag: str) -> AccessRequest:
        request = found(await self._requests.lock(act.connection, access_request_id))
        require_unchanged(etag, request.version)
        return request

    async def _require_target(
        self, kind: RequestKind, convention: Convention, habilitation_id: UUID | None
    ) -> None:
        """A modification or withdrawal names a habilitation of this convention, a creation none (art. 4-4)."""
        if (kind is RequestKind.CREATION) != (habilitation_id is None):
            raise invalid(
                "habilitation_id",
                "HABILITATION_TO_END",
                "must be given on a modification or withdrawal, and left out on a creation (art. 4-4)",
            )
        if habilitation_id is None:
            return
        known = found(await self._habilitations.find(habilitation_id))
        if known.convention_id != convention.convention_id:
            raise OtherConvention

    async def _form_of(self, convention: Convention, user: User, signed: SignedForm) -> Form:
        partner = found(await self._partners.find(convention.partner_id))
        return Form(
            partner_denomination=partner.denomination,
            partner_representative=partner.profile.representative,
            partner_representative_function=partner.profile.representative_function,
            user_nom=user.nom,
            user_prenom=user.prenom,
            user_email=user.email,
            signatory_name=signed.signatory_name,
            signature_place=signed.signature_place,
            signature_date=signed.signature_date,
            signed=True,
            scan_sha256=signed.scan_sha256,
            scan_reference=signed.scan_reference,
        )


_ENDED_BECAUSE = {
    RequestKind.MODIFICATION: "departure or change of function, by the partner's form (art. 4-4)",
    RequestKind.WITHDRAWAL: "withdrawn by the partner's form (art. 4-4)",
}


async def _note(act: Act, kind: EventKind, before: AccessRequest | None, after: AccessRequest) -> None:
    await act.note(kind, SubjectKind.ACCESS_REQUEST, after.access_request_id, before, after)
