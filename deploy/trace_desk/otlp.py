"""From OTLP messages to spans. What a sender may say is bounded here, so that no span is huge."""

import json
import math
from base64 import b64encode
from collections.abc import Iterable
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from deploy.trace_desk.trace import Attributes, AttributeValue, Event, Link, Span

UNKNOWN_SERVICE = "unknown_service"

MAXIMUM_VALUE_CHARACTERS = 4_096
MAXIMUM_NAME_CHARACTERS = 256
MAXIMUM_ATTRIBUTES = 128
MAXIMUM_EVENTS = 128
MAXIMUM_LINKS = 512

_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")


class Received(NamedTuple):
    """The spans of one request, and how many more could not be read."""

    spans: list[Span]
    malformed: int


def read_spans(request: trace_service_pb2.ExportTraceServiceRequest) -> Received:
    """The spans of `request`; one without a valid id or a start is counted and left out."""
    spans: list[Span] = []
    malformed = 0
    for group in request.resource_spans:
        resource = _attributes(group.resource.attributes)
        service = cut(str(resource.get("service.name", "")), MAXIMUM_NAME_CHARACTERS) or UNKNOWN_SERVICE
        for scope in group.scope_spans:
            for message in scope.spans:
                if _is_readable(message):
                    spans.append(_span(message, service, resource))
                else:
                    malformed += 1
    return Received(spans, malformed)


def cut(text: str, maximum_characters: int) -> str:
    """`text`, or its beginning and a remark on how long it was."""
    if len(text) <= maximum_characters:
        return text
    return f"{text[:maximum_characters]}… (cut; {len(text):,} characters in all)"


def _is_readable(message: trace_pb2.Span) -> bool:
    return (
        _is_id(message.trace_id, _TRACE_ID_BYTES)
        and _is_id(message.span_id, _SPAN_ID_BYTES)
        and message.start_time_unix_nano > 0
    )


def _is_id(value: bytes, length_bytes: int) -> bool:
    return len(value) == length_bytes and any(value)


def _span(message: trace_pb2.Span, service: str, resource: Attributes) -> Span:
    return Span(
        trace_id=message.trace_id.hex(),
        span_id=message.span_id.hex(),
        parent_span_id=_parent(message),
        service=service,
        name=cut(message.name, MAXIMUM_NAME_CHARACTERS) or "(no name)",
        kind=_named(_KINDS, message.kind),
        start_time_unix_nano=message.start_time_unix_nano,
        end_time_unix_nano=message.end_time_unix_nano,
        status=_named(_STATUSES, message.status.code),
        status_message=cut(message.status.message, MAXIMUM_VALUE_CHARACTERS),
        attributes=_attributes(message.attributes),
        events=tuple(_event(event) for event in message.events[:MAXIMUM_EVENTS]),
        links=tuple(_link(link) for link in message.links[:MAXIMUM_LINKS]),
        resource=resource,
    )


def _parent(message: trace_pb2.Span) -> str:
    """A parent that cannot be, or is the span itself, is none."""
    parent = message.parent_span_id
    return parent.hex() if _is_id(parent, _SPAN_ID_BYTES) and parent != message.span_id else ""


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else names[0]


def _event(message: trace_pb2.Span.Event) -> Event:
    name = cut(message.name, MAXIMUM_NAME_CHARACTERS)
    return Event(name, message.time_unix_nano, _attributes(message.attributes))


def _link(message: trace_pb2.Span.Link) -> Link:
    return Link(
        message.trace_id[:_TRACE_ID_BYTES].hex(),
        message.span_id[:_SPAN_ID_BYTES].hex(),
        _attributes(message.attributes),
    )


def _attributes(items: Iterable[common_pb2.KeyValue]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    for item in items:
        if len(attributes) == MAXIMUM_ATTRIBUTES:
            break
        attributes[cut(item.key, MAXIMUM_NAME_CHARACTERS)] = _scalar(item.value)
    return attributes


def _scalar(value: common_pb2.AnyValue) -> AttributeValue:
    """Text, numbers and truth values as they are; lists and maps as JSON text."""
    plain = _plain(value)
    if isinstance(plain, bool | int | float):
        return plain
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return cut(text, MAXIMUM_VALUE_CHARACTERS)


def _plain(value: common_pb2.AnyValue) -> Any:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return value.int_value
        case "bool_value":
            return value.bool_value
        case "double_value":  # JSON has no name for what is not finite
            number = value.double_value
            return number if math.isfinite(number) else str(number)
        case "bytes_value":
            return b64encode(value.bytes_value).decode()
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {item.key: _plain(item.value) for item in value.kvlist_value.values}
    return ""
