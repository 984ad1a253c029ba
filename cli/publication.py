"""Publishes the entries of a file: chunks over one stream, a few in flight, constant memory whatever the file's size.

Each chunk says up to which line of the file it goes, and that is committed with it: after a cut the file is read from
a little before the last line that is in, so that whatever was refused there is told, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cli.chunk_stream import ChunkStream
from cli.connection import Answers
from cli.dossier_rules import Dossier, Entry, Quotient
from cli.refusals import Refusal, RefusedLine
from msa.quotient.v1 import dossier_service_pb2 as pb
from services.kit.messages import to_date

# The protos allow 500 records a chunk; a chunk of long lines ends sooner, to stay under gRPC's 4 MiB.
CHUNK_LINES = 500
CHUNK_BYTES = 1024 * 1024
# The service commits those that wait together.
CHUNKS_IN_FLIGHT = 8
# Of so many lines that are in nobody may have told what was refused.
RESENT_LINES = CHUNKS_IN_FLIGHT * CHUNK_LINES


@dataclass
class Tally:
    """What became of the lines so far; what a run before settled is in it."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    blank: int = 0
    last_line: int = 0

    @classmethod
    def of(cls, publication: pb.Publication) -> Tally:
        """What became of the lines of a publication."""
        return cls(
            publication.created_count,
            publication.updated_count,
            publication.unchanged_count,
            publication.refused_count,
            last_line=publication.last_line,
        )

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

    def add(self, entry: Entry) -> None:
        """Takes a line in: a record, a refusal or nothing."""
        self.last_line = entry.number
        self.size_bytes += entry.size_bytes
        match entry.content:
            case Dossier():
                self.records.append(to_record(entry.content))
                self.numbers.append(entry.number)
            case Refusal():
                self.refused.append(RefusedLine(entry.number, entry.content))
            case None:
                self.blank += 1


class Publication:
    """One stream of chunks to the service, for a publication that is open."""

    def __init__(
        self,
        begun: pb.Publication,
        open_stream: Callable[[Iterator[pb.PublishDossiersRequest]], Answers[pb.PublishDossiersResponse]],
        on_settled: Callable[[Tally, Sequence[RefusedLine]], None],
        field_name: Callable[[str], str] = str,
    ) -> None:
        """`on_settled` is told, in the order of the file, what became of each chunk.

        `field_name` is what a field of NDJSON is called in the file.
        """
        self.tally = Tally.of(begun)
        self._begun = begun
        self._on_settled = on_settled
        self._field_name = field_name
        self._stream = ChunkStream(open_stream)
        self._in_flight: deque[Chunk] = deque()

    def publish(self, entries: Iterable[Entry]) -> Tally:
        """Publishes `entries`; one that breaks a rule stays out alone.

        Raises grpc.RpcError when the stream breaks: what the tally says is committed stays committed.
        """
        with self._stream:
            for chunk in chunks(entries, self._begun.last_line):
                if len(self._in_flight) == CHUNKS_IN_FLIGHT:
                    self._settle_oldest()
                self._send(chunk)
            while self._in_flight:
                self._settle_oldest()
        return self.tally

    def _send(self, chunk: Chunk) -> None:
        self._stream.send(
            pb.PublishDossiersRequest(
                records=chunk.records,
                publication_id=self._begun.publication_id,
                last_line=chunk.last_line,
                refused_count=len(chunk.refused),
            )
        )
        chunk.records.clear()
        self._in_flight.append(chunk)

    def _settle_oldest(self) -> None:
        results = self._stream.answer().results
        chunk = self._in_flight.popleft()
        refused = list(chunk.refused)
        for number, result in zip(chunk.numbers, results, strict=True):
            if result.outcome == pb.PUBLICATION_OUTCOME_REFUSED:
                refused.append(RefusedLine(number, self._refusal(result)))
        if chunk.last_line > self._begun.last_line:
            self._count(chunk, results)
        self._on_settled(self.tally, sorted(refused, key=lambda line: line.number))

    def _count(self, chunk: Chunk, results: Iterable[pb.PublishedRecord]) -> None:
        for result in results:
            counter = _COUNTERS.get(result.outcome, "refused")
            setattr(self.tally, counter, getattr(self.tally, counter) + 1)
        self.tally.refused += len(chunk.refused)
        self.tally.blank += chunk.blank
        self.tally.last_line = chunk.last_line

    def _refusal(self, result: pb.PublishedRecord) -> Refusal:
        return Refusal(self._field_name(_in_file(result.field)), result.rule, result.description)


_COUNTERS: Mapping[int, str] = {
    pb.PUBLICATION_OUTCOME_CREATED: "created",
    pb.PUBLICATION_OUTCOME_UPDATED: "updated",
    pb.PUBLICATION_OUTCOME_UNCHANGED: "unchanged",
}


def chunks(entries: Iterable[Entry], settled_line: int = 0) -> Iterator[Chunk]:
    """`entries` in chunks that fit one request; one chunk ends with the line that is settled."""
    chunk: Chunk | None = None
    for entry in entries:
        chunk = chunk or Chunk(entry.number)
        chunk.add(entry)
        if chunk.is_full or entry.number == settled_line:
            yield chunk
            chunk = None
    if chunk:
        yield chunk


def to_record(dossier: Dossier) -> pb.DossierRecord:
    """`dossier` as it travels."""
    adresse = dossier.adresse
    return pb.DossierRecord(
        caisse_code=dossier.caisse,
        numero_dossier=dossier.numero_dossier,
        nir=dossier.nir.reveal(),
        other_nirs=[nir.reveal() for nir in dossier.other_nirs],
        holders_complete=dossier.holders_complete,
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
        quotient_period=_to_period(dossier.quotient) if dossier.quotient else None,
        further_quotient_periods=[_to_period(quotient) for quotient in dossier.other_quotients],
        quotient_periods_complete=dossier.quotients_complete,
        closed_from=to_date(dossier.closed_from),
    )


def _to_period(quotient: Quotient) -> pb.QuotientPeriod:
    return pb.QuotientPeriod(
        valid_from=to_date(quotient.valid_from),
        valid_to=to_date(quotient.valid_to),
        amount_cents=quotient.amount_cents,
    )


# What the service calls a field → what it is called in a file.
_FILE_NAMES = (
    ("caisse_code", "caisse"),
    ("quotient_period.amount_cents", "quotient_familial.valeur"),
    ("quotient_period.", ""),
    ("further_quotient_periods", "autres_quotients_familiaux"),
    ("coordonnees.allocataires", "allocataires"),
    ("coordonnees", "adresse"),
    ("other_nirs", "allocataires"),
    ("closed_from", "radie_le"),
)


def _in_file(field_name: str) -> str:
    for theirs, ours in _FILE_NAMES:
        if field_name.startswith(theirs):
            return (ours + field_name.removeprefix(theirs)).replace(".amount_cents", ".valeur")
    return field_name
