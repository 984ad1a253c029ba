"""`qf keys`: the keys under which people and coordonnées stand in the tables (N5)."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import grpc
import typer

from cli import views
from cli.application import Qf, command
from cli.chunk_stream import StreamEndedEarly
from cli.connection import Answers
from cli.errors import CommandFailed, ExitStatus, UsageFailed
from cli.output import Row
from cli.parameters import YesOption, confirm
from cli.progress import LateProgress
from msa.quotient.v1 import key_service_pb2 as pb
from msa.quotient.v1 import key_service_pb2_grpc as rpc
from services.kit.errors import Reason
from services.kit.keys import derived_key

group = typer.Typer(
    no_args_is_help=True, help="Keys of quotient: which are in use, taking newer ones into use."
)

_KEY_BYTES = 32
_NAME = re.compile(r"([1-9][0-9]{0,3})\.key")
# As quotient tells two keys apart (`services/quotient/secrecy.py`).
_FINGERPRINT, _FINGERPRINT_BYTES = b"msa.quotient.fingerprint", 8
_GOES_ON = "Nothing is half done: `qf keys rotate` goes on where it was."


@command(
    group,
    "new",
    examples=["qf keys new /etc/qf/person_index", "qf keys new .local/secrets/wrapping"],
)
def new(
    qf: Qf,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of the keys of one kind.")],
) -> None:
    """Writes the next key file, 1.key, 2.key, …: 32 random bytes that only its owner can read.

    It calls no service; run it on one server's host, then copy the file to every other replica. Nothing is
    overwritten, and nothing is in use before `qf keys rotate`.
    """
    key = secrets.token_bytes(_KEY_BYTES)
    path = folder / f"{_next_generation(folder)}.key"
    try:
        _write_new(path, key)
    except OSError as error:
        raise UsageFailed(
            f"Cannot write {path}: {error.strerror}.", "Check the folder, your rights and the free space."
        ) from None
    fingerprint = derived_key(key, _FINGERPRINT)[:_FINGERPRINT_BYTES].hex()
    qf.output.record("Key file", {"file": str(path), "fingerprint": fingerprint})
    qf.output.note(
        "Let the account that runs quotient read it. Copy it to the same folder of every replica and into your backup "
        "of keys; then `qf keys show`, and `qf keys rotate`."
    )


@command(group, "show", examples=["qf keys show", "qf keys show --json"])
def show(qf: Qf) -> None:
    """Shows the keys that one replica has: in use, waiting to be taken into use, former.

    A fingerprint tells two keys apart and nothing else. A rotation that was cut is not over: `qf keys rotate` goes on
    where it was.
    """
    keys = _keys(qf)
    tables: Mapping[str, Sequence[Row]] = {
        "person_index_keys": _index_rows(keys),
        "wrapping_keys": _wrapping_rows(keys),
        "data_keys": _data_rows(keys),
    }
    if qf.output.as_json:
        qf.output.document(tables)
        return
    for name, rows in tables.items():
        qf.output.records(name.replace("_", " ").capitalize(), rows, "There is none.")
    if waiting := _waiting(keys):
        qf.output.note(f"Not in use yet: {', '.join(waiting)}. Once every replica has them: qf keys rotate")
    if _is_unfinished(keys):
        qf.output.note("A rotation is under way, or was cut: then `qf keys rotate` goes on where it was.")


@command(group, "rotate", examples=["qf keys rotate", "qf keys rotate --yes"])
def rotate(qf: Qf, yes: YesOption = False) -> None:
    """Takes newer key files into use and rewrites all that stands under former keys, while everybody works on.

    First put the same files into the folders of every replica: one that lacks a key in use answers UNAVAILABLE until
    it has it. A rotation that was cut, by Ctrl-C or by the end of the service, goes on where it was.
    """
    if waiting := _waiting(_keys(qf)):
        confirm(
            f"Take {', '.join(waiting)} into use? Every replica must have the same files by now; a key that was in use "
            "must be kept.",
            yes=yes,
        )
    service = qf.services.quotient
    stub = rpc.KeyServiceStub(service.channel)
    answers = service.watch(stub.RotateKeys, pb.RotateKeysRequest())
    counts: dict[str, int] = {}
    try:
        _follow(qf, answers, counts)
    except grpc.RpcError as error:
        raise _cut(service.explained(error)) from None
    except StopIteration:
        raise _cut(service.explained(StreamEndedEarly())) from None
    except KeyboardInterrupt:
        answers.cancel()
        raise CommandFailed(
            "The rotation was interrupted.", _GOES_ON, ExitStatus.INTERRUPTED, "INTERRUPTED"
        ) from None
    qf.output.record("Rotated", counts)


def _follow(qf: Qf, answers: Answers[pb.RotateKeysResponse], counts: dict[str, int]) -> None:
    """Shows how far each step is until all is done; notes in `counts` how many rows each one has looked at."""
    answer = next(answers)
    while answer.step != pb.ROTATION_STEP_DONE:
        step, total = answer.step, answer.total_count
        label, counted = _STEPS[step]
        with LateProgress(qf.output.err, label, total) as progress:
            already = answer.done_count
            while answer.step == step and answer.total_count == total:
                counts[counted] = answer.done_count
                rate = (answer.done_count - already) / (progress.elapsed_seconds or 1)
                progress.advance_to(
                    min(answer.done_count, total),
                    f"{answer.done_count:,} of {max(total, answer.done_count):,}, {rate:,.0f}/s",
                )
                answer = next(answers)


_STEPS: Mapping[int, tuple[str, str]] = {
    pb.ROTATION_STEP_DATA_KEYS: ("Wrapping data keys anew", "data_keys"),
    pb.ROTATION_STEP_PERSON_INDEX: ("Indexing people anew", "persons"),
    pb.ROTATION_STEP_COORDONNEES: ("Enciphering coordonnées anew", "dossiers"),
}


def _cut(failed: CommandFailed) -> CommandFailed:
    if failed.reason == Reason.RECORD_STATE:
        return failed.with_remedy("")
    return (
        _as_operator(failed)
        if failed.reason == Reason.CLIENT_NOT_ALLOWED
        else failed.with_remedy(f"{failed.remedy} {_GOES_ON}")
    )


def _as_operator(failed: CommandFailed) -> CommandFailed:
    return failed.with_remedy(
        "Let [tls] certificate_file name a certificate that quotient lists under the role operators."
    )


def _keys(qf: Qf) -> pb.GetKeysResponse:
    service = qf.services.quotient
    try:
        return service.call(rpc.KeyServiceStub(service.channel).GetKeys, pb.GetKeysRequest())
    except CommandFailed as failed:
        if failed.reason == Reason.CLIENT_NOT_ALLOWED:
            raise _as_operator(failed) from None
        # What it says names the remedy.
        raise failed.with_remedy("") if failed.reason == Reason.RECORD_STATE else failed from None


def _index_rows(keys: pb.GetKeysResponse) -> Sequence[Row]:
    newest = max(key.generation for key in keys.person_index_keys if key.HasField("begin_time"))
    return [_row(key, _state(key.generation, newest)) for key in keys.person_index_keys]


def _wrapping_rows(keys: pb.GetKeysResponse) -> Sequence[Row]:
    newest = _wrapping_generation(keys)
    return [_row(key, _state(key.generation, newest)) for key in keys.wrapping_keys]


def _row(key: pb.KeyGeneration, state: str) -> Row:
    return {
        "file": f"{key.generation}.key",
        "fingerprint": key.fingerprint,
        "state": state,
        "in_use_since": views.instant(key, "begin_time"),
        "complete_since": views.instant(key, "complete_time"),
    }


def _data_rows(keys: pb.GetKeysResponse) -> Sequence[Row]:
    newest = keys.data_keys[-1].data_key_id
    return [
        {
            "data_key": key.data_key_id,
            "wrapped_by": f"{key.wrapping_generation}.key",
            "state": _state(key.data_key_id, newest),
            "in_use_since": views.instant(key, "create_time"),
            "complete_since": views.instant(key, "complete_time"),
        }
        for key in keys.data_keys
    ]


def _state(generation: int, newest_in_use: int) -> str:
    if generation == newest_in_use:
        return "in use"
    return "former" if generation < newest_in_use else "waiting"


def _wrapping_generation(keys: pb.GetKeysResponse) -> int:
    return keys.data_keys[-1].wrapping_generation


def _waiting(keys: pb.GetKeysResponse) -> Sequence[str]:
    """The key files that are not in use yet, in words."""
    wrapping = _wrapping_generation(keys)
    return [
        *(
            f"person index {key.generation}.key"
            for key in keys.person_index_keys
            if not key.HasField("begin_time")
        ),
        *(f"wrapping {key.generation}.key" for key in keys.wrapping_keys if key.generation > wrapping),
    ]


def _is_unfinished(keys: pb.GetKeysResponse) -> bool:
    in_use = [key for key in keys.person_index_keys if key.HasField("begin_time")]
    return not (in_use[-1].HasField("complete_time") and keys.data_keys[-1].HasField("complete_time"))


def _next_generation(folder: Path) -> int:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        raise UsageFailed(
            f"Cannot read the folder {folder}.",
            "Make it first, for the account that runs quotient only: chmod 700.",
        ) from None
    generations = sorted(int(match[1]) for name in names if (match := _NAME.fullmatch(name)))
    if generations != list(range(1, len(generations) + 1)):
        raise UsageFailed(
            f"The keys in {folder} are not 1.key, 2.key, … without a gap.",
            "Put back what is missing, from your backup of keys, before there is a new one.",
        )
    return len(generations) + 1


def _write_new(path: Path, key: bytes) -> None:
    """Writes a file that appears whole or not at all, and takes no other's place. Raises OSError."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".") as draft:
        draft.write(key)
        draft.flush()
        os.fsync(draft.fileno())
        path.hardlink_to(draft.name)
