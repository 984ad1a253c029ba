import pytest

from deploy.trace_desk.query import InvalidQuery, TraceQuery
from tests.unit.trace_desk.messages import new_store, span, trace_id


def selected(**parameters: str) -> list[int]:
    store = new_store()
    store.add(span(1, trace=1, name="POST /v1/sessions", service="edge", duration_ms=80))
    store.add(span(2, trace=1, name="SignIn", service="identity", parent=1))
    store.add(span(1, trace=2, name="POST /v1/quotients:consult", service="edge", duration_ms=12))
    store.add(span(2, trace=2, name="Disclose", service="quotient", parent=1, error=True))
    query = TraceQuery.parse(parameters)
    return sorted(int(trace.trace_id, 16) for trace in query.select(store.newest_first()))


@pytest.mark.parametrize(
    ("parameters", "numbers"),
    [
        ({}, [1, 2]),
        ({"service": "edge"}, [1, 2]),
        ({"service": "identity"}, [1]),
        ({"service": "ident"}, []),
        ({"error": "1"}, [2]),
        ({"error": "0"}, [1, 2]),
        ({"min_duration_ms": "12"}, [1, 2]),
        ({"min_duration_ms": "12.5"}, [1]),
        ({"name": "signin"}, [1]),
        ({"name": " QUOTIENTS "}, [2]),
        ({"name": "", "service": "", "min_duration_ms": ""}, [1, 2]),
        ({"service": "edge", "error": "on", "min_duration_ms": "20"}, []),
    ],
)
def test_a_trace_meets_all_conditions(parameters: dict[str, str], numbers: list[int]) -> None:
    assert selected(**parameters) == numbers


@pytest.mark.parametrize(
    ("parameters", "remark"),
    [
        ({"min_duration_ms": "soon"}, "min_duration_ms: "),
        ({"min_duration_ms": "nan"}, "min_duration_ms: "),
        ({"min_duration_ms": "-1"}, "min_duration_ms: "),
        ({"limit": "0"}, "limit: "),
        ({"limit": "1001"}, "limit: "),
        ({"error": "maybe"}, "error: "),
        ({"sevice": "edge"}, "sevice: unknown; known are service, error"),
    ],
)
def test_what_cannot_be_asked_is_named(parameters: dict[str, str], remark: str) -> None:
    with pytest.raises(InvalidQuery, match=remark):
        TraceQuery.parse(parameters)


def test_traces_of_another_length_keep_their_order() -> None:
    store = new_store()
    for number in (1, 2, 3):
        store.add(span(1, trace=number, start_ms=number))
    newest = [trace.trace_id for trace in TraceQuery().select(store.newest_first())]
    assert newest == [trace_id(3), trace_id(2), trace_id(1)]
