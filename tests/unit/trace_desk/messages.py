"""OTLP messages and spans of invented traces."""

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from deploy.trace_desk.otlp import read_spans
from deploy.trace_desk.store import TraceStore
from deploy.trace_desk.trace import Span

MS = 10**6
# 2026-11-23 19:00:00 UTC
EPOCH = 1_795_460_400 * 10**9


def message(
    span: int,
    *,
    trace: int = 1,
    parent: int = 0,
    name: str = "work",
    start_ms: float = 0,
    duration_ms: float = 1,
    error: bool = False,
    attributes: Mapping[str, str] | None = None,
) -> trace_pb2.Span:
    start = EPOCH + round(start_ms * MS)
    return trace_pb2.Span(
        trace_id=trace.to_bytes(16, "big"),
        span_id=span.to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        name=name,
        kind=trace_pb2.Span.SPAN_KIND_SERVER,
        start_time_unix_nano=start,
        end_time_unix_nano=start + round(duration_ms * MS),
        status=trace_pb2.Status(
            code=trace_pb2.Status.STATUS_CODE_ERROR if error else trace_pb2.Status.STATUS_CODE_UNSET
        ),
        attributes=[
            KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in (attributes or {}).items()
        ],
    )


def export_request(messages: Sequence[trace_pb2.Span], service: str = "gateway") -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest(
        resource_spans=[
            trace_pb2.ResourceSpans(
                resource=Resource(
                    attributes=[KeyValue(key="service.name", value=AnyValue(string_value=service))]
                ),
                scope_spans=[trace_pb2.ScopeSpans(spans=messages)],
            )
        ]
    )


def span(number: int, *, service: str = "gateway", **details: Any) -> Span:
    received = read_spans(export_request([message(number, **details)], service))
    return received.spans[0]


def new_store(**maximums: int) -> TraceStore:
    usual = {"maximum_traces": 10, "maximum_spans": 100, "maximum_spans_per_trace": 20}
    return TraceStore(**{**usual, **maximums})


def trace_id(number: int) -> str:
    return f"{number:032x}"


def span_id(number: int) -> str:
    return f"{number:016x}"
