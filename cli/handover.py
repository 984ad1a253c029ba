"""How credentials reach a user who is not at this screen: two letters to the partner, sent apart (art. 4-2, 4-3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cli.application import Qf
from cli.errors import CommandFailed, UsageFailed
from cli.letters import writing
from cli.output import Row
from msa.identity.v1 import account_service_pb2 as pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from services.kit.clock import paris_date
from services.kit.redaction import Password

SEND = (
    "Send the two letters apart, the one with the password sealed, then remove its file (art. 4-3). The first sign-in "
    "replaces the password."
)


@dataclass(frozen=True)
class Issued:
    """Credentials as identity issued them: for the user only (art. 4-3)."""

    account: pb.Account
    password: Password
    expire_time: datetime


class LetterNotWritten(CommandFailed):
    """The credentials are in force, and a letter that hands them over is not there."""


def prepare(folder: Path | None) -> None:
    """Makes the folder for the letters, before anything is done that they are to tell. Raises UsageFailed."""
    if folder is None:
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise UsageFailed(f"Cannot write letters to {folder}.", "Name a folder of yours.") from None


def password_path(folder: Path, habilitation: habilitation_pb.Habilitation) -> Path:
    """Where in the folder the letter with the password goes."""
    return folder / f"password-{habilitation.habilitation_id}.pdf"


def write_both(qf: Qf, habilitation: habilitation_pb.Habilitation, issued: Issued, folder: Path) -> Row:
    """Writes the password, then the notification of the habilitation. Raises LetterNotWritten."""
    written = write_password(qf, habilitation, issued, password_path(folder, habilitation))
    path = folder / f"habilitation-{habilitation.habilitation_id}.pdf"
    try:
        writing.write_habilitation_letter(qf, habilitation, issued.account.login, path)
    except CommandFailed as failed:
        again = f"qf letter habilitation --habilitation {habilitation.habilitation_id} --out FILE"
        raise _not_written(
            habilitation, failed, f"The password is in {written['password_letter']}; then: {again}"
        ) from None
    return {**written, "habilitation_letter": str(path)}


def write_password(qf: Qf, habilitation: habilitation_pb.Habilitation, issued: Issued, path: Path) -> Row:
    """Writes the password to `path`. Raises LetterNotWritten."""
    expire_date = paris_date(issued.expire_time)
    try:
        writing.write_password_letter(qf, habilitation, issued.password, expire_date, path)
    except CommandFailed as failed:
        again = f"qf user new-password --habilitation {habilitation.habilitation_id} --letter FILE"
        raise _not_written(
            habilitation, failed, f"Nobody knows this password; then, for another one: {again}"
        ) from None
    return {"password_letter": str(path)}


def _not_written(
    habilitation: habilitation_pb.Habilitation, failed: CommandFailed, remedy: str
) -> LetterNotWritten:
    return LetterNotWritten(
        f"The credentials of habilitation {habilitation.habilitation_id} are in force, but a letter is missing: "
        f"{failed.message}",
        f"{failed.remedy} {remedy}",
        failed.status,
        failed.reason,
    )
