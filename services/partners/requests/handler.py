"""msa.partners.v1.AccessRequestService ↔ the use cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from msa.partners.v1 import access_request_service_pb2 as pb
from msa.partners.v1 import access_request_service_pb2_grpc as rpc
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from services.kit.etags import etag_of
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_date, to_timestamp
from services.partners.fields import invalid
from services.partners.habilitations.domain import Bouquet, Habilitation
from services.partners.habilitations.service import HabilitationService
from services.partners.habilitations.translation import bouquet_in, habilitation_message
from services.partners.messages import caller_of, optional_day_in, optional_uuid
from services.partners.requests.domain import AccessRequest, Form, RequestKind, RequestState
from services.partners.requests.service import RequestService

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

_KINDS: Mapping[int, RequestKind] = {
    pb.AccessRequestKind.Value(f"ACCESS_REQUEST_KIND_{kind}"): kind for kind in RequestKind
}
_STATES: Mapping[int, RequestState | None] = {
    pb.ACCESS_REQUEST_STATE_UNSPECIFIED: None,
    **{pb.AccessRequestState.Value(f"ACCESS_REQUEST_STATE_{state}"): state for state in RequestState},
}


class AccessRequestHandler(rpc.AccessRequestServiceServicer):
    """AccessRequestService."""

    def __init__(self, service: RequestService, habilitations: HabilitationService) -> None:
        self._service = service
        self._habilitations = habilitations

    async def ReceiveAccessRequest(
        self, request: pb.ReceiveAccessRequestRequest, context: Context
    ) -> pb.ReceiveAccessRequestResponse:
        """Enters a form (annexe 2)."""
        received = await self._service.receive(
            caller_of(context),
            parse_uuid("convention_id", request.convention_id),
            _kind_in(request.kind),
            _form_in(request.form),
            optional_uuid("habilitation_id", request.habilitation_id),
            bouquet_in(request.bouquet) if request.bouquet else Bouquet.QUOTIENT_FAMILIAL,
            request.reason,
        )
        return pb.ReceiveAccessRequestResponse(access_request=_message(received))

    async def CompleteAccessRequest(
        self, request: pb.CompleteAccessRequestRequest, context: Context
    ) -> pb.CompleteAccessRequestResponse:
        """Takes the form as completed."""
        access_request_id = parse_uuid("access_request_id", request.access_request_id)
        completed = await self._service.complete(
            caller_of(context), access_request_id, _form_in(request.form), request.reason, request.etag
        )
        return pb.CompleteAccessRequestResponse(access_request=_message(completed))

    async def AcceptAccessRequest(
        self, request: pb.AcceptAccessRequestRequest, context: Context
    ) -> pb.AcceptAccessRequestResponse:
        """Accepts a form and does what it asks for (art. 4-1, 4-4)."""
        access_request_id = parse_uuid("access_request_id", request.access_request_id)
        done = await self._service.accept(caller_of(context), access_request_id, request.reason, request.etag)
        return pb.AcceptAccessRequestResponse(
            access_request=_message(done.request),
            granted=self._habilitation(done.granted),
            ended=self._habilitation(done.ended),
        )

    async def RefuseAccessRequest(
        self, request: pb.RefuseAccessRequestRequest, context: Context
    ) -> pb.RefuseAccessRequestResponse:
        """Refuses a form."""
        access_request_id = parse_uuid("access_request_id", request.access_request_id)
        refused = await self._service.refuse(
            caller_of(context), access_request_id, request.refusal_reason, request.etag
        )
        return pb.RefuseAccessRequestResponse(access_request=_message(refused))

    async def GetAccessRequest(
        self, request: pb.GetAccessRequestRequest, context: Context
    ) -> pb.GetAccessRequestResponse:
        """Shows a form."""
        access_request_id = parse_uuid("access_request_id", request.access_request_id)
        found = await self._service.get(caller_of(context), access_request_id)
        return pb.GetAccessRequestResponse(access_request=_message(found))

    async def ListAccessRequests(
        self, request: pb.ListAccessRequestsRequest, context: Context
    ) -> pb.ListAccessRequestsResponse:
        """A page of forms."""
        page = await self._service.list_page(
            caller_of(context),
            request.caisse_code,
            optional_uuid("convention_id", request.convention_id),
            _state_in(request.state),
            request.page_size,
            request.page_token,
        )
        return pb.ListAccessRequestsResponse(
            access_requests=map(_message, page.records), next_page_token=page.next_page_token
        )

    def _habilitation(self, habilitation: Habilitation | None) -> habilitation_pb.Habilitation | None:
        if habilitation is None:
            return None
        return habilitation_message(habilitation, self._habilitations.today())


def _kind_in(number: int) -> RequestKind:
    if number not in _KINDS:
        raise invalid(
            "kind", "ACCESS_REQUEST_KIND", "must be creation, modification or withdrawal (annexe 2)"
        )
    return _KINDS[number]


def _state_in(number: int) -> RequestState | None:
    if number not in _STATES:
        raise invalid("state", "ACCESS_REQUEST_STATE", "must be a state that forms have")
    return _STATES[number]


def _form_in(form: pb.AccessRequestForm) -> Form:
    return Form(
        partner_denomination=form.partner_denomination,
        partner_representative=form.partner_representative,
        partner_representative_function=form.partner_representative_function,
        user_nom=form.user.nom,
        user_prenom=form.user.prenom,
        user_email=form.user.email,
        signatory_name=form.signatory_name,
        signature_place=form.signature_place,
        signature_date=optional_day_in(form, "signature_date"),
        signed=form.signed,
        scan_sha256=form.scan_sha256,
        scan_reference=form.scan_reference,
    )


def _message(request: AccessRequest) -> pb.AccessRequest:
    return pb.AccessRequest(
        access_request_id=str(request.access_request_id),
        convention_id=str(request.convention_id),
        partner_id=str(request.partner_id),
        caisse_code=request.caisse_code,
        kind=pb.AccessRequestKind.Value(f"ACCESS_REQUEST_KIND_{request.kind}"),
        form=_form_message(request.form),
        habilitation_id=str(request.habilitation_id or ""),
        bouquet=habilitation_pb.Bouquet.Value(f"BOUQUET_{request.bouquet}"),
        state=pb.AccessRequestState.Value(f"ACCESS_REQUEST_STATE_{request.state}"),
        missing=[] if request.decide_time else request.missing,
        receive_time=to_timestamp(request.receive_time),
        decide_time=to_timestamp(request.decide_time),
        refusal_reason=request.refusal_reason,
        granted_habilitation_id=str(request.granted_habilitation_id or ""),
        etag=etag_of(request.version),
    )


def _form_message(form: Form) -> pb.AccessRequestForm:
    user = habilitation_pb.User(nom=form.user_nom, prenom=form.user_prenom, email=form.user_email)
    return pb.AccessRequestForm(
        partner_denomination=form.partner_denomination,
        partner_representative=form.partner_representative,
        partner_representative_function=form.partner_representative_function,
        user=user if form.names_user else None,
        signatory_name=form.signatory_name,
        signature_place=form.signature_place,
        signature_date=to_date(form.signature_date),
        signed=form.signed,
        scan_sha256=form.scan_sha256,
        scan_reference=form.scan_reference,
    )
