"""Sends a register of oppositions in chunks and counts what became of its lines, in constant memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cli.chunk_stream import ChunkStream
from cli.connection import Answers
from cli.opposition_file import Register
from cli.refusals import LineRefused, Refusal, RefusedLine
from msa.quotient.v1 import opposition_service_pb2 as pb

# The protos allow 500 records a chunk; a chunk of long lines ends sooner, to stay under gRPC's 4 MiB.
CHUNK_LINES = 500
CHUNK_BYTES = 1024 * 1024
CHUNKS_IN_FLIGHT = 4

OpenStream = Callable[[Iterator[pb.ImportOppositionsRequest]], Answers[pb.ImportOppositionsResponse]]


@dataclass
class Tally:
    """What became of the lines so far."""

    recorded: int = 0
    standing: int = 0
    refused: int = 0
    blank: int = 0
    size_bytes: int = 0
    last_line: int = 0

    @property
    def committed(self) -> int:
        """Lines that the service acknowledged: these oppositions hold."""
        return self.recorded + self.standing

    @property
    def lines(self) -> int:
        """Lines settled, blank ones aside."""
        return self.committed + self.refused


@dataclass
class Chunk:
    """Some lines in a row: the records to send, and what is known already."""

    lines: int = 0
    last_line: int = 0
    blank: int = 0
    size_bytes: int = 0
    records: list[pb.RecordOppositionRequest] = field(default_factory=list, repr=False)
    numbers: list[int] = field(default_factory=list)
    refused: list[RefusedLine] = field(default_factory=list)


class OppositionImport:
    """One import: `tally` tells at any time what is settled."""

    def __init__(
        self, open_stream: OpenStream, on_settled: Callable[[Tally, Sequence[RefusedLine]], None]
    ) -> None:
        """`on_settled` is told, in the order of the file, what became of each chunk."""
        self.tally = Tally()
        self._stream = ChunkStream(open_stream)
        self._on_settled = on_settled
        self._in_flight: deque[Chunk] = deque()

    def run(self, register: Register) -> Tally:
        """Imports `register`; a line that breaks a rule stays out alone.

        Raises grpc.RpcError when the stream breaks: what the tally says is committed stays committed.
        """
        with self._stream:
            for chunk in chunks(register):
                if len(self._in_flight) == CHUNKS_IN_FLIGHT:
                    self._settle_oldest()
                if chunk.records:
                    self._stream.send(pb.ImportOppositionsRequest(records=chunk.records))
                    chunk.records.clear()
                self._in_flight.append(chunk)
            while self._in_flight:
                self._settle_oldest()
        return self.tally

    def _settle_oldest(self) -> None:
        chunk = self._in_flight[0]
        results = self._stream.answer().results if chunk.numbers else ()
        self._in_flight.popleft()
        refused = list(chunk.refused)
        for number, result in zip(chunk.numbers, results, strict=True):
            match result.outcome:
                case pb.IMPORT_OUTCOME_RECORDED:
                    self.tally.recorded += 1
                case pb.IMPORT_OUTCOME_STANDING:
                    self.tally.standing += 1
                case _:
                    refused.append(RefusedLine(number, _refusal(result)))
        self.tally.refused += len(refused)
        self.tally.blank += chunk.blank
        self.tally.size_bytes += chunk.size_bytes
        self.tally.last_line = chunk.last_line
        self._on_settled(self.tally, sorted(refused, key=lambda line: line.number))


def chunks(register: Register) -> Iterator[Chunk]:
    """The lines of `register` in chunks that fit one request, each parsed."""
    chunk = Chunk()
    for line in register:
        chunk.lines += 1
        chunk.last_line = line.number
        chunk.size_bytes += line.size_bytes
        if line.is_blank:
            chunk.blank += 1
        else:
            try:
                chunk.records.append(register.parse(line))
                chunk.numbers.append(line.number)
            except LineRefused as refused:
                chunk.refused.append(RefusedLine(line.number, refused.refusal))
        if chunk.lines == CHUNK_LINES or chunk.size_bytes >= CHUNK_BYTES:
            yield chunk
            chunk = Chunk()
    if chunk.lines:
        yield chunk


# What the service calls a field → what it is called in the file.
_FILE_NAMES: Mapping[str, str] = {
    "scope.caisse_code": "caisse",
    "scope.partner_id": "partner",
    "declarant": "declared_by",
}


def _refusal(result: pb.ImportedOpposition) -> Refusal:
    return Refusal(_FILE_NAMES.get(result.field, result.field), result.rule, result.description)
