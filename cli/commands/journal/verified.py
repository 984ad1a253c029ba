"""`qf journal verify`: whether an export holds every line as it was sealed, without any service (N7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli import evidence
from cli.application import Qf, command
from cli.errors import CommandFailed, UsageFailed
from cli.evidence import KeyOption
from cli.output import Row
from cli.progress import LateProgress
from services.kit.clock import SystemClock
from services.kit.transparency.export import ExportRefused
from services.kit.transparency.signed_note import VerifierKey
from services.kit.transparency.verification import SignedHead, Verification, verify_export

group = typer.Typer()
# So many findings are shown on the screen; --json has a thousand.
_TOLD_FINDINGS = 20


@command(
    group,
    "verify",
    examples=[
        "qf journal verify journal.txt --key journal.key",
        "qf journal verify journal.txt --key journal.key --checkpoint monday.checkpoint --checkpoint friday.checkpoint",
        "qf journal verify journal.txt --key journal.key --timestamp-ca authority.pem",
    ],
)
def verify(
    qf: Qf,
    file: Annotated[Path, typer.Argument(metavar="EXPORT", help="What `qf journal export` wrote.")],
    key: KeyOption,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", metavar="FILE", help="A checkpoint kept from before (again for more)."),
    ] = None,
    timestamp_ca: Annotated[
        Path | None,
        typer.Option(
            "--timestamp-ca",
            metavar="FILE",
            help="Verify the time-stamp too: its authority's certificates, PEM.",
        ),
    ] = None,
) -> None:
    """Verifies an export: needs no service, no network and no configuration.

    Finds any line that was edited, dropped, inserted, copied or moved, and a journal that was cut or rewritten since
    one of the checkpoints. Exit status 1 when it finds anything.
    """
    trusted = evidence.read_key(key)
    own = _head(evidence.checkpoint_file(file), trusted)
    kept = [_head(path, trusted) for path in checkpoint or ()]
    stamp_time = _stamp_time(file, timestamp_ca) if timestamp_ca else None
    result = _verified(qf, file, own, kept)
    _show(qf, result, len(kept), stamp_time)
    if not result.is_intact:
        raise CommandFailed(
            f"The journal in {file} is not as it was sealed: {_counted(result.finding_count)}.",
            "Keep the file, its checkpoint and yours as they are; docs/guides/journal.md says what each finding means.",
            reason="JOURNAL_NOT_INTACT",
        )


def _verified(qf: Qf, file: Path, own: SignedHead, kept: Sequence[SignedHead]) -> Verification:
    try:
        with (
            file.open("rb") as lines,
            LateProgress(qf.output.err, "Verifying", file.stat().st_size) as progress,
        ):
            return verify_export(
                lines,
                own,
                kept,
                SystemClock().now(),
                lambda size_bytes, leaves: progress.advance_to(size_bytes, f"{leaves:,} lines"),
            )
    except OSError:
        raise UsageFailed(
            f"Cannot read {file}.", "Check that it is a file, is there, and is yours to read."
        ) from None
    except ExportRefused as refused:
        raise CommandFailed(
            f"{file} is no export of a journal: {refused}.",
            "Name the file that `qf journal export` wrote.",
            reason="EXPORT_REFUSED",
        ) from None


def _head(path: Path, key: VerifierKey) -> SignedHead:
    return SignedHead(str(path), evidence.read_checkpoint(path, key))


def _stamp_time(file: Path, authority: Path) -> datetime:
    checkpoint = evidence.checkpoint_file(file)
    stamp = evidence.timestamp_file(checkpoint)
    return evidence.verify_timestamp_file(stamp, evidence.read_note(checkpoint), authority)


def _show(qf: Qf, result: Verification, kept_count: int, stamp_time: datetime | None) -> None:
    summary: Row = {
        "caisse_code": result.header.caisse_code,
        "origin": result.header.origin,
        "export_time": result.header.export_time,
        "tree_size": result.header.tree_size,
        "lines": result.told_count,
        "hashes_of_other_caisses": result.other_caisse_count,
        "hashes_of_purged_lines": result.purged_count,
        "kept_checkpoints": kept_count,
        "timestamp_time": stamp_time,
        "intact": result.is_intact,
    }
    if qf.output.as_json:
        findings = [asdict(finding) for finding in result.findings]
        qf.output.document({**summary, "finding_count": result.finding_count, "findings": findings})
        return
    qf.output.record("Verified journal", summary)
    if result.findings:
        told = [_row(finding.line, finding.reason) for finding in result.findings[:_TOLD_FINDINGS]]
        qf.output.records("Findings", told, "")
    untold = result.finding_count - _TOLD_FINDINGS
    if untold > 0:
        qf.output.note(f"… and {untold:,} more.")


def _row(line: int | None, reason: str) -> Row:
    return {"line": line, "finding": reason}


def _counted(count: int) -> str:
    return "1 finding" if count == 1 else f"{count:,} findings"
