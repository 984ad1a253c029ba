"""msa.partners.v1.DeadlineService ↔ the use cases."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from msa.partners.v1 import deadline_service_pb2 as pb
from msa.partners.v1 import deadline_service_pb2_grpc as rpc
from services.partners.deadlines.service import DeadlineService
from services.partners.deadlines.translation import deadline_message
from services.partners.messages import caller_of

if TYPE_CHECKING:  # generic in its stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

# Written in one go; after them, others have their turn.
_AT_ONCE = 500


class DeadlineHandler(rpc.DeadlineServiceServicer):
    """DeadlineService."""

    def __init__(self, service: DeadlineService) -> None:
        self._service = service

    async def ListDeadlines(
        self, request: pb.ListDeadlinesRequest, context: Context
    ) -> pb.ListDeadlinesResponse:
        """What is overdue, and what falls due."""
        listed = await self._service.list(caller_of(context), request.caisse_code, request.horizon_days)
        response = pb.ListDeadlinesResponse()
        for start in range(0, len(listed.deadlines), _AT_ONCE):
            page = listed.deadlines[start : start + _AT_ONCE]
            response.deadlines.extend(deadline_message(deadline, listed.today) for deadline in page)
            await asyncio.sleep(0)
        return response

    async def GetDeadlineCalendar(
        self, request: pb.GetDeadlineCalendarRequest, context: Context
    ) -> pb.GetDeadlineCalendarResponse:
        """The same as an iCalendar file."""
        calendar = await self._service.calendar(caller_of(context), request.caisse_code, request.horizon_days)
        return pb.GetDeadlineCalendarResponse(calendar=calendar)
