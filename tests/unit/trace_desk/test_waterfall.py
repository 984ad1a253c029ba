import pytest

from deploy.trace_desk.trace import Span
from deploy.trace_desk.waterfall import DEEPEST_LEVEL, MINIMUM_WIDTH_PERCENT, Row, ticks, waterfall
from deploy.trace_desk.wording import duration_text, paris_text
from tests.unit.trace_desk.messages import EPOCH, MS, new_store, span, trace_id


def rows(*spans: Span) -> list[Row]:
    store = new_store(maximum_spans=1000, maximum_spans_per_trace=1000)
    for item in spans:
        store.add(item)
    trace = store.trace(trace_id(1))
    assert trace is not None
    return waterfall(trace).rows


def test_a_bar_lies_where_its_span_lies_in_time() -> None:
    root, child = rows(span(1, duration_ms=20), span(2, parent=1, start_ms=5, duration_ms=10))
    assert (root.bar.x, root.bar.width) == (0, 100)
    assert (child.bar.x, child.bar.width) == (25, 50)
    assert child.offset_nano == 5 * MS


def test_the_shortest_span_can_be_seen_and_stays_inside() -> None:
    _, instant = rows(span(1, duration_ms=1000), span(2, parent=1, start_ms=1000, duration_ms=0))
    assert instant.bar.width == MINIMUM_WIDTH_PERCENT
    assert instant.bar.x + instant.bar.width == 100


def test_a_trace_that_lasts_no_time_is_drawn() -> None:
    (only,) = rows(span(1, duration_ms=0))
    assert 0 <= only.bar.x <= only.bar.x + only.bar.width <= 100


def test_a_child_that_begins_before_its_parent_is_marked() -> None:
    root, child = rows(span(1, start_ms=3, duration_ms=4), span(2, parent=1, start_ms=0))
    assert (root.starts_before_parent, child.starts_before_parent) == (False, True)
    assert child.bar.x == 0


def test_an_orphan_is_marked() -> None:
    assert [row.is_orphan for row in rows(span(1), span(2, parent=9, start_ms=1))] == [False, True]


def test_indentation_ends_at_the_deepest_level() -> None:
    last = rows(*(span(number, parent=number - 1) for number in range(1, 31)))[-1]
    assert (last.depth, last.level) == (29, DEEPEST_LEVEL)


@pytest.mark.parametrize(("start_ms", "anchor", "inside"), [(0, "start", False), (90, "end", False)])
def test_a_caption_stands_where_there_is_room(start_ms: int, anchor: str, inside: bool) -> None:
    bar = rows(span(1, duration_ms=100), span(2, parent=1, start_ms=start_ms, duration_ms=10))[1].bar
    assert (bar.caption_anchor, bar.caption_inside) == (anchor, inside)


def test_the_caption_of_a_long_bar_stands_in_it() -> None:
    (only,) = rows(span(1, duration_ms=10))
    assert only.bar.caption_inside


@pytest.mark.parametrize(
    ("duration_ms", "texts"),
    [
        (18.7, ["0", "5 ms", "10 ms", "15 ms"]),
        (12, ["0", "2 ms", "4 ms", "6 ms", "8 ms", "10 ms", "12 ms"]),
        (1250, ["0", "500 ms", "1 s"]),
        (0.004, ["0", "1 µs", "2 µs", "3 µs", "4 µs"]),
        (0, ["0"]),
    ],
)
def test_ticks_are_round_times(duration_ms: float, texts: list[str]) -> None:
    assert [tick.text for tick in ticks(round(duration_ms * MS))] == texts


@pytest.mark.parametrize("exponent", range(19))
@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5, 6, 7, 9])
def test_ticks_are_few_and_on_the_axis(exponent: int, factor: int) -> None:
    marks = ticks(factor * 10**exponent)
    assert 2 <= len(marks) <= 7
    assert all(0 <= mark.x <= 100 for mark in marks)


@pytest.mark.parametrize(
    ("duration_nano", "text"),
    [
        (0, "0 ns"),
        (850, "850 ns"),
        (12_340, "12.3 µs"),
        (3 * MS, "3.00 ms"),
        (1_254_000_000, "1.25 s"),
        (75 * 10**9, "75.0 s"),
    ],
)
def test_durations_have_three_digits(duration_nano: int, text: str) -> None:
    assert duration_text(duration_nano) == text


def test_times_are_those_of_paris() -> None:
    assert paris_text(EPOCH + 123 * MS) == "2026-11-23 20:00:00.123"
    assert paris_text(2**64 - 1).startswith("2554-")
