"""Where each span of a trace is drawn: rows from top to bottom, time from left to right in per cent."""

from dataclasses import dataclass
from typing import Literal

from deploy.trace_desk.trace import Span, Trace
from deploy.trace_desk.tree import Node, in_reading_order
from deploy.trace_desk.wording import round_duration_text

DEEPEST_LEVEL = 12
MAXIMUM_TICK_INTERVALS = 6
MINIMUM_WIDTH_PERCENT = 0.3  # so that the shortest span can be seen

# A caption takes about a fifth of a narrow screen.
_CAPTION_PERCENT = 20

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class Bar:
    """A bar and the place of its caption, `x` and `width` in per cent of the trace."""

    x: float
    width: float
    caption_x: float
    caption_anchor: Anchor
    caption_inside: bool


@dataclass(frozen=True)
class Row:
    """One span's row. `level` is the depth as far as rows are indented."""

    span: Span
    depth: int
    level: int
    offset_nano: int
    is_orphan: bool
    starts_before_parent: bool
    bar: Bar


@dataclass(frozen=True)
class Tick:
    """A mark of the time axis."""

    x: float
    text: str
    anchor: Anchor


@dataclass(frozen=True)
class Waterfall:
    """The drawing of a trace."""

    rows: list[Row]
    ticks: list[Tick]


def waterfall(trace: Trace) -> Waterfall:
    """Lays a trace out; its beginning is at 0, its end at 100 per cent."""
    return Waterfall(
        rows=[_row(node, trace) for node in in_reading_order(trace.spans)],
        ticks=ticks(trace.duration_nano),
    )


def ticks(duration_nano: int) -> list[Tick]:
    """Round times (1, 2 or 5 of a power of ten) in at most six intervals, from 0."""
    step = 1
    factors = (2, 2.5, 2)
    turn = 0
    while duration_nano / step > MAXIMUM_TICK_INTERVALS:
        step = int(step * factors[turn % 3])
        turn += 1
    times = range(0, duration_nano + 1, step)
    return [_tick(time, 100 * time / max(duration_nano, 1)) for time in times]


def _tick(time_nano: int, x: float) -> Tick:
    if time_nano == 0:
        return Tick(0, "0", "start")
    return Tick(round(x, 3), round_duration_text(time_nano), "end" if x > 95 else "middle")


def _row(node: Node, trace: Trace) -> Row:
    span = node.span
    offset = span.start_time_unix_nano - trace.start_time_unix_nano
    parent = node.parent
    return Row(
        span=span,
        depth=node.depth,
        level=min(node.depth, DEEPEST_LEVEL),
        offset_nano=offset,
        is_orphan=node.is_orphan,
        starts_before_parent=parent is not None and span.start_time_unix_nano < parent.start_time_unix_nano,
        bar=_bar(offset, span.duration_nano, max(trace.duration_nano, 1)),
    )


def _bar(offset_nano: int, duration_nano: int, total_nano: int) -> Bar:
    width = max(100 * duration_nano / total_nano, MINIMUM_WIDTH_PERCENT)
    x = min(100 * offset_nano / total_nano, 100 - width)
    end = x + width
    if end <= 100 - _CAPTION_PERCENT:
        return _placed(x, width, end, "start")
    if x >= _CAPTION_PERCENT:
        return _placed(x, width, x, "end")
    return _placed(x, width, end, "end", inside=True)


def _placed(x: float, width: float, caption_x: float, anchor: Anchor, *, inside: bool = False) -> Bar:
    return Bar(round(x, 3), round(width, 3), round(caption_x, 3), anchor, inside)
