"""Exports of invented journals, sealed as the service seals its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from services.kit.transparency.export import ExportHeader, hash_in
from services.kit.transparency.leaf import JournalLeaf
from services.kit.transparency.merkle import CompactRange, leaf_hash
from services.kit.transparency.signed_note import Checkpoint, Signer
from services.kit.transparency.verification import SignedHead, Verification, verify_export

BEGIN = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
NOW = BEGIN + timedelta(hours=10)
SIGNER = Signer("qf.example/journal", bytes(range(32)))
_LEAF = JournalLeaf(
    consultation_id=UUID(int=0),
    disclose_time=BEGIN,
    account_id=UUID(int=1),
    habilitation_id=UUID(int=2),
    partner_id=UUID(int=3),
    convention_id=UUID(int=4),
    caisse_code="21",
    person_index=bytes(32),
    person_index_generation=1,
    month=date(2026, 11, 1),
    purpose="CANTEEN",
    outcome="AVAILABLE",
    trace_id="",
    period_ids=(UUID(int=5),),
    period_starts=(date(2026, 1, 1),),
    period_ends=(None,),
    texts=bytes(32),
)


def entry(number: int, **changes: object) -> bytes:
    """The leaf of the consultation with this number, one second after the one before it."""
    leaf = replace(
        _LEAF,
        consultation_id=UUID(int=1 << 96 | number),
        disclose_time=BEGIN + timedelta(seconds=number),
        **changes,  # type: ignore[arg-type]  # a test's own fields
    )
    return leaf.encode()


@dataclass(frozen=True)
class Export:
    """The entries of a file, beneath a header."""

    entries: Sequence[bytes]
    tree_size: int
    export_time: datetime = NOW

    def lines(self) -> list[bytes]:
        """The file."""
        header = ExportHeader(SIGNER.verifier_key.name, self.tree_size, "21", self.export_time)
        return [header.encode() + b"\n", *(one + b"\n" for one in self.entries)]


def head(entries: Sequence[bytes], name: str = "FILE.checkpoint") -> SignedHead:
    """The checkpoint that seals these entries."""
    tree = CompactRange()
    for one in entries:
        tree.append(hash_in(one) or leaf_hash(one))
    return SignedHead(name, Checkpoint(SIGNER.verifier_key.name, tree.size, tree.root()))


def verify(
    shown: Sequence[bytes], sealed: Sequence[bytes], kept: Sequence[SignedHead] = (), now: datetime = NOW
) -> Verification:
    """Verifies a file that shows these entries, where those others were sealed."""
    return verify_export(Export(shown, len(sealed)).lines(), head(sealed), kept, now)


def told(verification: Verification) -> list[tuple[int | None, str]]:
    """The findings."""
    return [(finding.line, finding.reason) for finding in verification.findings]
