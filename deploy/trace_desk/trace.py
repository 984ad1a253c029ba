"""Spans, and what a trace of them says as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

AttributeValue = str | int | float | bool
Attributes = Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened during a span."""

    name: str
    time_unix_nano: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Link:
    """Another span, usually of another trace, that belongs to the same work."""

    trace_id: str
    span_id: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Span:
    """One piece of work of one service. Ids are lower-case hex; a root's `parent_span_id` is empty."""

    trace_id: str
    span_id: str
    parent_span_id: str
    service: str
    name: str
    kind: str
    start_time_unix_nano: int
    end_time_unix_nano: int
    status: str
    status_message: str
    attributes: Attributes
    events: tuple[Event, ...]
    links: tuple[Link, ...]
    resource: Attributes

    @property
    def duration_nano(self) -> int:
        """How long it took; 0 where a clock was set back meanwhile."""
        return max(0, self.end_time_unix_nano - self.start_time_unix_nano)

    @property
    def is_error(self) -> bool:
        """Whether its status says that it failed."""
        return self.status == "error"


@dataclass(frozen=True)
class Trace:
    """The spans of one trace that have arrived so far, by start. There is always at least one.

    `dropped_spans` counts those that came after the trace was full.
    """

    trace_id: str
    spans: tuple[Span, ...]
    dropped_spans: int = 0

    @property
    def start_time_unix_nano(self) -> int:
        """When its first span began."""
        return self.spans[0].start_time_unix_nano

    @cached_property
    def duration_nano(self) -> int:
        """From the first beginning to the last end, whatever span they belong to."""
        last = max(span.start_time_unix_nano + span.duration_nano for span in self.spans)
        return last - self.start_time_unix_nano

    @cached_property
    def root(self) -> Span | None:
        """The first span without a parent; None while it has not arrived."""
        return next((span for span in self.spans if not span.parent_span_id), None)

    @property
    def entry(self) -> Span:
        """The span that names the trace: its root, or the earliest one while the root is missing."""
        return self.root or self.spans[0]

    @cached_property
    def error_count(self) -> int:
        """How many of its spans failed."""
        return sum(span.is_error for span in self.spans)

    @cached_property
    def services(self) -> tuple[str, ...]:
        """The services that took part, in the order in which they joined."""
        return tuple(dict.fromkeys(span.service for span in self.spans))

    @cached_property
    def lower_case_names(self) -> frozenset[str]:
        """The names of its spans, to search in."""
        return frozenset(span.name.lower() for span in self.spans)
