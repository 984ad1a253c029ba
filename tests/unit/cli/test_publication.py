"""Chunks over the stream: order, window, memory, and what is known when the stream breaks."""

import io
from collections.abc import Callable, Iterator

import grpc
import pytest

from cli.ndjson import read_ndjson
from cli.publication import (
    CHUNK_BYTES,
    CHUNK_LINES,
    CHUNKS_IN_FLIGHT,
    RESENT_LINES,
    Publication,
    Tally,
    chunks,
)
from cli.refusals import RefusedLine
from msa.quotient.v1 import dossier_service_pb2 as pb
from tests.unit.cli.lines import line


class FakeStream:
    """Answers each chunk when it is asked for an answer, as the service would."""

    def __init__(
        self,
        requests: Iterator[pb.PublishDossiersRequest],
        answer: Callable[[pb.DossierRecord], pb.PublishedRecord],
        breaks_after: int | None = None,
    ) -> None:
        self._requests = requests
        self._answer = answer
        self._breaks_after = breaks_after
        self.sizes: list[int] = []
        self.requests: list[pb.PublishDossiersRequest] = []
        self.is_cancelled = False

    def __next__(self) -> pb.PublishDossiersResponse:
        if self._breaks_after == len(self.sizes):
            raise grpc.RpcError
        request = next(self._requests)
        self.requests.append(request)
        self.sizes.append(len(request.records))
        return pb.PublishDossiersResponse(results=map(self._answer, request.records))

    def cancel(self) -> bool:
        self.is_cancelled = True
        return True


def created(_: pb.DossierRecord) -> pb.PublishedRecord:
    return pb.PublishedRecord(outcome=pb.PUBLICATION_OUTCOME_CREATED)


NEW = pb.Publication(publication_id="new")


class Run:
    """One publication, and what it told on the way."""

    def __init__(
        self,
        answer: Callable[[pb.DossierRecord], pb.PublishedRecord] = created,
        breaks_after: int | None = None,
        begun: pb.Publication = NEW,
    ) -> None:
        self.refused: list[RefusedLine] = []
        self._answer = answer
        self._breaks_after = breaks_after
        self.publication = Publication(begun, self._open, lambda _, refused: self.refused.extend(refused))

    def _open(self, requests: Iterator[pb.PublishDossiersRequest]) -> FakeStream:
        self.stream = FakeStream(requests, self._answer, self._breaks_after)
        return self.stream

    def publish(self, content: bytes) -> Tally:
        return self.publication.publish(read_ndjson(io.BytesIO(content)))


def test_every_line_is_accounted_for_in_the_order_of_the_file() -> None:
    def refuses_the_second(record: pb.DossierRecord) -> pb.PublishedRecord:
        outcomes = {
            "D1": pb.PublishedRecord(outcome=pb.PUBLICATION_OUTCOME_UPDATED),
            "D2": pb.PublishedRecord(
                outcome=pb.PUBLICATION_OUTCOME_REFUSED,
                field="quotient_period.amount_cents",
                rule="AMOUNT_RANGE",
                description="is too much",
            ),
        }
        return outcomes.get(
            record.numero_dossier, pb.PublishedRecord(outcome=pb.PUBLICATION_OUTCOME_UNCHANGED)
        )

    run = Run(refuses_the_second)
    bad = b"{}\n"
    tally = run.publish(
        bad + line(numero_dossier="D1") + b"\n" + line(numero_dossier="D2") + bad + line(numero_dossier="D3")
    )
    assert (tally.created, tally.updated, tally.unchanged, tally.refused, tally.blank) == (0, 1, 1, 3, 1)
    assert [(told.number, told.refusal.field) for told in run.refused] == [
        (1, "caisse"),
        (4, "quotient_familial.valeur"),
        (5, "caisse"),
    ]


def test_chunks_keep_to_the_limits_of_the_service() -> None:
    run = Run()
    assert run.publish(line() * 1201).created == 1201
    assert run.stream.sizes == [CHUNK_LINES, CHUNK_LINES, 201]


def test_long_lines_make_short_chunks() -> None:
    long = line(enfants=[{"prenoms": "X" * 200_000}])
    sizes = [chunk.size_bytes for chunk in chunks(read_ndjson(io.BytesIO(long * 20)))]
    assert max(sizes) < CHUNK_BYTES + len(long)
    assert len(sizes) > 3


def test_no_more_than_a_few_chunks_are_in_flight() -> None:
    run = Run()
    seen: list[int] = []

    def lines() -> Iterator[bytes]:
        for _ in range(CHUNK_LINES * 10):
            seen.append(len(run.stream.sizes))
            yield line()

    class Endless(io.BytesIO):
        def __init__(self) -> None:
            super().__init__()
            self._lines = lines()

        def readline(self, size: int | None = -1, /) -> bytes:
            return next(self._lines, b"")

    run.publication.publish(read_ndjson(Endless()))
    chunks_read = [position // CHUNK_LINES for position in range(len(seen))]
    assert max(read - answered for read, answered in zip(chunks_read, seen, strict=True)) <= CHUNKS_IN_FLIGHT


def test_lines_that_are_all_refused_are_not_gathered() -> None:
    run = Run()
    assert run.publish(b"{}\n" * 5000).refused == 5000
    assert run.stream.sizes == [0] * 10
    assert [request.refused_count for request in run.stream.requests] == [CHUNK_LINES] * 10
    assert len(run.refused) == 5000


def test_a_broken_stream_leaves_what_was_acknowledged() -> None:
    run = Run(breaks_after=2)
    with pytest.raises(grpc.RpcError):
        run.publish(line() * (CHUNK_LINES * 12))
    assert run.publication.tally.committed == 2 * CHUNK_LINES
    assert run.publication.tally.last_line == 2 * CHUNK_LINES
    assert run.stream.is_cancelled


def test_an_empty_file_opens_and_closes_the_stream() -> None:
    assert Run().publish(b"") == Tally()


def test_each_chunk_says_where_in_the_file_it_ends_and_what_was_refused() -> None:
    run = Run()
    run.publish(line() * 499 + b"{}\n" + b"\n" + b"{}\n" + line())
    assert [
        (request.publication_id, request.last_line, request.refused_count) for request in run.stream.requests
    ] == [("new", 500, 1), ("new", 503, 1)]


def test_a_run_that_goes_on_tells_again_what_may_not_have_been_told_and_counts_it_once() -> None:
    cut = pb.Publication(publication_id="cut", last_line=700, created_count=690, refused_count=10)
    run = Run(begun=cut)
    tally = run.publish(b"{}\n" * 600 + line() * 600)
    assert [request.last_line for request in run.stream.requests] == [500, 700, 1200]
    assert len(run.refused) == 600
    assert (tally.created, tally.refused, tally.lines) == (690 + 500, 10, 1200)


def test_lines_that_are_in_end_a_chunk_so_that_none_is_half_in() -> None:
    entries = list(read_ndjson(io.BytesIO(line() * 2000)))
    assert [chunk.last_line for chunk in chunks(entries, 501)] == [500, 501, 1001, 1501, 2000]


def test_no_chunk_that_may_be_in_and_untold_is_passed_over() -> None:
    assert RESENT_LINES >= CHUNKS_IN_FLIGHT * CHUNK_LINES


def test_the_service_names_fields_as_the_file_does() -> None:
    def refuses(record: pb.DossierRecord) -> pb.PublishedRecord:
        return pb.PublishedRecord(outcome=pb.PUBLICATION_OUTCOME_REFUSED, field=record.numero_dossier)

    told = {
        "quotient_period.valid_from": "valid_from",
        "quotient_period.amount_cents": "quotient_familial.valeur",
        "further_quotient_periods[1].amount_cents": "autres_quotients_familiaux[1].valeur",
        "coordonnees.allocataires[1].prenoms": "allocataires[1].prenoms",
        "coordonnees.pays": "adresse.pays",
        "closed_from": "radie_le",
        "numero_dossier": "numero_dossier",
    }
    run = Run(refuses)
    run.publish(b"".join(line(numero_dossier=name) for name in told))
    assert [each.refusal.field for each in run.refused] == list(told.values())
