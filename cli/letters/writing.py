"""Writes letters and reports to files that their owner alone may read, and that are not overwritten unless asked."""

import os
from datetime import date
from pathlib import Path

from cli import register
from cli.application import Qf
from cli.connection import LettersSettings
from cli.errors import CommandFailed, UsageFailed
from cli.letters.denunciation import denunciation_letter
from cli.letters.records import CaisseIdentity, ConventionLetter, Letter, PartnerIdentity, PasswordLetter
from cli.letters.reporting import consultation_report
from cli.letters.statement import statement_letter
from cli.letters.translation import (
    caisse_identity,
    habilitation_letter,
    letter_user,
    partner_identity,
    suspension_letter,
)
from cli.letters.typesetting import UnprintableSign, render
from cli.parameters import today
from cli.reports import Report
from cli.statements import Statement
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from msa.partners.v1 import partner_service_pb2_grpc as partner_rpc
from services.kit.redaction import Password

_OWNER_ONLY = 0o600


def write_habilitation_letter(
    qf: Qf,
    habilitation: habilitation_pb.Habilitation,
    account_login: str,
    path: Path,
    *,
    overwrite: bool = False,
) -> None:
    """Writes the notification of a habilitation, with the login (art. 4-2). Raises CommandFailed."""
    caisse, partner = _parties(qf, habilitation.caisse_code, habilitation.partner_id)
    letter = habilitation_letter(today(), caisse, partner, habilitation, account_login)
    write(letter, path, overwrite=overwrite)


def write_password_letter(
    qf: Qf,
    habilitation: habilitation_pb.Habilitation,
    password: Password,
    expire_date: date,
    path: Path,
    *,
    overwrite: bool = False,
) -> None:
    """Writes the sealed letter with a temporary password, which stops working on `expire_date` (art. 4-3).

    Call `rehearse_password_letter` before the password is issued: afterwards nobody can show it again. Raises
    CommandFailed.
    """
    write(_password_letter(qf, habilitation, password, expire_date), path, overwrite=overwrite)


def rehearse_password_letter(
    qf: Qf, habilitation: habilitation_pb.Habilitation, path: Path, *, overwrite: bool = False
) -> None:
    """Sets the sealed letter without its password and writes nothing. Raises CommandFailed where it would fail."""
    if path.exists() and not overwrite:
        raise _is_there(path)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise _cannot_write(path)
    _set(_password_letter(qf, habilitation, Password("x"), today()))


def write_convention_letter(qf: Qf, convention_id: str, path: Path, *, overwrite: bool = False) -> None:
    """Writes the convention with its annexes, ready to be signed. Raises CommandFailed."""
    convention = register.convention(qf, convention_id)
    caisse, partner = _parties(qf, convention.caisse_code, convention.partner_id)
    write(ConventionLetter(today(), caisse, partner), path, overwrite=overwrite)


def write_denunciation_letter(
    qf: Qf, convention_id: str, fact_id: str | None, path: Path, *, overwrite: bool = False
) -> None:
    """Writes the acknowledgement of a denunciation (art. 9-2). Raises CommandFailed."""
    convention = register.convention(qf, convention_id)
    caisse, partner = _parties(qf, convention.caisse_code, convention.partner_id)
    write(denunciation_letter(today(), caisse, partner, convention, fact_id), path, overwrite=overwrite)


def write_partner_suspension_letter(qf: Qf, partner_id: str, path: Path, *, overwrite: bool = False) -> None:
    """Writes the notification of a partner's suspension (art. 7-2). Raises CommandFailed."""
    suspended = register.partner(qf, partner_id)
    caisse = _caisse(qf, suspended.caisse_code)
    letter = suspension_letter(today(), caisse, partner_identity(suspended), suspended)
    write(letter, path, overwrite=overwrite)


def write_user_suspension_letter(
    qf: Qf, habilitation_id: str, path: Path, *, overwrite: bool = False
) -> None:
    """Writes the notification, to the partner, of the suspension of one user (art. 7-2). Raises CommandFailed."""
    suspended = register.habilitation(qf, habilitation_id)
    caisse, partner = _parties(qf, suspended.caisse_code, suspended.partner_id)
    write(suspension_letter(today(), caisse, partner, suspended), path, overwrite=overwrite)


def write_consultation_report(
    qf: Qf, report: Report, path: Path, *, is_incomplete: bool, overwrite: bool = False
) -> None:
    """Writes how often a caisse's QFs were consulted. Raises CommandFailed."""
    letter = consultation_report(
        today(), _caisse(qf, report.caisse_code), report, is_incomplete=is_incomplete
    )
    write(letter, path, overwrite=overwrite)


def write_statement_letter(qf: Qf, statement: Statement, path: Path, *, overwrite: bool = False) -> None:
    """Writes the answer to a person who asked what is kept of her (art. 6-3, RGPD art. 15). Raises CommandFailed."""
    write(statement_letter(_caisse(qf, statement.caisse_code), statement), path, overwrite=overwrite)


def write(letter: Letter, path: Path, *, overwrite: bool = False) -> None:
    """Writes `letter` to `path` as PDF. Raises UsageFailed where the file is there or cannot be written."""
    write_file(_set(letter), path, overwrite=overwrite)


def write_file(content: bytes, path: Path, *, overwrite: bool = False) -> None:
    """Writes what its owner alone may read. Raises UsageFailed where the file is there or cannot be written."""
    try:
        if overwrite:
            path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        raise _is_there(path) from None
    except OSError:
        raise _cannot_write(path) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError:
        path.unlink(missing_ok=True)
        raise _cannot_write(path) from None


def _set(letter: Letter) -> bytes:
    try:
        return render(letter)
    except UnprintableSign:
        raise CommandFailed(
            "A name or an address on the letter has a sign that its fonts lack.",
            "They have Latin, Greek and Cyrillic letters; correct the record, or write this letter by hand.",
        ) from None


def _password_letter(
    qf: Qf, habilitation: habilitation_pb.Habilitation, password: Password, expire_date: date
) -> PasswordLetter:
    caisse, partner = _parties(qf, habilitation.caisse_code, habilitation.partner_id)
    return PasswordLetter(today(), caisse, partner, letter_user(habilitation.user), password, expire_date)


def _parties(qf: Qf, caisse_code: str, partner_id: str) -> tuple[CaisseIdentity, PartnerIdentity]:
    return _caisse(qf, caisse_code), partner_identity(register.partner(qf, partner_id))


def _caisse(qf: Qf, code: str) -> CaisseIdentity:
    stub = partner_rpc.CaisseServiceStub(qf.services.partners.channel)
    caisses = qf.services.partners.call(stub.ListCaisses, partner_pb.ListCaissesRequest()).caisses
    (caisse,) = [caisse for caisse in caisses if caisse.caisse_code == code]
    return caisse_identity(caisse, qf.settings.letters.get(code, LettersSettings()))


def _is_there(path: Path) -> UsageFailed:
    return UsageFailed(
        f"{path} is there already.", "Name another file, or add --overwrite where it is offered."
    )


def _cannot_write(path: Path) -> UsageFailed:
    return UsageFailed(f"Cannot write {path}.", "Check that its folder is there and may be written to.")
