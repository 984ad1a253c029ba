"""What h2load's log of requests says: one line each, start in µs, HTTP status, duration in µs."""

import pytest

from bench import h2load
from bench.h2load import BenchError, grpc_frame


def log(*rows: tuple[int, int]) -> str:
    return "".join(f"{start}\t{status}\t{1000 * (start + 1)}\n" for start, status in rows)


def test_only_answered_requests_count() -> None:
    rows = log(*((start, 200) for start in range(99)), (99, 503), (100, -1))
    figures = h2load._figures("consultation", 64, 2, rows)
    assert (figures.answered, figures.failed, figures.requests_per_second) == (99, 2, 49.5)
    assert (figures.p50_ms, figures.p99_ms) == (50, 99)


def test_a_run_without_an_answer_is_no_figure() -> None:
    with pytest.raises(BenchError, match="no request was answered"):
        h2load._figures("consultation", 1, 2, log((0, 503), (1, 503)))


def test_a_missing_h2load_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BenchError, match="apt-get install nghttp2-client"):
        h2load.program()


def test_a_grpc_message_is_framed_by_its_length() -> None:
    assert grpc_frame(b"abc") == b"\x00\x00\x00\x00\x03abc"
