"""msa.partners.v1.HabilitationService ↔ the use cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from msa.partners.v1 import habilitation_service_pb2 as pb
from msa.partners.v1 import habilitation_service_pb2_grpc as rpc
from services.kit.identifiers import parse_uuid
from services.partners.fields import invalid
from services.partners.habilitations.domain import (
    SERVICES,
    Authorization,
    AuthorizationQuery,
    Bouquet,
    Decision,
    Habilitation,
    NamedUser,
    OnlineService,
    named_user,
    uuid_or_none,
)
from services.partners.habilitations.service import HabilitationService
from services.partners.habilitations.translation import BOUQUETS, bouquet_in, habilitation_message
from services.partners.messages import caller_of, optional_day_in
from services.partners.requests.service import RequestService, SignedForm
from services.partners.suspensions.translation import order_in

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

_SERVICES: Mapping[int, OnlineService] = {
    pb.OnlineService.Value(f"ONLINE_SERVICE_{service}"): service for service in OnlineService
}
# What a gateway that knows no online services yet means by a bouquet.
_SERVICE_OF: Mapping[Bouquet | None, OnlineService] = {
    Bouquet.QUOTIENT_FAMILIAL: OnlineService.QUOTIENT_CONSULTATION
}
_DECISIONS = {
    decision: pb.AuthorizationDecision.Value(f"AUTHORIZATION_DECISION_{decision}") for decision in Decision
}


class HabilitationHandler(rpc.HabilitationServiceServicer):
    """HabilitationService."""

    def __init__(self, service: HabilitationService, requests: RequestService) -> None:
        self._service = service
        self._requests = requests

    async def RegisterHabilitation(
        self, request: pb.RegisterHabilitationRequest, context: Context
    ) -> pb.RegisterHabilitationResponse:
        """Habilitates a named user from a complete form (art. 4-1, 4-2, annexe 2)."""
        habilitation = await self._requests.register(
            caller_of(context),
            parse_uuid("convention_id", request.convention_id),
            named_user(request.user.nom, request.user.prenom, request.user.email),
            bouquet_in(request.bouquet),
            _signed_form(request),
            request.reason,
        )
        return pb.RegisterHabilitationResponse(habilitation=self._message(habilitation))

    async def GetHabilitation(
        self, request: pb.GetHabilitationRequest, context: Context
    ) -> pb.GetHabilitationResponse:
        """Shows a habilitation."""
        habilitation_id = parse_uuid("habilitation_id", request.habilitation_id)
        habilitation = await self._service.get(caller_of(context), habilitation_id)
        return pb.GetHabilitationResponse(habilitation=self._message(habilitation))

    async def ListHabilitations(
        self, request: pb.ListHabilitationsRequest, context: Context
    ) -> pb.ListHabilitationsResponse:
        """A page of a convention's habilitations."""
        convention_id = parse_uuid("convention_id", request.convention_id)
        page = await self._service.list_page(
            caller_of(context), convention_id, request.page_size, request.page_token
        )
        return pb.ListHabilitationsResponse(
            habilitations=map(self._message, page.records), next_page_token=page.next_page_token
        )

    async def WithdrawHabilitation(
        self, request: pb.WithdrawHabilitationRequest, context: Context
    ) -> pb.WithdrawHabilitationResponse:
        """Ends a habilitation (art. 4-4)."""
        habilitation_id = parse_uuid("habilitation_id", request.habilitation_id)
        habilitation, disabled = await self._service.withdraw(
            caller_of(context), habilitation_id, request.withdrawal_reason
        )
        return pb.WithdrawHabilitationResponse(
            habilitation=self._message(habilitation), account_disabled=disabled
        )

    async def SuspendHabilitation(
        self, request: pb.SuspendHabilitationRequest, context: Context
    ) -> pb.SuspendHabilitationResponse:
        """Suspends one user (art. 7-2)."""
        habilitation_id = parse_uuid("habilitation_id", request.habilitation_id)
        habilitation, ended = await self._service.suspend(
            caller_of(context), habilitation_id, order_in(request)
        )
        return pb.SuspendHabilitationResponse(habilitation=self._message(habilitation), sessions_ended=ended)

    async def LiftHabilitationSuspension(
        self, request: pb.LiftHabilitationSuspensionRequest, context: Context
    ) -> pb.LiftHabilitationSuspensionResponse:
        """Lifts a user's suspension (art. 7-2)."""
        habilitation_id = parse_uuid("habilitation_id", request.habilitation_id)
        habilitation = await self._service.lift_suspension(
            caller_of(context), habilitation_id, request.reason
        )
        return pb.LiftHabilitationSuspensionResponse(habilitation=self._message(habilitation))

    async def ConfirmHabilitations(
        self, request: pb.ConfirmHabilitationsRequest, context: Context
    ) -> pb.ConfirmHabilitationsResponse:
        """Keeps which users the partner confirmed (art. 9-1)."""
        confirmed = await self._service.confirm(
            caller_of(context),
            parse_uuid("convention_id", request.convention_id),
            [parse_uuid(f"habilitation_ids[{n}]", text) for n, text in enumerate(request.habilitation_ids)],
            request.reason,
        )
        return pb.ConfirmHabilitationsResponse(habilitations=map(self._message, confirmed))

    async def ListBouquets(
        self, request: pb.ListBouquetsRequest, context: Context
    ) -> pb.ListBouquetsResponse:
        """All bouquets with their services (art. 4-2)."""
        return pb.ListBouquetsResponse(bouquets=[_bouquet(bouquet) for bouquet in Bouquet])

    async def Authorize(self, request: pb.AuthorizeRequest, context: Context) -> pb.AuthorizeResponse:
        """Says what each habilitation of the batch allows now (art. 4, 7-2, 9-1)."""
        queries = [
            AuthorizationQuery(uuid_or_none(item.habilitation_id), _service_of(item))
            for item in request.items
        ]
        authorizations = await self._service.authorize(queries)
        return pb.AuthorizeResponse(results=map(_result, authorizations))

    async def NameUsers(self, request: pb.NameUsersRequest, context: Context) -> pb.NameUsersResponse:
        """The names of a partner's users."""
        users = await self._service.name_users(
            parse_uuid("partner_id", request.partner_id),
            [parse_uuid(f"habilitation_ids[{n}]", text) for n, text in enumerate(request.habilitation_ids)],
        )
        return pb.NameUsersResponse(users=map(_named_user, users))

    def _message(self, habilitation: Habilitation) -> pb.Habilitation:
        return habilitation_message(habilitation, self._service.today())


def _signed_form(request: pb.RegisterHabilitationRequest) -> SignedForm:
    if not request.HasField("form"):
        raise invalid(
            "form", "FORM_REQUIRED", "must be given: access is granted in writing (art. 4-1, annexe 2)"
        )
    form = request.form
    return SignedForm(
        signatory_name=form.signatory_name,
        signature_place=form.signature_place,
        signature_date=optional_day_in(form, "signature_date"),
        scan_sha256=form.scan_sha256,
        scan_reference=form.scan_reference,
    )


def _service_of(item: pb.AuthorizeItem) -> OnlineService | None:
    if item.online_service:
        return _SERVICES.get(item.online_service)
    return _SERVICE_OF.get(BOUQUETS.get(item.bouquet))


def _bouquet(bouquet: Bouquet) -> pb.BouquetContent:
    services = (pb.OnlineService.Value(f"ONLINE_SERVICE_{service}") for service in sorted(SERVICES[bouquet]))
    return pb.BouquetContent(bouquet=pb.Bouquet.Value(f"BOUQUET_{bouquet}"), online_services=list(services))


def _result(authorization: Authorization) -> pb.AuthorizeResult:
    result = pb.AuthorizeResult(decision=_DECISIONS[authorization.decision])
    if authorization.convention is not None:
        result.partner_id = str(authorization.convention.partner_id)
        result.convention_id = str(authorization.convention.convention_id)
        result.caisse_code = authorization.convention.caisse_code
        result.case_reference_required = authorization.case_reference_required
    if authorization.maintenance_end_time is not None:
        result.maintenance_end_time.FromDatetime(authorization.maintenance_end_time)
    return result


def _named_user(named: NamedUser) -> pb.NamedUser:
    user = named.user
    return pb.NamedUser(
        habilitation_id=str(named.habilitation_id),
        user=pb.User(nom=user.nom, prenom=user.prenom, email=user.email),
    )
