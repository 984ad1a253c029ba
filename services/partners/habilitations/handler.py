"""msa.partners.v1.HabilitationService ↔ the use cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from msa.partners.v1 import habilitation_service_pb2 as pb
from msa.partners.v1 import habilitation_service_pb2_grpc as rpc
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_timestamp
from services.partners.habilitations.domain import (
    Authorization,
    AuthorizationQuery,
    Bouquet,
    Decision,
    Habilitation,
    known_bouquet,
    named_user,
    uuid_or_none,
)
from services.partners.habilitations.service import HabilitationService

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

_BOUQUETS: Mapping[int, Bouquet] = {pb.BOUQUET_QUOTIENT_FAMILIAL: Bouquet.QUOTIENT_FAMILIAL}
_DECISIONS = {
    Decision.GRANTED: pb.AUTHORIZATION_DECISION_GRANTED,
    Decision.HABILITATION_NOT_VALID: pb.AUTHORIZATION_DECISION_HABILITATION_NOT_VALID,
    Decision.CONVENTION_NOT_IN_FORCE: pb.AUTHORIZATION_DECISION_CONVENTION_NOT_IN_FORCE,
    Decision.PARTNER_SUSPENDED: pb.AUTHORIZATION_DECISION_PARTNER_SUSPENDED,
}


class HabilitationHandler(rpc.HabilitationServiceServicer):
    """HabilitationService."""

    def __init__(self, service: HabilitationService) -> None:
        self._service = service

    async def RegisterHabilitation(
        self, request: pb.RegisterHabilitationRequest, context: Context
    ) -> pb.RegisterHabilitationResponse:
        """Habilitates a named user (art. 4-1, 4-2)."""
        habilitation = await self._service.register(
            parse_uuid("convention_id", request.convention_id),
            named_user(request.user.nom, request.user.prenom, request.user.email),
            known_bouquet(_BOUQUETS.get(request.bouquet)),
        )
        return pb.RegisterHabilitationResponse(habilitation=_habilitation(habilitation))

    async def GetHabilitation(
        self, request: pb.GetHabilitationRequest, context: Context
    ) -> pb.GetHabilitationResponse:
        """Shows a habilitation."""
        habilitation = await self._service.get(parse_uuid("habilitation_id", request.habilitation_id))
        return pb.GetHabilitationResponse(habilitation=_habilitation(habilitation))

    async def ListHabilitations(
        self, request: pb.ListHabilitationsRequest, context: Context
    ) -> pb.ListHabilitationsResponse:
        """A page of a convention's habilitations."""
        convention_id = parse_uuid("convention_id", request.convention_id)
        page = await self._service.list_page(convention_id, request.page_size, request.page_token)
        return pb.ListHabilitationsResponse(
            habilitations=map(_habilitation, page.records), next_page_token=page.next_page_token
        )

    async def WithdrawHabilitation(
        self, request: pb.WithdrawHabilitationRequest, context: Context
    ) -> pb.WithdrawHabilitationResponse:
        """Ends a habilitation (art. 4-4)."""
        habilitation_id = parse_uuid("habilitation_id", request.habilitation_id)
        habilitation = await self._service.withdraw(habilitation_id, request.withdrawal_reason)
        return pb.WithdrawHabilitationResponse(habilitation=_habilitation(habilitation))

    async def Authorize(self, request: pb.AuthorizeRequest, context: Context) -> pb.AuthorizeResponse:
        """Says what each habilitation of the batch allows now (art. 4, 7-2, 9-1)."""
        queries = [
            AuthorizationQuery(uuid_or_none(item.habilitation_id), _BOUQUETS.get(item.bouquet))
            for item in request.items
        ]
        authorizations = await self._service.authorize(queries)
        return pb.AuthorizeResponse(results=map(_result, authorizations))


def _habilitation(habilitation: Habilitation) -> pb.Habilitation:
    user = habilitation.user
    return pb.Habilitation(
        habilitation_id=str(habilitation.habilitation_id),
        convention_id=str(habilitation.convention_id),
        partner_id=str(habilitation.partner_id),
        caisse_code=habilitation.caisse_code,
        user=pb.User(nom=user.nom, prenom=user.prenom, email=user.email),
        bouquet=pb.Bouquet.Value(f"BOUQUET_{habilitation.bouquet}"),
        create_time=to_timestamp(habilitation.create_time),
        withdraw_time=to_timestamp(habilitation.withdraw_time),
    )


def _result(authorization: Authorization) -> pb.AuthorizeResult:
    result = pb.AuthorizeResult(decision=_DECISIONS[authorization.decision])
    if authorization.convention is not None:
        result.partner_id = str(authorization.convention.partner_id)
        result.convention_id = str(authorization.convention.convention_id)
        result.caisse_code = authorization.convention.caisse_code
    return result
