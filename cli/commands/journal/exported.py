"""`qf journal export`: the journal of a caisse as a file that anybody can verify (N7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import grpc
import typer

from cli import evidence
from cli.application import Qf, command
from cli.evidence import OptionalKeyOption
from cli.parameters import CaisseOption, YesOption
from cli.progress import LateProgress
from msa.quotient.v1 import journal_service_pb2 as pb
from services.kit.clock import SystemClock
from services.kit.transparency.export import MISSING, ExportHeader, other_caisse_entry, purged_entry

group = typer.Typer()


@command(
    group,
    "export",
    examples=[
        "qf journal export journal.txt --caisse 21",
        "qf journal export journal.txt --caisse 21 --key journal.key --yes",
    ],
)
def export(
    qf: Qf,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; FILE.checkpoint goes beside it.")],
    caisse: CaisseOption,
    key: OptionalKeyOption = None,
    yes: YesOption = False,
) -> None:
    """Exports the journal of a caisse for an auditor, with the checkpoint that signs it.

    Lines of other caisses, and those that were purged when their time was over, are hashes only. No NIR, name or amount
    is in it. Then: qf journal verify FILE --key KEY, on any machine.
    """
    evidence.confirm_overwriting(file, yes=yes)
    trusted = evidence.trusted_key(qf, key)
    answers = _answers(qf, caisse)
    newest = next(answers).checkpoint
    head = evidence.opened(newest.note, trusted, "What the service sent")
    header = ExportHeader(head.origin, head.tree_size, caisse, SystemClock().now())
    draft = file.with_name(f"{file.name}.partial")
    try:
        with draft.open("wb") as stream, LateProgress(qf.output.err, "Exporting", head.tree_size) as progress:
            stream.write(header.encode() + b"\n")
            leaves = _write(stream, answers, progress)
        evidence.save(newest, evidence.checkpoint_file(file))
        draft.replace(file)
    except OSError:
        raise evidence.cannot_write(file) from None
    finally:
        draft.unlink(missing_ok=True)
    qf.output.record("Exported", {"file": str(file), "lines": leaves, **evidence.row(newest, trusted)})


def _answers(qf: Qf, caisse: str) -> Iterator[pb.ExportJournalResponse]:
    service = qf.services.quotient
    answers = service.watch(evidence.stub(qf).ExportJournal, pb.ExportJournalRequest(caisse_code=caisse))
    try:
        while True:
            yield next(answers)
    except StopIteration:
        return
    except grpc.RpcError as error:
        raise service.explained(error) from None
    finally:
        answers.cancel()


def _write(stream: BinaryIO, answers: Iterator[pb.ExportJournalResponse], progress: LateProgress) -> int:
    leaves = 0
    for answer in answers:
        stream.writelines(_entry(leaf) + b"\n" for leaf in answer.leaves)
        leaves += len(answer.leaves)
        progress.advance_to(leaves, f"{leaves:,} lines")
    return leaves


def _entry(leaf: pb.JournalLeaf) -> bytes:
    """The line of a leaf; one without content should be there and is not."""
    match leaf.WhichOneof("content"):
        case "line":
            return leaf.line
        case "other_caisse_hash":
            return other_caisse_entry(leaf.other_caisse_hash)
        case "purged_hash":
            return purged_entry(leaf.purged_hash)
        case _:
            return MISSING
