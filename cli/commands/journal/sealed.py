"""`qf journal checkpoint`, `prove`, `timestamp`: what is sealed, and that it stays so (N7)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import evidence
from cli.application import Qf, command
from cli.errors import CommandFailed
from cli.evidence import OptionalKeyOption
from cli.parameters import YesOption
from msa.quotient.v1 import journal_service_pb2 as pb
from services.kit.transparency.leaf import CANONICAL_LEAF
from services.kit.transparency.merkle import ProofRefused, leaf_hash, verify_consistency, verify_inclusion
from services.kit.transparency.signed_note import Checkpoint, VerifierKey

group = typer.Typer()
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Save it here; its time-stamp goes beside it, as FILE.tsr."),
]


@command(
    group,
    "checkpoint",
    examples=[
        "qf journal checkpoint --key-out journal.key",
        "qf journal checkpoint --out 2026-11-24.checkpoint --key journal.key",
        "qf journal checkpoint --since 2026-11-23.checkpoint --key journal.key",
    ],
)
def checkpoint(
    qf: Qf,
    out: OutOption = None,
    since: Annotated[
        Path | None,
        typer.Option(
            "--since", metavar="FILE", help="Prove that the journal still begins with what this one signs."
        ),
    ] = None,
    key: OptionalKeyOption = None,
    key_out: Annotated[
        Path | None, typer.Option("--key-out", metavar="FILE", help="Save the verifier key here.")
    ] = None,
    yes: YesOption = False,
) -> None:
    """Shows the newest checkpoint: how many lines are sealed, under which root.

    Whoever keeps it can tell later whether a line was altered or cut since. With --since the service proves, here and
    now, that it was not.
    """
    answer = qf.services.quotient.call(evidence.stub(qf).GetCheckpoint, pb.GetCheckpointRequest())
    trusted = evidence.read_key(key) if key else VerifierKey.parse(answer.verifier_key)
    head = evidence.opened(answer.checkpoint.note, trusted, "What the service sent")
    if since is not None:
        _require_grown(qf, evidence.read_checkpoint(since, trusted), head)
    _save(answer.checkpoint, out, yes=yes)
    if key_out is not None:
        evidence.confirm_overwriting(key_out, yes=yes)
        evidence.save_key(trusted, key_out)
    shown = evidence.row(answer.checkpoint, trusted)
    if qf.output.as_json:
        qf.output.document({**shown, "note": answer.checkpoint.note})
    else:
        qf.output.record("Checkpoint of the journal", shown)
    if since is not None:
        qf.output.note(f"The journal begins with all that {since} signs, unchanged.")


@command(
    group,
    "prove",
    examples=[
        "qf journal prove CONSULTATION_ID",
        "qf journal prove CONSULTATION_ID --key journal.key --json",
    ],
)
def prove(
    qf: Qf,
    consultation_id: Annotated[
        str, typer.Argument(metavar="CONSULTATION_ID", help="UUID of the consultation.")
    ],
    key: OptionalKeyOption = None,
) -> None:
    """Proves that the line of a consultation is sealed, as it stands: here, not by the service's word.

    A line is sealed a second after it is written. --json shows the leaf and the proof.
    """
    request = pb.GetInclusionProofRequest(consultation_id=consultation_id)
    proof = qf.services.quotient.call(evidence.stub(qf).GetInclusionProof, request)
    trusted = evidence.trusted_key(qf, key)
    head = evidence.opened(proof.checkpoint.note, trusted, "What the service sent")
    _require_included(proof, consultation_id, head)
    if qf.output.as_json:
        qf.output.document(_proof_document(proof, consultation_id))
        return
    qf.output.record(
        "Proved",
        {
            "consultation_id": consultation_id,
            "leaf_index": proof.leaf_index,
            "proof_hashes": len(proof.hashes),
            **evidence.row(proof.checkpoint, trusted),
        },
    )


@command(
    group,
    "timestamp",
    examples=["qf journal timestamp", "qf journal timestamp --out 2026-11-24.checkpoint"],
)
def timestamp(qf: Qf, out: OutOption = None, key: OptionalKeyOption = None, yes: YesOption = False) -> None:
    """Has the newest checkpoint time-stamped by the authority that is configured (RFC 3161).

    From then on nobody, not even who holds the journal's key, can pretend that the journal was another one at that
    time.
    """
    request = pb.TimestampCheckpointRequest()
    stamped = qf.services.quotient.call(evidence.stub(qf).TimestampCheckpoint, request).checkpoint
    trusted = evidence.trusted_key(qf, key)
    evidence.opened(stamped.note, trusted, "What the service sent")
    _save(stamped, out, yes=yes)
    qf.output.record("Time-stamped checkpoint", evidence.row(stamped, trusted))


def _save(checkpoint: pb.Checkpoint, out: Path | None, *, yes: bool) -> None:
    if out is not None:
        evidence.confirm_overwriting(out, yes=yes)
        evidence.save(checkpoint, out)


def _require_grown(qf: Qf, earlier: Checkpoint, newest: Checkpoint) -> None:
    """Raises CommandFailed unless the newest tree begins with the earlier one."""
    if earlier.tree_size > newest.tree_size:
        raise _rewritten(f"it signs {earlier.tree_size} lines, and {newest.tree_size} are left")
    request = pb.GetConsistencyProofRequest(
        first_tree_size=earlier.tree_size, second_tree_size=newest.tree_size
    )
    proof = qf.services.quotient.call(evidence.stub(qf).GetConsistencyProof, request)
    try:
        verify_consistency(
            earlier.tree_size, newest.tree_size, earlier.root_hash, newest.root_hash, list(proof.hashes)
        )
    except ProofRefused as refused:
        raise _rewritten(str(refused)) from None


def _require_included(proof: pb.GetInclusionProofResponse, consultation_id: str, head: Checkpoint) -> None:
    """Raises CommandFailed unless the leaf is that of the consultation, and in the tree."""
    leaf = CANONICAL_LEAF.fullmatch(proof.leaf)
    if leaf is None or leaf["consultation_id"].decode() != consultation_id.lower():
        raise _not_proved("what is proved is another line")
    try:
        verify_inclusion(
            leaf_hash(proof.leaf), proof.leaf_index, head.tree_size, list(proof.hashes), head.root_hash
        )
    except ProofRefused as refused:
        raise _not_proved(str(refused)) from None


def _not_proved(how: str) -> CommandFailed:
    return CommandFailed(
        f"The line is not as it was sealed: {how}.",
        "Keep this answer, and export and verify the journal: `qf journal export`, `qf journal verify`.",
        reason="PROOF_REFUSED",
    )


def _rewritten(how: str) -> CommandFailed:
    return CommandFailed(
        f"The journal does not begin with what that checkpoint signs: {how}.",
        "Keep the checkpoint; export and verify the journal with it: `qf journal export`, `qf journal verify`.",
        reason="JOURNAL_REWRITTEN",
    )


def _proof_document(proof: pb.GetInclusionProofResponse, consultation_id: str) -> dict[str, object]:
    return {
        "consultation_id": consultation_id,
        "leaf_index": proof.leaf_index,
        "leaf": proof.leaf.decode(),
        "hashes": [one.hex() for one in proof.hashes],
        "tree_size": proof.checkpoint.tree_size,
        "note": proof.checkpoint.note,
    }
