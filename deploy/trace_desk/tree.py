"""From a flat set of spans to the order in which a tree of them is read."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.trace_desk.trace import Span


@dataclass(frozen=True, slots=True)
class Node:
    """A span and its place. `parent` is None for a root and for an orphan, whose parent has not arrived."""

    span: Span
    depth: int
    parent: Span | None

    @property
    def is_orphan(self) -> bool:
        """Whether it names a parent that is not above it."""
        return self.parent is None and bool(self.span.parent_span_id)


def in_reading_order(spans: Sequence[Span]) -> list[Node]:
    """Every span once: parents before children, brothers by start, then by name.

    Spans whose parents form a circle hang from the earliest of them.
    """
    ordered = sorted(spans, key=lambda span: (span.start_time_unix_nano, span.name, span.span_id))
    known = {span.span_id for span in ordered}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in ordered:
        children[span.parent_span_id if span.parent_span_id in known else ""].append(span)

    nodes: list[Node] = []
    seen: set[str] = set()
    for start in [*children[""], *ordered]:
        pending = [Node(start, 0, None)]
        while pending:
            node = pending.pop()
            if node.span.span_id in seen:
                continue
            seen.add(node.span.span_id)
            nodes.append(node)
            below = children[node.span.span_id]
            pending.extend(Node(child, node.depth + 1, node.span) for child in reversed(below))
    return nodes
