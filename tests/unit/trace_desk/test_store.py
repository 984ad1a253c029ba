from deploy.trace_desk.store import TraceStore
from tests.unit.trace_desk.messages import MS, new_store, span, span_id, trace_id


def kept(store: TraceStore) -> set[str]:
    return {trace.trace_id for trace in store.newest_first()}


def test_spans_that_arrive_in_parts_and_in_any_order_make_one_trace() -> None:
    store = new_store()
    store.add(span(3, parent=2, name="leaf", start_ms=2))
    store.add(span(2, parent=1, name="child", start_ms=1))
    assert (incomplete := store.trace(trace_id(1))) is not None
    assert incomplete.root is None
    assert incomplete.entry.name == "child"

    store.add(span(1, name="root", start_ms=0, duration_ms=9))
    assert (complete := store.trace(trace_id(1))) is not None
    assert [item.name for item in complete.spans] == ["root", "child", "leaf"]
    assert complete.entry.name == "root"
    assert complete.duration_nano == 9 * MS


def test_a_span_that_is_sent_again_is_ignored() -> None:
    store = new_store()
    assert store.add(span(1, name="first"))
    assert store.add(span(1, name="again"))
    assert store.span_count == 1
    assert (trace := store.trace(trace_id(1))) is not None
    assert trace.entry.name == "first"


def test_the_trace_that_grew_longest_ago_is_evicted_first() -> None:
    store = new_store(maximum_traces=2)
    store.add(span(1, trace=1))
    store.add(span(1, trace=2))
    store.add(span(2, trace=1))
    store.add(span(1, trace=3))
    assert kept(store) == {trace_id(1), trace_id(3)}
    assert store.span_count == 3


def test_spans_are_bounded_over_all_traces() -> None:
    store = new_store(maximum_spans=4, maximum_spans_per_trace=4)
    for trace in (1, 2, 3):
        for number in (1, 2):
            store.add(span(number, trace=trace))
    assert kept(store) == {trace_id(2), trace_id(3)}
    assert store.span_count == 4


def test_a_full_trace_counts_what_it_drops() -> None:
    store = new_store(maximum_spans_per_trace=2)
    assert [store.add(span(number)) for number in (1, 2, 3, 4)] == [True, True, False, False]
    assert (trace := store.trace(trace_id(1))) is not None
    assert [item.span_id for item in trace.spans] == [span_id(1), span_id(2)]
    assert trace.dropped_spans == 2


def test_traces_are_listed_newest_first_whatever_arrived_first() -> None:
    store = new_store()
    for trace, start_ms in ((1, 5), (2, 30), (3, 10)):
        store.add(span(1, trace=trace, start_ms=start_ms))
    assert [trace.trace_id for trace in store.newest_first()] == [trace_id(2), trace_id(3), trace_id(1)]


def test_an_unknown_trace_is_none() -> None:
    assert new_store().trace(trace_id(1)) is None
