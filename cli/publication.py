"""Publishes lines of dossiers: chunks over one stream, a few in flight, constant memory whatever the file's size."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

import grpc

from cli.connection import Answers
from cli.ndjson import Dossier, Line, LineRefused, Refusal, parse_line
from msa.quotient.v1 import dossier_service_pb2 as pb
from services.kit.messages import to_date

# The protos allow 500 records a chunk; a chunk of long lines ends sooner, to stay under gRPC's 4 MiB.
CHUNK_LINES = 500
CHUNK_BYTES = 1024 * 1024
CHUNKS_IN_FLIGHT = 4
# A chunk is committed in well under a second; a service that is silent for so long has stopped.
ANSWER_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class RefusedLine:
    """A line that did not go in, and why."""

    number: int
    refusal: Refusal


@dataclass
class Tally:
    """What became of the lines so far."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    blank: int = 0
    size_bytes: int = 0
    last_line: int = 0

    @property
    def committed(self) -> int:
        """Lines that the service acknowledged."""
        return self.created + self.updated + self.unchanged

    @property
    def lines(self) -> int:
        """Lines settled, blank ones aside."""
        return self.committed + self.refused


@dataclass
class Chunk:
    """Some lines in a row: the records to send, and what is known already."""

    first_line: int
    last_line: int = 0
    blank: int = 0
    size_bytes: int = 0
    records: list[pb.DossierRecord] = field(default_factory=list, repr=False)
    numbers: list[int] = field(default_factory=list)
    refused: list[RefusedLine] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether the next line belongs into the next chunk."""
        return self.last_line - self.first_line + 1 >= CHUNK_LINES or self.size_bytes >= CHUNK_BYTES

    def add(self, line: Line) -> None:
        """Takes a line in: a record, a refusal or nothing."""
        self.last_line = line.number
        self.size_bytes += line.size_bytes
        if line.is_blank:
            self.blank += 1
            return
        try:
            record = to_record(parse_line(line))
        except LineRefused as refused:
            self.refused.append(RefusedLine(line.number, refused.refusal))
            return
        self.records.append(record)
        self.numbers.append(line.number)


class Publication:
    """One stream of chunks to the service."""

    def __init__(
        self,
        open_stream: Callable[[Iterator[pb.PublishDossiersRequest]], Answers[pb.PublishDossiersResponse]],
        on_settled: Callable[[Tally, Sequence[RefusedLine]], None],
    ) -> None:
        """`on_settled` is told, in the order of the file, what became of each chunk."""
        self.tally = Tally()
        self._on_settled = on_settled
        self._requests: SimpleQueue[pb.PublishDossiersRequest | None] = SimpleQueue()
        self._answers = open_stream(iter(self._requests.get, None))
        self._in_flight: deque[Chunk] = deque()

    def publish(self, lines: Iterable[Line]) -> Tally:
        """Publishes `lines`; a line that breaks a rule stays out alone.

        Raises grpc.RpcError when the stream breaks: what the tally says is committed stays committed.
        """
        try:
            for chunk in chunks(lines):
                if len(self._in_flight) == CHUNKS_IN_FLIGHT:
                    self._settle_oldest()
                self._send(chunk)
            while self._in_flight:
                self._settle_oldest()
        except BaseException:
            self._answers.cancel()
            raise
        finally:
            self._requests.put(None)
        return self.tally

    def _send(self, chunk: Chunk) -> None:
        if chunk.records:
            self._requests.put(pb.PublishDossiersRequest(records=chunk.records))
            chunk.records.clear()
        self._in_flight.append(chunk)

    def _settle_oldest(self) -> None:
        chunk = self._in_flight[0]
        results = self._next_answer().results if chunk.numbers else ()
        self._in_flight.popleft()
        refused = list(chunk.refused)
        for number, result in zip(chunk.numbers, results, strict=True):
            if result.outcome == pb.PUBLICATION_OUTCOME_REFUSED:
                refused.append(RefusedLine(number, _refusal(result)))
            self._count(result)
        self.tally.refused += len(chunk.refused)
        self.tally.blank += chunk.blank
        self.tally.size_bytes += chunk.size_bytes
        self.tally.last_line = chunk.last_line
        self._on_settled(self.tally, sorted(refused, key=lambda line: line.number))

    def _next_answer(self) -> pb.PublishDossiersResponse:
        watchdog = threading.Timer(ANSWER_TIMEOUT_SECONDS, self._answers.cancel)
        watchdog.daemon = True
        watchdog.start()
        try:
            return next(self._answers)
        except StopIteration:
            raise StreamEndedEarly from None
        finally:
            watchdog.cancel()

    def _count(self, result: pb.PublishedRecord) -> None:
        counter = _COUNTERS.get(result.outcome, "refused")
        setattr(self.tally, counter, getattr(self.tally, counter) + 1)


_COUNTERS: Mapping[int, str] = {
    pb.PUBLICATION_OUTCOME_CREATED: "created",
    pb.PUBLICATION_OUTCOME_UPDATED: "updated",
    pb.PUBLICATION_OUTCOME_UNCHANGED: "unchanged",
}


class StreamEndedEarly(grpc.RpcError):
    """The service ended the stream before it had answered every chunk."""

    def code(self) -> grpc.StatusCode:
        """As if the connection had been lost."""
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        """In words."""
        return "the stream ended early"

    def trailing_metadata(self) -> tuple[()]:
        """None."""
        return ()


def chunks(lines: Iterable[Line]) -> Iterator[Chunk]:
    """`lines` in chunks that fit one request, each parsed."""
    chunk: Chunk | None = None
    for line in lines:
        chunk = chunk or Chunk(line.number)
        chunk.add(line)
        if chunk.is_full:
            yield chunk
            chunk = None
    if chunk:
        yield chunk


def to_record(dossier: Dossier) -> pb.DossierRecord:
    """`dossier` as it travels."""
    adresse, quotient = dossier.adresse, dossier.quotient
    return pb.DossierRecord(
        caisse_code=dossier.caisse,
        numero_dossier=dossier.numero_dossier,
        nir=dossier.nir.reveal(),
        coordonnees=pb.Coordonnees(
            allocataires=[
                pb.Allocataire(
                    nom_naissance=person.nom_naissance, nom_usage=person.nom_usage, prenoms=person.prenoms
                )
                for person in dossier.allocataires
            ],
            destinataire=adresse.destinataire,
            complement_information=adresse.complement_information,
            complement_information_geographique=adresse.complement_information_geographique,
            numero_libelle_voie=adresse.numero_libelle_voie,
            lieu_dit=adresse.lieu_dit,
            code_postal_ville=adresse.code_postal_ville,
            pays=adresse.pays,
        ),
        quotient_period=pb.QuotientPeriod(
            valid_from=to_date(quotient.valid_from),
            valid_to=to_date(quotient.valid_to),
            amount_cents=quotient.amount_cents,
        )
        if quotient
        else None,
    )


# What the service calls a field → what it is called in the file.
_FILE_NAMES = (
    ("caisse_code", "caisse"),
    ("quotient_period.amount_cents", "quotient_familial.valeur"),
    ("quotient_period.", ""),
    ("coordonnees.allocataires", "allocataires"),
    ("coordonnees", "adresse"),
)


def _refusal(result: pb.PublishedRecord) -> Refusal:
    for theirs, ours in _FILE_NAMES:
        if result.field.startswith(theirs):
            return Refusal(ours + result.field.removeprefix(theirs), result.rule, result.description)
    return Refusal(result.field, result.rule, result.description)
