"""The traces that are kept: in memory, bounded, gone when the process ends."""

from dataclasses import dataclass, field

from deploy.trace_desk.trace import Span, Trace


@dataclass
class _Entry:
    spans: dict[str, Span] = field(default_factory=dict)
    dropped_spans: int = 0
    trace: Trace | None = None  # built when it is read, until the next span


class TraceStore:
    """Collects spans into traces, in whatever order and however often they arrive."""

    def __init__(self, *, maximum_traces: int, maximum_spans: int, maximum_spans_per_trace: int) -> None:
        self.maximum_traces = maximum_traces
        self.maximum_spans = maximum_spans
        self.maximum_spans_per_trace = maximum_spans_per_trace
        self._entries: dict[str, _Entry] = {}  # the one that grew last is last
        self._span_count = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def span_count(self) -> int:
        """How many spans are kept, in all traces."""
        return self._span_count

    def add(self, span: Span) -> bool:
        """Keeps `span`, unless it is known already; returns False when its trace is full.

        Room is made by evicting the trace that grew longest ago.
        """
        entry = self._entries.pop(span.trace_id, None) or _Entry()
        self._entries[span.trace_id] = entry
        if span.span_id in entry.spans:
            return True
        entry.trace = None
        if len(entry.spans) >= self.maximum_spans_per_trace:
            entry.dropped_spans += 1
            return False
        entry.spans[span.span_id] = span
        self._span_count += 1
        self._evict()
        return True

    def trace(self, trace_id: str) -> Trace | None:
        """What has arrived of a trace so far."""
        entry = self._entries.get(trace_id)
        return None if entry is None else _trace(trace_id, entry)

    def newest_first(self) -> list[Trace]:
        """Every trace, the one that began last first."""
        traces = [_trace(trace_id, entry) for trace_id, entry in self._entries.items()]
        return sorted(traces, key=lambda trace: (-trace.start_time_unix_nano, trace.trace_id))

    def services(self) -> tuple[str, ...]:
        """The services that any trace mentions, by name."""
        return tuple(sorted({service for trace in self.newest_first() for service in trace.services}))

    def _evict(self) -> None:
        while len(self._entries) > self.maximum_traces or self._span_count > self.maximum_spans:
            oldest = self._entries.pop(next(iter(self._entries)))
            self._span_count -= len(oldest.spans)


def _trace(trace_id: str, entry: _Entry) -> Trace:
    if entry.trace is None:
        spans = sorted(entry.spans.values(), key=lambda span: (span.start_time_unix_nano, span.name))
        entry.trace = Trace(trace_id, tuple(spans), entry.dropped_spans)
    return entry.trace
