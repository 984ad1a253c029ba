"""Traces as JSON, for scripts and tests."""

from collections.abc import Mapping
from typing import Any

from deploy.trace_desk.trace import Span, Trace


def trace_line(trace: Trace) -> dict[str, Any]:
    """What the list says of a trace."""
    return {
        "trace_id": trace.trace_id,
        "root_name": trace.entry.name,
        "root_service": trace.entry.service,
        "root_missing": trace.root is None,
        "start_time_unix_nano": trace.start_time_unix_nano,
        "duration_ms": trace.duration_nano / 1e6,
        "span_count": len(trace.spans),
        "dropped_spans": trace.dropped_spans,
        "error_count": trace.error_count,
        "services": list(trace.services),
    }


def whole_trace(trace: Trace) -> dict[str, Any]:
    """All of a trace; its spans are a flat list by start."""
    return {**trace_line(trace), "spans": [_span(span) for span in trace.spans]}


def _span(span: Span) -> Mapping[str, Any]:
    return {
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "service": span.service,
        "name": span.name,
        "kind": span.kind,
        "start_time_unix_nano": span.start_time_unix_nano,
        "duration_ms": span.duration_nano / 1e6,
        "status": span.status,
        "status_message": span.status_message,
        "attributes": span.attributes,
        "events": [
            {"name": event.name, "time_unix_nano": event.time_unix_nano, "attributes": event.attributes}
            for event in span.events
        ],
        "links": [
            {"trace_id": link.trace_id, "span_id": link.span_id, "attributes": link.attributes}
            for link in span.links
        ],
        "resource": span.resource,
    }
