"""The publications of files: what each is, how far it came, what became of its records (art. 3)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from services.kit.case_reference import read_case_reference
from services.kit.errors import FieldViolation, InvalidField
from services.kit.identifiers import parse_uuid
from services.quotient.dossiers.domain import PublicationOutcome, PublishedRecord

_DIGEST_BYTES = 32


class PublicationKind(IntEnum):
    """Why a file is published; numbered as in the protos."""

    REGULAR = 1
    RECTIFICATION = 2


@dataclass(frozen=True)
class Counts:
    """How many records met each outcome."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.refused + other.refused,
        )


@dataclass(frozen=True)
class Publication:
    """The publication of a file: how far it came, and what became of its records."""

    publication_id: UUID
    kind: PublicationKind
    reference: str = field(repr=False)
    begin_time: datetime
    end_time: datetime | None
    last_line: int
    counts: Counts


@dataclass(frozen=True)
class Source:
    """A file to publish. By all of this a publication that was cut is found again."""

    digest: bytes
    kind: PublicationKind
    reference: str = field(repr=False)


def read_source(digest: bytes, kind: int, reference: str) -> Source:
    """A file to publish; a rectification has a reference, the request that it answers. Raises InvalidField."""
    if len(digest) != _DIGEST_BYTES:
        raise _invalid("source_digest", "SHA_256", f"has the {_DIGEST_BYTES} bytes of a SHA-256")
    if kind not in set(PublicationKind):
        raise _invalid("kind", "REQUIRED", "says whether it is a regular publication or a rectification")
    reference = read_case_reference(reference.strip(), "reference")
    if kind == PublicationKind.RECTIFICATION and not reference:
        raise _invalid("reference", "REQUIRED", "names the request that the rectification answers")
    return Source(digest, PublicationKind(kind), reference)


@dataclass(frozen=True)
class Place:
    """Where in the publication of a file a chunk stands, and how many of its lines the sender refused itself."""

    publication_id: UUID
    last_line: int
    refused_count: int


def read_place(publication_id: str, last_line: int, refused_count: int) -> Place | None:
    """Where a chunk stands; None for records from no file. Raises InvalidField."""
    if not publication_id:
        return None
    if last_line < 1:
        raise _invalid("last_line", "RANGE", "is the number, from 1, of the last line that the chunk covers")
    if refused_count < 0:
        raise _invalid("refused_count", "RANGE", "is not negative")
    return Place(parse_uuid("publication_id", publication_id), last_line, refused_count)


def counted(results: Sequence[PublishedRecord], refused_before: int = 0) -> Counts:
    """How many records met each outcome; `refused_before` the sender refused itself."""
    met = Counter(result.outcome for result in results)
    return Counts(
        met[PublicationOutcome.CREATED],
        met[PublicationOutcome.UPDATED],
        met[PublicationOutcome.UNCHANGED],
        met[PublicationOutcome.REFUSED] + refused_before,
    )


def _invalid(field_name: str, rule: str, description: str) -> InvalidField:
    return InvalidField(FieldViolation(field_name, rule, description))
