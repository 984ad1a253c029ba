"""`msa.identity.v1.SecurityEventService`: protobuf in, protobuf out."""

from uuid import UUID

from msa.identity.v1 import security_event_service_pb2 as pb
from msa.identity.v1.security_event_service_pb2_grpc import SecurityEventServiceServicer
from services.identity.events.domain import SecurityEvent
from services.identity.events.service import SecurityEvents
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_timestamp


class SecurityEventHandler(SecurityEventServiceServicer):
    """The record of security events."""

    def __init__(self, events: SecurityEvents) -> None:
        self._events = events

    async def ListSecurityEvents(
        self, request: pb.ListSecurityEventsRequest, context: object
    ) -> pb.ListSecurityEventsResponse:
        """A page of events, newest first."""
        page = await self._events.page(
            parse_uuid("account_id", request.account_id) if request.account_id else None,
            request.page_size,
            request.page_token,
        )
        return pb.ListSecurityEventsResponse(
            events=[_event(event) for event in page.records], next_page_token=page.next_page_token
        )


def _event(event: SecurityEvent) -> pb.SecurityEvent:
    return pb.SecurityEvent(
        event_id=str(event.event_id),
        event_time=to_timestamp(event.event_time),
        kind=pb.SecurityEventKind.Value(f"SECURITY_EVENT_KIND_{event.kind}"),
        account_id=_text(event.account_id),
        session_id=_text(event.session_id),
        network_prefix=event.network_prefix,
        device_id=_text(event.device_id),
        trace_id=event.trace_id,
        scope=event.scope,
    )


def _text(identifier: UUID | None) -> str:
    return "" if identifier is None else str(identifier)
