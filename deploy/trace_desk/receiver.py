"""OTLP over gRPC: `opentelemetry.proto.collector.trace.v1.TraceService`."""

from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import structlog
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from deploy.trace_desk.otlp import read_spans
from deploy.trace_desk.store import TraceStore

if TYPE_CHECKING:  # generic in their stubs only
    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

_log = structlog.get_logger()


class TraceReceiver(trace_service_pb2_grpc.TraceServiceServicer):
    """Puts what is exported into the store; tells the sender how many spans it could not take."""

    def __init__(self, store: TraceStore) -> None:
        self._store = store

    async def Export(  # noqa: N802 - the name that the protocol gives it
        self,
        request: trace_service_pb2.ExportTraceServiceRequest,
        context: "Context",
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        """Answers OK in any case: a sender must not repeat what will be refused again."""
        received = read_spans(request)
        overflow = [self._store.add(span) for span in received.spans].count(False)
        if not received.malformed and not overflow:
            return trace_service_pb2.ExportTraceServiceResponse()
        _log.warning("spans_rejected", malformed=received.malformed, overflow=overflow)
        return trace_service_pb2.ExportTraceServiceResponse(
            partial_success=trace_service_pb2.ExportTracePartialSuccess(
                rejected_spans=received.malformed + overflow,
                error_message=(
                    f"{received.malformed} without a valid trace id, span id or start;"
                    f" {overflow} of traces that already have {self._store.maximum_spans_per_trace} spans"
                ),
            )
        )
