"""What is sealed of the journal, what is proved of it, and what an export tells of each leaf (N7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto
from uuid import UUID

from services.kit.clock import from_epoch_ms
from services.kit.errors import DomainError, FieldViolation, InvalidField, Reason
from services.kit.transparency.export import SHORTEST_RETENTION

# A UUIDv7 begins with 48 bits of milliseconds (RFC 9562, section 5.7).
_BITS_AFTER_TIME = 80


@dataclass(frozen=True)
class SealedCheckpoint:
    """A signed tree head, and its time-stamp if there is one."""

    tree_size: int
    root_hash: bytes
    seal_time: datetime
    note: str
    timestamp_token: bytes | None


@dataclass(frozen=True)
class InclusionProof:
    """That a line stands at its place in the tree of a checkpoint."""

    leaf_index: int
    leaf: bytes
    hashes: Sequence[bytes]
    checkpoint: SealedCheckpoint


@dataclass(frozen=True)
class ConsistencyProof:
    """That a tree begins with all of an earlier one."""

    hashes: Sequence[bytes]
    second_tree_size: int
    checkpoint: SealedCheckpoint


class LeafKind(Enum):
    """What an export tells of a leaf."""

    LINE = auto()
    OTHER_CAISSE = auto()
    PURGED = auto()
    # A line that should be there and is not.
    MISSING = auto()


@dataclass(frozen=True)
class ExportedLeaf:
    """One leaf of an export: a line as it is hashed, a hash, or nothing where it is missing."""

    kind: LeafKind
    content: bytes = b""


class Fork(StrEnum):
    """How what is stored is not what was sealed."""

    UNSEALED_PLACES = "lines have places that no checkpoint covers"
    FOREIGN_NOTE = "the newest checkpoint is not signed with the key of this journal"
    ALTERED_CHECKPOINT = "the newest checkpoint is not what its note signs"
    DAMAGED_TILES = "tiles are missing or damaged"
    ALTERED_TILES = "the tiles are not what the newest checkpoint signs"
    PUT_BACK = "the database was put back to an earlier state"
    REWRITTEN = "the tree does not begin with what was sealed before"


class JournalForked(Exception):
    """Nothing more is signed upon what is stored."""

    def __init__(self, fork: Fork) -> None:
        super().__init__(fork.value)
        self.fork = fork


class NoTimestampAuthority(DomainError):
    """No authority is configured that could time-stamp."""

    reason = Reason.RECORD_STATE
    message = "No time-stamping authority is configured."


def consult_time(consultation_id: UUID) -> datetime:
    """When a line was written, to the millisecond: its identifier is a UUIDv7."""
    return from_epoch_ms(consultation_id.int >> _BITS_AFTER_TIME)


def may_be_purged(consultation_id: UUID, now: datetime) -> bool:
    """Whether a line is so old that a caisse may have purged it."""
    return consult_time(consultation_id) <= now - SHORTEST_RETENTION


def read_tree_size(field: str, asked: int, newest: int) -> int:
    """A size that the tree has had. Raises InvalidField naming `field`."""
    if not 1 <= asked <= newest:
        raise InvalidField(FieldViolation(field, "TREE_SIZE", f"lies between 1 and {newest}"))
    return asked


def read_first_leaf_index(asked: int, tree_size: int) -> int:
    """From which leaf on to export. Raises InvalidField."""
    if not 0 <= asked <= tree_size:
        raise InvalidField(FieldViolation("first_leaf_index", "RANGE", f"lies between 0 and {tree_size}"))
    return asked
