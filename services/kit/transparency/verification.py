"""Verification of an export offline: whether its lines are those that were sealed, all of them, in their order (N7).

The root over the lines is compared with that of the export's checkpoint, and with those of checkpoints that were kept
from before, wherever their size is reached. What a line gives away by itself is told by its number.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.kit.transparency.export import (
    LEAF_BEGINS,
    MISSING,
    SHORTEST_RETENTION,
    ExportHeader,
    hash_in,
    is_purged,
)
from services.kit.transparency.leaf import CANONICAL_LEAF, decode_instant, encode_instant
from services.kit.transparency.merkle import CompactRange, leaf_hash
from services.kit.transparency.signed_note import Checkpoint

# Lines are sealed within seconds of each other, whichever server wrote them. Older than this is out of order.
TIME_TOLERANCE = timedelta(minutes=5)

# So many findings are told; all are counted.
_TOLD_FINDINGS = 1000
_PROGRESS_STRIDE = 4096
# The header is line 1, so leaf 0 is line 2.
_FIRST_LINE = 2

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Finding:
    """Something that must not be; `line` is None where it is about the file."""

    line: int | None
    reason: str


@dataclass(frozen=True)
class SignedHead:
    """A checkpoint whose signature holds, and what the reader calls it: mostly its file."""

    name: str
    checkpoint: Checkpoint


@dataclass
class Verification:
    """What came out; `findings` are the first of them."""

    header: ExportHeader
    told_count: int = 0
    other_caisse_count: int = 0
    purged_count: int = 0
    findings: list[Finding] = field(default_factory=list)
    finding_count: int = 0

    @property
    def is_intact(self) -> bool:
        """Whether every line is as it was sealed."""
        return self.finding_count == 0

    def add(self, line: int | None, reason: str) -> None:
        """Adds a finding."""
        self.finding_count += 1
        if len(self.findings) < _TOLD_FINDINGS:
            self.findings.append(Finding(line, reason))


def verify_export(
    lines: Iterable[bytes],
    own: SignedHead,
    kept: Sequence[SignedHead],
    now: datetime,
    progress: Progress = lambda size_bytes, leaves: None,
) -> Verification:
    """Verifies the lines of an export file against its own checkpoint and those that were kept from before.

    Every checkpoint's signature was verified by whoever opened it. `progress` is told bytes and leaves. Raises
    ExportRefused for a file that is no export.
    """
    reader = iter(lines)
    header_line = next(reader, b"")
    header = ExportHeader.parse(header_line)
    reading = _Reading(header, own, kept, now)
    for number, line in _numbered(reader, len(header_line), progress):
        reading.add(number, line)
    return reading.judged()


def _numbered(lines: Iterator[bytes], size_bytes: int, progress: Progress) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(lines, start=_FIRST_LINE):
        size_bytes += len(line)
        yield number, line
        if number % _PROGRESS_STRIDE == 0:
            progress(size_bytes, number - 1)


class _Reading:
    """An export that is being read."""

    def __init__(
        self, header: ExportHeader, own: SignedHead, kept: Sequence[SignedHead], now: datetime
    ) -> None:
        self._result = Verification(header)
        self._own = own
        self._tree_size = own.checkpoint.tree_size
        self._heads = sorted([own, *kept], key=lambda head: head.checkpoint.tree_size)
        self._due = {head.checkpoint.tree_size for head in self._heads}
        self._roots: dict[int, bytes] = {}
        self._tree = CompactRange()
        self._leaves = 0
        # Beyond a leaf without a hash there is no root.
        self._is_whole = True
        self._ids: set[bytes] = set()
        self._caisse_code = header.caisse_code.encode()
        self._latest = b""
        moment = min(header.export_time, now)
        self._purged_before = encode_instant(moment - SHORTEST_RETENTION).encode()
        self._future = encode_instant(moment + TIME_TOLERANCE).encode()

    def add(self, number: int, line: bytes) -> None:
        """Reads the line of a leaf."""
        if not line.endswith(b"\n"):
            self._result.add(number, "is cut: it has no end")
        entry = line.removesuffix(b"\n")
        hashed = self._leaf(number, entry) if entry.startswith(LEAF_BEGINS) else self._hash(number, entry)
        self._leaves += 1
        if self._leaves > self._tree_size:
            self._result.add(number, "is in the journal and not in its tree: it was inserted")
        elif hashed is None:
            self._is_whole = False
        elif self._is_whole:
            self._grow(hashed)

    def judged(self) -> Verification:
        """What came out, once every line is read."""
        header, checkpoint = self._result.header, self._own.checkpoint
        if (header.origin, header.tree_size) != (checkpoint.origin, checkpoint.tree_size):
            self._result.add(1, f"is not the header of what {self._own.name} signs")
        if self._leaves < self._tree_size:
            self._result.add(
                None, f"Lines were dropped: the file has {self._leaves} of {self._tree_size} leaves."
            )
        self._judge_sizes()
        self._judge_roots()
        return self._result

    def _grow(self, hashed: bytes) -> None:
        self._tree.append(hashed)
        if self._tree.size in self._due:
            self._roots[self._tree.size] = self._tree.root()

    def _leaf(self, number: int, entry: bytes) -> bytes:
        self._result.told_count += 1
        match = CANONICAL_LEAF.fullmatch(entry)
        if match is None:
            self._result.add(number, "is no canonical leaf: it was edited")
        else:
            consultation_id, disclose_time, caisse_code = match.group(
                "consultation_id", "disclose_time", "caisse_code"
            )
            if consultation_id in self._ids:
                self._result.add(number, "has the consultation_id of a line before it: it was copied")
            self._ids.add(consultation_id)
            if caisse_code != self._caisse_code:
                self._result.add(number, "is of another caisse than the export")
            self._pass_time(number, disclose_time)
        return leaf_hash(entry)

    def _pass_time(self, number: int, disclose_time: bytes) -> None:
        if disclose_time > self._future:
            self._result.add(number, "is later than the export itself: it was edited")
        elif disclose_time >= self._latest:
            self._latest = disclose_time
        elif _is_out_of_order(disclose_time, self._latest):
            self._result.add(
                number,
                f"is older than a line before it, of {self._latest.decode()}: it was moved or inserted",
            )

    def _hash(self, number: int, entry: bytes) -> bytes | None:
        hashed = hash_in(entry)
        if hashed is None:
            was_deleted = entry == MISSING
            self._result.add(
                number, "is missing: it was deleted" if was_deleted else "is no line of an export"
            )
        elif is_purged(entry):
            self._result.purged_count += 1
            if self._latest > self._purged_before:
                self._result.add(
                    number, f"was purged too early: a line before it is of {self._latest.decode()}"
                )
        else:
            self._result.other_caisse_count += 1
        return hashed

    def _judge_sizes(self) -> None:
        for head in self._heads:
            size = head.checkpoint.tree_size
            if size > self._tree_size:
                self._result.add(
                    None,
                    f"The journal is cut: {head.name} signs {size} leaves, this export has {self._tree_size}.",
                )

    def _judge_roots(self) -> None:
        sound = 0
        for head in self._heads:
            root = self._roots.get(head.checkpoint.tree_size)
            if root is None:
                return
            if root != head.checkpoint.root_hash:
                self._result.add(None, self._difference(head, sound))
                return
            sound = head.checkpoint.tree_size

    def _difference(self, head: SignedHead, sound: int) -> str:
        own = self._own
        if head is not own and self._roots.get(self._tree_size) == own.checkpoint.root_hash:
            return f"The journal is as {own.name} signs it, not as {head.name} does: it was rewritten in between."
        first, last = sound + _FIRST_LINE, head.checkpoint.tree_size + _FIRST_LINE - 1
        return (
            f"The journal is not what {head.name} signs: among the lines {first} to {last} of this file one was "
            "edited, dropped, inserted or moved."
        )


def _is_out_of_order(disclose_time: bytes, latest: bytes) -> bool:
    try:
        return decode_instant(latest.decode()) - decode_instant(disclose_time.decode()) > TIME_TOLERANCE
    except ValueError:
        # No instant of the calendar: the line was edited, whatever it says.
        return True
