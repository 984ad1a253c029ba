from deploy.trace_desk.trace import Span
from deploy.trace_desk.tree import in_reading_order
from tests.unit.trace_desk.messages import span


def outline(*spans: Span) -> list[str]:
    return [
        f"{'  ' * node.depth}{node.span.name}{' ?' if node.is_orphan else ''}"
        for node in in_reading_order(spans)
    ]


def test_children_follow_their_parent_by_start_then_by_name() -> None:
    assert outline(
        span(4, parent=2, name="grandchild", start_ms=4),
        span(3, parent=1, name="late", start_ms=5),
        span(5, parent=1, name="b", start_ms=1),
        span(2, parent=1, name="a", start_ms=1),
        span(1, name="root"),
    ) == ["root", "  a", "    grandchild", "  b", "  late"]


def test_a_span_without_its_parent_stands_at_the_first_level() -> None:
    assert outline(
        span(1, name="root"),
        span(3, parent=99, name="orphan", start_ms=1),
        span(4, parent=3, name="its child", start_ms=2),
    ) == ["root", "orphan ?", "  its child"]


def test_a_child_whose_clock_is_ahead_stays_below_its_parent() -> None:
    assert outline(span(2, parent=1, name="child", start_ms=-3), span(1, name="root")) == ["root", "  child"]


def test_spans_whose_parents_form_a_circle_are_shown_once() -> None:
    circle = [
        span(1, parent=2, name="a"),
        span(2, parent=1, name="b", start_ms=1),
        span(3, name="root", start_ms=2),
    ]
    assert outline(*circle) == ["root", "a ?", "  b"]


def test_a_chain_of_thousands_is_no_matter() -> None:
    chain = [span(number, parent=number - 1) for number in range(1, 5001)]
    assert [node.depth for node in in_reading_order(chain)] == list(range(5000))
