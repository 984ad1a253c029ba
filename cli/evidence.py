"""Checkpoints of the journal on this side: the key that verifies them, their files, and what is told of them (N7)."""

from __future__ import annotations

import base64
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cli import views
from cli.application import Qf
from cli.errors import CommandFailed, UsageFailed
from cli.output import Row
from cli.parameters import confirm
from msa.quotient.v1 import journal_service_pb2 as pb
from msa.quotient.v1 import journal_service_pb2_grpc as rpc
from services.kit.transparency.signed_note import Checkpoint, NoteRefused, VerifierKey, open_checkpoint

_KEY_HELP = "The journal's verifier key, NAME+HASH+KEY, or the file that holds it"
KeyOption = Annotated[str, typer.Option("--key", metavar="KEY", help=f"{_KEY_HELP}.")]
OptionalKeyOption = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help=f"{_KEY_HELP}; without it the service's own word is taken."),
]


def stub(qf: Qf) -> rpc.JournalServiceStub:
    """The journal as evidence."""
    return rpc.JournalServiceStub(qf.services.quotient.channel)


def read_key(text: str) -> VerifierKey:
    """The key in `text`, or in the file of that name. Raises UsageFailed."""
    path = Path(text)
    try:
        return VerifierKey.parse(_read(path).decode().strip() if path.is_file() else text)
    except (NoteRefused, ValueError):
        raise UsageFailed(
            "--key is no verifier key.", "Give NAME+HASH+KEY or its file; `qf journal checkpoint` tells it."
        ) from None


def trusted_key(qf: Qf, text: str | None) -> VerifierKey:
    """The key that the caller gave; without one, that which the service tells."""
    if text is not None:
        return read_key(text)
    answer = qf.services.quotient.call(stub(qf).GetCheckpoint, pb.GetCheckpointRequest())
    return VerifierKey.parse(answer.verifier_key)


def opened(note: str, key: VerifierKey, name: str) -> Checkpoint:
    """The checkpoint that a note signs; `name` is what its reader calls it. Raises CommandFailed."""
    try:
        return open_checkpoint(note, key)
    except NoteRefused as refused:
        raise CommandFailed(
            f"{name} is no checkpoint of this journal: {refused}.",
            "Check that the file and the key belong together; if they do, it was forged.",
            reason="CHECKPOINT_REFUSED",
        ) from None


def read_checkpoint(path: Path, key: VerifierKey) -> Checkpoint:
    """The checkpoint in a file. Raises CommandFailed."""
    return opened(read_note(path), key, str(path))


def read_note(path: Path) -> str:
    """The note in a file, as it is. Raises UsageFailed."""
    try:
        return _read(path).decode()
    except UnicodeDecodeError:
        raise UsageFailed(f"{path} is no checkpoint.", "Name the file that `qf journal` wrote.") from None


def checkpoint_file(export: Path) -> Path:
    """Where the checkpoint of an export stands."""
    return export.with_name(f"{export.name}.checkpoint")


def timestamp_file(checkpoint: Path) -> Path:
    """Where the time-stamp of a checkpoint stands, as an authority's response (RFC 3161)."""
    return checkpoint.with_name(f"{checkpoint.name}.tsr")


def confirm_overwriting(path: Path, *, yes: bool) -> None:
    """Asks before a file is lost. Raises UsageFailed where there is nobody to ask."""
    if path.exists():
        confirm(f"{path} is there already. Overwrite it?", yes=yes)


def save(checkpoint: pb.Checkpoint, path: Path) -> None:
    """Writes a checkpoint, and its time-stamp beside it if there is one. Raises UsageFailed."""
    try:
        path.write_text(checkpoint.note, encoding="utf-8")
        stamp = timestamp_file(path)
        if checkpoint.timestamp_token:
            stamp.write_bytes(_to_response(checkpoint.timestamp_token))
        else:
            # Of another checkpoint.
            stamp.unlink(missing_ok=True)
    except OSError:
        raise cannot_write(path) from None


def save_key(key: VerifierKey, path: Path) -> None:
    """Writes the key that verifies checkpoints. Raises UsageFailed."""
    try:
        path.write_text(f"{key}\n", encoding="utf-8")
    except OSError:
        raise cannot_write(path) from None


def cannot_write(path: Path) -> UsageFailed:
    """What is said where a file cannot be written."""
    return UsageFailed(f"Cannot write {path}.", "Check the folder, your rights and the free space.")


def row(checkpoint: pb.Checkpoint, key: VerifierKey) -> Row:
    """A checkpoint as it is shown."""
    return {
        "origin": key.name,
        "tree_size": checkpoint.tree_size,
        "root_hash": base64.b64encode(checkpoint.root_hash).decode(),
        "seal_time": views.instant(checkpoint, "seal_time"),
        "timestamp_time": _time_of(checkpoint.timestamp_token) if checkpoint.timestamp_token else None,
        "verifier_key": str(key),
    }


def verify_timestamp_file(path: Path, note: str, authority: Path) -> datetime:
    """When `note` was time-stamped, by the authority whose certificates (PEM) a file holds. Raises CommandFailed."""
    from services.kit.transparency import timestamp  # noqa: PLC0415  # a tenth of qf's start, seldom needed

    try:
        return timestamp.verify_timestamp(_read(path), note, _read(authority))
    except timestamp.TimestampRefused as refused:
        raise CommandFailed(
            f"{path} does not hold: {refused}.",
            "Check that --timestamp-ca names the certificates of the authority that stamped it.",
            reason="TIMESTAMP_REFUSED",
        ) from None


def _time_of(token: bytes) -> datetime:
    from services.kit.transparency.timestamp import timestamp_of  # noqa: PLC0415  # a tenth of qf's start

    return timestamp_of(token)


def _to_response(token: bytes) -> bytes:
    from services.kit.transparency.timestamp import to_response  # noqa: PLC0415  # a tenth of qf's start

    return to_response(token)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise UsageFailed(
            f"Cannot read {path}.", "Check that it is a file, is there, and is yours to read."
        ) from None
