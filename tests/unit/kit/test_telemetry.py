import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from services.kit import telemetry
from services.kit.config import TelemetrySettings

SECRET = "269054958815780"
TRACE_IDS = [f"{number:032x}" for number in range(1, 6)]


def traceparent(trace_id: str, *, sampled: bool = True) -> str:
    return f"00-{trace_id}-00000000000000aa-{'01' if sampled else '00'}"


def trace_id(span: ReadableSpan) -> str:
    context = span.get_span_context()
    assert context is not None
    return f"{context.trace_id:032x}"


def by_trace(spans: InMemorySpanExporter) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for span in spans.get_finished_spans():
        found.setdefault(trace_id(span), []).append(span.name)
    return found


def only(spans: InMemorySpanExporter) -> ReadableSpan:
    (span,) = spans.get_finished_spans()
    return span


def test_what_is_not_registered_is_dropped_before_export(spans: InMemorySpanExporter) -> None:
    with telemetry.span("outside"):
        pass
    with telemetry.server_span("call", [], {"rpc.method": "Disclose", "nir": SECRET}):
        telemetry.annotate("qf.outcome", "available")
        telemetry.annotate("db.statement", SECRET)
        trace_span = telemetry._scope.get()[0]
        trace_span.add_event("event", {"nir": SECRET})
    span = only(spans)
    assert dict(span.attributes or {}) == {"rpc.method": "Disclose", "qf.outcome": "available"}
    assert SECRET not in span.to_json()
    assert not span.events


def test_an_error_is_told_by_its_class_without_its_text(spans: InMemorySpanExporter) -> None:
    with pytest.raises(LookupError), telemetry.server_span("call", [], {}):
        raise LookupError(SECRET)
    span = only(spans)
    assert span.status.status_code is StatusCode.ERROR
    assert dict(span.attributes or {}) == {"error.type": "LookupError"}
    assert SECRET not in span.to_json()


def test_the_first_cause_of_a_failure_stays(spans: InMemorySpanExporter) -> None:
    def refuse() -> None:
        telemetry.fail("RECORD_NOT_FOUND")
        raise LookupError

    with pytest.raises(LookupError), telemetry.server_span("call", [], {}):
        refuse()
    assert dict(only(spans).attributes or {}) == {"error.type": "RECORD_NOT_FOUND"}


def test_a_status_text_does_not_leave(spans: InMemorySpanExporter) -> None:
    with telemetry.server_span("call", [], {}):
        telemetry._scope.get()[0].set_status(trace.Status(StatusCode.ERROR, SECRET))
    assert SECRET not in only(spans).to_json()


def test_a_batch_makes_one_span_in_the_trace_of_each_item(spans: InMemorySpanExporter) -> None:
    headers = [traceparent(one) for one in TRACE_IDS]
    with telemetry.server_span("batch", headers, {"qf.batch.size": 5}), telemetry.span("postgresql disclose"):
        pass
    assert by_trace(spans) == {one: ["postgresql disclose", "batch"] for one in TRACE_IDS}


def test_spans_that_share_a_batch_are_linked_to_the_first(spans: InMemorySpanExporter) -> None:
    with telemetry.server_span("batch", [traceparent(one) for one in TRACE_IDS], {}):
        pass
    first, *others = spans.get_finished_spans()
    assert first.links == ()
    for span in others:
        assert [f"{link.context.trace_id:032x}" for link in span.links] == TRACE_IDS[:1]


def test_a_lone_call_is_the_child_of_its_caller(spans: InMemorySpanExporter) -> None:
    with telemetry.server_span("call", [traceparent(TRACE_IDS[0])], {}):
        pass
    span = only(spans)
    assert span.parent is not None
    assert (span.parent.span_id, span.kind, list(span.links)) == (0xAA, SpanKind.SERVER, [])


def test_a_call_without_a_trace_begins_one(spans: InMemorySpanExporter) -> None:
    with telemetry.server_span("call", ["", "nonsense"], {}):
        inside = telemetry.current_traceparent()
    span = only(spans)
    assert span.parent is None
    assert telemetry.trace_id_of(inside) == trace_id(span)


def test_what_the_caller_did_not_sample_is_not_recorded(spans: InMemorySpanExporter) -> None:
    headers = [traceparent(TRACE_IDS[0]), traceparent(TRACE_IDS[1], sampled=False)]
    with telemetry.server_span("batch", headers, {}), telemetry.span("inner"):
        pass
    assert by_trace(spans) == {TRACE_IDS[0]: ["inner", "batch"]}


def test_outside_any_call_nothing_is_recorded(spans: InMemorySpanExporter) -> None:
    with telemetry.span("postgresql require_schema"):
        assert telemetry.current_traceparent() == ""
    assert not spans.get_finished_spans()


def test_a_scope_ends_with_its_block(spans: InMemorySpanExporter) -> None:
    with telemetry.server_span("call", [traceparent(TRACE_IDS[0])], {}):
        outer = telemetry.current_traceparent()
        with telemetry.span("inner"):
            assert telemetry.current_traceparent() != outer
        assert telemetry.current_traceparent() == outer
    assert telemetry.current_traceparent() == ""
    assert len(spans.get_finished_spans()) == 2


async def test_the_span_of_a_stream_that_is_closed_elsewhere_ends(spans: InMemorySpanExporter) -> None:
    """Where its caller goes away, a stream is closed by another task than the one that served it."""

    async def stream() -> AsyncGenerator[int]:
        with telemetry.server_span("stream", [], {}):
            yield 1

    opened = stream()
    assert await asyncio.create_task(_first(opened)) == 1
    await opened.aclose()
    assert only(spans).name == "stream"
    assert dict(only(spans).attributes or {}) == {"error.type": "GeneratorExit"}


async def _first(stream: AsyncGenerator[int]) -> int:
    return await anext(stream)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"00-{'0' * 32}-00000000000000aa-01",
        f"00-{TRACE_IDS[0]}-0000000000000000-01",
        f"01-{TRACE_IDS[0]}-00000000000000aa-01",
        f"00-{TRACE_IDS[0].replace('1', 'G')}-00000000000000aa-01",
        f"00-{TRACE_IDS[0]}-00000000000000aa-01-more",
        f" 00-{TRACE_IDS[0]}-00000000000000aa-01",
        f"00-{TRACE_IDS[0]}-00000000000000aa-01\n",
    ],
)
def test_a_malformed_traceparent_is_none(header: str) -> None:
    assert telemetry.parse_traceparent(header) is None


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255))
def test_a_traceparent_is_read(trace_id: int, span_id: int, flags: int) -> None:
    context = telemetry.parse_traceparent(f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    assert context is not None
    assert (context.trace_id, context.span_id, context.is_remote) == (trace_id, span_id, True)
    assert context.trace_flags.sampled == bool(flags & 1)


@given(st.text())
def test_no_header_raises(header: str) -> None:
    assert telemetry.parse_traceparent(header) is None or telemetry.trace_id_of(header)


def test_without_an_endpoint_nothing_is_exported() -> None:
    assert TelemetrySettings().otlp_endpoint == ""


def test_no_registered_attribute_names_what_is_confidential() -> None:
    forbidden = ("nir", "login", "password", "token", "amount", "statement", "url", "message")
    assert not [key for key in telemetry.SPAN_ATTRIBUTES if any(word in key.split(".") for word in forbidden)]
