import json

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1 import trace_pb2

from deploy.trace_desk.otlp import (
    MAXIMUM_ATTRIBUTES,
    MAXIMUM_VALUE_CHARACTERS,
    UNKNOWN_SERVICE,
    read_spans,
)
from deploy.trace_desk.receiver import TraceReceiver
from deploy.trace_desk.trace import AttributeValue
from tests.unit.trace_desk.messages import export_request, message, new_store, span_id, trace_id


def changed(**fields: object) -> trace_pb2.Span:
    changed_message = message(1)
    changed_message.MergeFrom(trace_pb2.Span(**fields))  # type: ignore[arg-type]  # fields of any type
    return changed_message


@pytest.mark.parametrize(
    "wrong",
    [
        {"trace_id": b"short"},
        {"trace_id": bytes(16)},
        {"trace_id": b"\x01" * 17},
        {"span_id": b"\x01" * 7},
        {"span_id": bytes(8)},
        {"start_time_unix_nano": 0},
    ],
)
def test_a_malformed_span_is_counted_and_the_good_ones_are_kept(wrong: dict[str, object]) -> None:
    bad = message(1)
    for field, value in wrong.items():
        setattr(bad, field, value)
    received = read_spans(export_request([bad, message(2)]))
    assert [item.span_id for item in received.spans] == [span_id(2)]
    assert received.malformed == 1


@pytest.mark.parametrize("parent", [b"", b"\x01", bytes(8), (1).to_bytes(8, "big")])
def test_a_parent_that_cannot_be_is_none(parent: bytes) -> None:
    odd = message(1)
    odd.parent_span_id = parent
    assert read_spans(export_request([odd])).spans[0].parent_span_id == ""


def test_an_end_before_the_start_lasts_no_time() -> None:
    skewed = message(1)
    skewed.end_time_unix_nano = 5
    assert read_spans(export_request([skewed])).spans[0].duration_nano == 0


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (AnyValue(string_value="Brûlé 🌾 \u202e"), "Brûlé 🌾 \u202e"),
        (AnyValue(bool_value=False), False),
        (AnyValue(int_value=-(2**63)), -(2**63)),
        (AnyValue(double_value=0.5), 0.5),
        (AnyValue(double_value=float("nan")), "nan"),
        (AnyValue(bytes_value=b"\xff\x00"), "/wA="),
        (AnyValue(), ""),
        (
            AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue(string_value="é")])),
            '[1, "é"]',
        ),
        (
            AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="a", value=AnyValue(bool_value=True))])),
            '{"a": true}',
        ),
    ],
)
def test_an_attribute_of_any_type_is_read(value: AnyValue, read: AttributeValue) -> None:
    attributes = (
        read_spans(export_request([changed(attributes=[KeyValue(key="k", value=value)])])).spans[0].attributes
    )
    assert attributes == {"k": read}
    assert json.dumps(attributes, allow_nan=False)


def test_a_huge_attribute_is_cut_and_says_so() -> None:
    text = str(
        read_spans(export_request([message(1, attributes={"huge": "x" * 1_000_000})]))
        .spans[0]
        .attributes["huge"]
    )
    assert text == "x" * MAXIMUM_VALUE_CHARACTERS + "… (cut; 1,000,000 characters in all)"


def test_attributes_are_bounded_in_number() -> None:
    many = changed(attributes=[KeyValue(key=f"k{number}") for number in range(1000)])
    assert len(read_spans(export_request([many])).spans[0].attributes) == MAXIMUM_ATTRIBUTES


def test_kind_and_status_that_nobody_knows_are_read_as_unspecified() -> None:
    odd = message(1)
    odd.kind = 99  # type: ignore[assignment]  # what a later protocol may say
    odd.status.code = 77  # type: ignore[assignment]  # the same
    read = read_spans(export_request([odd])).spans[0]
    assert (read.kind, read.status) == ("unspecified", "unset")


def test_a_service_without_a_name_is_unknown() -> None:
    assert read_spans(export_request([message(1)], service="")).spans[0].service == UNKNOWN_SERVICE


def test_links_and_events_are_read() -> None:
    told = changed(
        links=[trace_pb2.Span.Link(trace_id=(7).to_bytes(16, "big"), span_id=(8).to_bytes(8, "big"))],
        events=[trace_pb2.Span.Event(name="retried", time_unix_nano=9)],
    )
    read = read_spans(export_request([told])).spans[0]
    assert (read.links[0].trace_id, read.links[0].span_id) == (trace_id(7), span_id(8))
    assert (read.events[0].name, read.events[0].time_unix_nano) == ("retried", 9)


async def test_the_sender_is_told_how_many_spans_were_refused() -> None:
    bad = message(9)
    bad.trace_id = b""
    receiver = TraceReceiver(new_store(maximum_spans_per_trace=1))
    request = export_request([message(1), message(2), bad])
    reply = await receiver.Export(request, None)  # type: ignore[arg-type]  # not looked at
    assert reply.partial_success.rejected_spans == 2
    assert "1 without a valid trace id" in reply.partial_success.error_message


async def test_an_empty_request_is_fine() -> None:
    store = new_store()
    reply = await TraceReceiver(store).Export(ExportTraceServiceRequest(), None)  # type: ignore[arg-type]  # not looked at
    assert not reply.HasField("partial_success")
    assert len(store) == 0
