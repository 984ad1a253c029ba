"""msa.partners.v1.ConventionService ↔ the use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from msa.partners.v1 import convention_service_pb2 as pb
from msa.partners.v1 import convention_service_pb2_grpc as rpc
from services.kit.etags import etag_of
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_date
from services.partners.conventions.domain import Provider
from services.partners.conventions.facts import CnilDeclaration
from services.partners.conventions.records import ConventionView
from services.partners.conventions.service import ConventionService
from services.partners.conventions.timeline import TimelineEntry
from services.partners.conventions.translation import fact_in, fact_message, party_message
from services.partners.messages import caller_of, day_in, optional_day_in, optional_uuid

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class ConventionHandler(rpc.ConventionServiceServicer):
    """ConventionService."""

    def __init__(self, service: ConventionService) -> None:
        self._service = service

    async def DraftConvention(
        self, request: pb.DraftConventionRequest, context: Context
    ) -> pb.DraftConventionResponse:
        """Opens a convention that nobody has signed yet."""
        partner_id = parse_uuid("partner_id", request.partner_id)
        view = await self._service.draft(caller_of(context), partner_id, request.caisse_code, request.reason)
        return pb.DraftConventionResponse(convention=_convention(view))

    async def RegisterConvention(
        self, request: pb.RegisterConventionRequest, context: Context
    ) -> pb.RegisterConventionResponse:
        """Records a convention that both have signed (art. 9-1)."""
        view = await self._service.register(
            caller_of(context),
            parse_uuid("partner_id", request.partner_id),
            request.caisse_code,
            day_in(request, "signature_date"),
            optional_day_in(request, "cnil_declaration_date"),
            request.reason,
        )
        return pb.RegisterConventionResponse(convention=_convention(view))

    async def RecordFact(self, request: pb.RecordFactRequest, context: Context) -> pb.RecordFactResponse:
        """Records what happened to a convention (art. 2, 6-1, 9, 10)."""
        convention_id = parse_uuid("convention_id", request.convention_id)
        view, fact_id = await self._service.record_fact(
            caller_of(context), convention_id, fact_in(request.fact), request.reason, request.etag
        )
        return pb.RecordFactResponse(convention=_convention(view), fact_id=str(fact_id))

    async def AnnulFact(self, request: pb.AnnulFactRequest, context: Context) -> pb.AnnulFactResponse:
        """Voids a fact that was recorded by mistake."""
        view = await self._service.annul(
            caller_of(context),
            parse_uuid("convention_id", request.convention_id),
            parse_uuid("fact_id", request.fact_id),
            request.reason,
            request.etag,
        )
        return pb.AnnulFactResponse(convention=_convention(view))

    async def RecordCnilDeclaration(
        self, request: pb.RecordCnilDeclarationRequest, context: Context
    ) -> pb.RecordCnilDeclarationResponse:
        """Records that the CNIL declaration was transmitted (art. 9-1)."""
        view, _ = await self._service.record_fact(
            caller_of(context),
            parse_uuid("convention_id", request.convention_id),
            CnilDeclaration(day_in(request, "cnil_declaration_date")),
            request.reason,
            request.etag,
        )
        return pb.RecordCnilDeclarationResponse(convention=_convention(view))

    async def GetConvention(
        self, request: pb.GetConventionRequest, context: Context
    ) -> pb.GetConventionResponse:
        """Shows a convention as it stands today."""
        convention_id = parse_uuid("convention_id", request.convention_id)
        view = await self._service.get(caller_of(context), convention_id)
        return pb.GetConventionResponse(convention=_convention(view))

    async def ListConventions(
        self, request: pb.ListConventionsRequest, context: Context
    ) -> pb.ListConventionsResponse:
        """A page of conventions."""
        page = await self._service.list_page(
            caller_of(context),
            request.caisse_code,
            optional_uuid("partner_id", request.partner_id),
            request.page_size,
            request.page_token,
        )
        return pb.ListConventionsResponse(
            conventions=map(_convention, page.records), next_page_token=page.next_page_token
        )

    async def EndConvention(
        self, request: pb.EndConventionRequest, context: Context
    ) -> pb.EndConventionResponse:
        """Records the end on which both parties agreed."""
        view = await self._service.end(
            caller_of(context),
            parse_uuid("convention_id", request.convention_id),
            day_in(request, "end_date"),
            request.end_reason,
            request.etag,
        )
        return pb.EndConventionResponse(convention=_convention(view))


def _convention(view: ConventionView) -> pb.Convention:
    convention = view.convention
    return pb.Convention(
        convention_id=str(convention.convention_id),
        partner_id=str(convention.partner_id),
        caisse_code=convention.caisse_code,
        signature_date=to_date(convention.signature_date),
        cnil_declaration_date=to_date(convention.cnil_declaration_date),
        end_date=to_date(convention.end_date),
        state=pb.ConventionState.Value(f"CONVENTION_STATE_{view.state}"),
        term_date=to_date(view.term_date),
        etag=etag_of(view.version),
        facts=map(fact_message, view.facts),
        timeline=map(_entry, view.timeline),
        last_denunciation_date=to_date(view.last_denunciation_date),
        attestation_due=view.attestation_due,
        missing_undertakings=map(_provider, view.missing_undertakings),
        secrecy_end_date=to_date(convention.secrecy_end_date),
    )


def _entry(entry: TimelineEntry) -> pb.TimelineEntry:
    return pb.TimelineEntry(
        day=to_date(entry.day),
        event=pb.TimelineEvent.Value(f"TIMELINE_EVENT_{entry.event}"),
        tense=pb.TimelineTense.Value(f"TIMELINE_TENSE_{entry.tense}"),
        party=party_message(entry.party),
    )


def _provider(provider: Provider) -> pb.Provider:
    return pb.Provider(
        provider_id=str(provider.provider_id),
        provider_name=provider.provider_name,
        since_date=to_date(provider.since_date),
    )
