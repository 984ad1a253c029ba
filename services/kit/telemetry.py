"""Traces (W3C trace context, OTLP): spans whose attributes come from one registry.

Hot calls are batches, and one batch serves several traces. So the present scope is a tuple of spans, one for
each trace; a span opened within it is opened in every one of them. A lone call is the tuple of one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
)
from opentelemetry.trace.propagation import set_span_in_context

from services.kit.config import TelemetrySettings

AttributeValue = str | int | float | bool

# The registry: what a span may say. Anything else is dropped before export (N5).
SPAN_ATTRIBUTES: Mapping[str, str] = {
    "rpc.system": "always grpc",
    "rpc.service": "full name of the service",
    "rpc.method": "name of the method",
    "rpc.grpc.status_code": "numeric status",
    "server.address": "name of the service that is called, never a host with credentials",
    "db.system.name": "postgresql or redis",
    "db.namespace": "database",
    "db.operation.name": "name of the use case's statement, never its text or parameters",
    "error.type": "class of the error or its reason, never its text",
    "qf.batch.size": "items in the batch that this span's item travelled in",
    "qf.outcome": "outcome of a consultation, without its subject",
    "qf.query.count": "consultations that one call asks for",
    "qf.publication.records": "records in a chunk of a publication",
}

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = 0x01

_scope: ContextVar[tuple[Span, ...]] = ContextVar("scope", default=())
_tracer = trace.get_tracer("msa.qf")


def configure(service: str, settings: TelemetrySettings) -> TracerProvider:
    """Starts export for this process; shut the provider down to flush."""
    provider = TracerProvider(
        resource=Resource.create({"service.name": service}),
        sampler=ParentBased(TraceIdRatioBased(settings.sample_ratio)),
    )
    if settings.otlp_endpoint:
        # Half of this module's import time, which a process that exports nothing is spared.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415  # see above
            OTLPSpanExporter,
        )

        insecure = settings.otlp_endpoint.startswith("http://")
        exporter = OTLPSpanExporter(endpoint=settings.otlp_endpoint, insecure=insecure, timeout=2)
        provider.add_span_processor(
            BatchSpanProcessor(
                RegistryExporter(exporter),
                schedule_delay_millis=500,
                max_queue_size=16384,
                # Writing a batch holds the interpreter's lock: short ones let calls through between them.
                max_export_batch_size=128,
            )
        )
    trace.set_tracer_provider(provider)
    return provider


class RegistryExporter(SpanExporter):
    """Exports spans with the registry's attributes only: no other key, no event, no status text."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Exports what the registry allows of `spans`."""
        return self._inner.export([_registered_part(span) for span in spans])

    def shutdown(self) -> None:
        """Ends the export."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Sends what is waiting."""
        return self._inner.force_flush(timeout_millis)


def parse_traceparent(header: str) -> SpanContext | None:
    """The remote span that a W3C `traceparent` names, or None where there is none."""
    match = _TRACEPARENT.fullmatch(header)
    if match is None:
        return None
    context = SpanContext(
        trace_id=int(match[1], 16),
        span_id=int(match[2], 16),
        is_remote=True,
        trace_flags=trace.TraceFlags(int(match[3], 16)),
    )
    return context if context.is_valid else None


def current_traceparent() -> str:
    """The W3C `traceparent` of the first span in scope; empty outside any."""
    spans = _scope.get()
    if not spans:
        return ""
    context = spans[0].get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags) & _SAMPLED:02x}"


def trace_id_of(traceparent: str) -> str:
    """The trace id in `traceparent`, 32 hex digits; empty where there is none."""
    match = _TRACEPARENT.fullmatch(traceparent)
    return match[1] if match else ""


@contextmanager
def span(
    name: str,
    attributes: Mapping[str, AttributeValue] | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
) -> Iterator[None]:
    """Opens a span in every trace in scope that is recorded; an error marks it with its class only."""
    parents = [parent for parent in _scope.get() if parent.is_recording()]
    if not parents:
        yield
        return
    with _entered([_start(name, parent, kind, attributes) for parent in parents]):
        yield


@contextmanager
def root_span(name: str) -> Iterator[None]:
    """Begins a trace with something that a person or a schedule started."""
    with _entered([_tracer.start_span(name)]):
        yield


@contextmanager
def server_span(
    name: str, traceparents: Iterable[str], attributes: Mapping[str, AttributeValue]
) -> Iterator[None]:
    """Opens the server's span in the trace of each caller; in a batch each is linked to that of the first.

    Where no caller brings a trace, one begins here.
    """
    remotes = [context for header in traceparents if (context := parse_traceparent(header))]
    parents = [NonRecordingSpan(context) for context in remotes]
    # To the first only: a link to each would make the spans of a batch grow with its square.
    opened = [
        _start(name, parent, SpanKind.SERVER, attributes, [Link(remotes[0])] if position else None)
        for position, parent in enumerate(parents)
    ]
    with _entered(opened or [_tracer.start_span(name, kind=SpanKind.SERVER, attributes=dict(attributes))]):
        yield


def annotate(key: str, value: AttributeValue) -> None:
    """Says something registered about the spans in scope."""
    for opened in _scope.get():
        opened.set_attribute(key, value)


def fail(error_type: str) -> None:
    """Marks the spans in scope as failed, with a class name or a reason and no text; the first cause stays."""
    _fail(_scope.get(), error_type)


def _fail(spans: Iterable[Span], error_type: str) -> None:
    for opened in spans:
        if isinstance(opened, ReadableSpan) and opened.status.status_code is StatusCode.ERROR:
            continue
        opened.set_attribute("error.type", error_type)
        opened.set_status(Status(StatusCode.ERROR))


def _start(
    name: str,
    parent: Span,
    kind: SpanKind,
    attributes: Mapping[str, AttributeValue] | None,
    links: Sequence[Link] | None = None,
) -> Span:
    return _tracer.start_span(
        name,
        context=set_span_in_context(parent),
        kind=kind,
        attributes=dict(attributes or {}),
        links=links,
    )


@contextmanager
def _entered(spans: Sequence[Span]) -> Iterator[None]:
    token = _scope.set(tuple(spans))
    try:
        yield
    except BaseException as error:
        _fail(spans, type(error).__name__)
        raise
    finally:
        for opened in spans:
            opened.end()
        # A stream whose caller went away is closed in another context, where nothing was put in scope.
        with suppress(ValueError):
            _scope.reset(token)


def _registered_part(full: ReadableSpan) -> ReadableSpan:
    if _says_only_what_is_registered(full):
        return full
    return ReadableSpan(
        name=full.name,
        context=full.context,
        parent=full.parent,
        resource=full.resource,
        attributes={key: value for key, value in (full.attributes or {}).items() if key in SPAN_ATTRIBUTES},
        links=[Link(link.context) for link in full.links],
        kind=full.kind,
        status=Status(full.status.status_code),
        start_time=full.start_time,
        end_time=full.end_time,
        instrumentation_scope=full.instrumentation_scope,
    )


def _says_only_what_is_registered(span: ReadableSpan) -> bool:
    has_text = span.events or span.status.description or any(link.attributes for link in span.links)
    return not has_text and SPAN_ATTRIBUTES.keys() >= (span.attributes or {}).keys()
