import pytest

from deploy.trace_desk.api import whole_trace
from tests.span_tree import indented, wait_for_trace
from tests.unit.trace_desk.messages import new_store, span, trace_id


def test_a_trace_is_an_indented_list() -> None:
    store = new_store()
    store.add(span(1, name="root", service="edge"))
    store.add(span(3, name="b", parent=1, start_ms=1))
    store.add(span(2, name="a", parent=1, start_ms=1))
    store.add(span(4, name="leaf", parent=3, start_ms=2, service="identity"))
    store.add(span(5, name="orphan", parent=99, start_ms=3))
    assert (trace := store.trace(trace_id(1))) is not None
    assert indented(whole_trace(trace)).splitlines() == [
        "edge: root",
        "  gateway: a",
        "  gateway: b",
        "    identity: leaf",
        "gateway: orphan",
    ]


async def test_waiting_for_a_trace_that_does_not_come_fails() -> None:
    with pytest.raises(AssertionError, match="After 0 s there is of trace 1 nothing"):
        await wait_for_trace("http://127.0.0.1:9", "1", seconds=0)
