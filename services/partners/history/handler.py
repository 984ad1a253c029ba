"""msa.partners.v1.HistoryService ↔ the use cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from msa.partners.v1 import history_service_pb2 as pb
from msa.partners.v1 import history_service_pb2_grpc as rpc
from services.kit.messages import to_timestamp
from services.partners.history.domain import Event, changes
from services.partners.history.service import HistoryService
from services.partners.messages import caller_of, optional_uuid

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class HistoryHandler(rpc.HistoryServiceServicer):
    """HistoryService."""

    def __init__(self, service: HistoryService) -> None:
        self._service = service

    async def ListEvents(self, request: pb.ListEventsRequest, context: Context) -> pb.ListEventsResponse:
        """A page of events, newest first."""
        subject_id = optional_uuid("subject_id", request.subject_id)
        page = await self._service.list_page(
            caller_of(context), request.caisse_code, subject_id, request.page_size, request.page_token
        )
        return pb.ListEventsResponse(events=map(_event, page.records), next_page_token=page.next_page_token)


def _event(event: Event) -> pb.Event:
    return pb.Event(
        event_id=str(event.event_id),
        event_time=to_timestamp(event.event_time),
        caisse_code=event.caisse_code,
        subject_kind=event.subject_kind,
        subject_id=str(event.subject_id),
        kind=event.kind,
        agent_id="" if event.agent_id is None else str(event.agent_id),
        client_name=event.client_name,
        reason=event.reason,
        changes=[
            pb.Change(field=change.field, before=change.before, after=change.after)
            for change in changes(event)
        ],
        trace_id=event.trace_id,
    )
