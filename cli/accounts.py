"""The accounts of identity, as several commands use them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp

from cli import handover, register, views
from cli.application import Qf
from cli.errors import CommandFailed
from cli.letters import writing
from cli.output import Row
from msa.identity.v1 import account_service_pb2 as pb
from msa.identity.v1 import account_service_pb2_grpc as rpc
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from services.kit.errors import Reason
from services.kit.redaction import Password

_HAND_OVER = (
    "Hand login and password over to the user only (art. 4-3). The password is shown this once; "
    "the first sign-in replaces it."
)


def stub(qf: Qf) -> rpc.AccountServiceStub:
    """AccountService."""
    return rpc.AccountServiceStub(qf.services.identity.channel)


def make(
    qf: Qf,
    habilitation: habilitation_pb.Habilitation,
    title: str,
    *,
    letters: Path | None = None,
    more: Row | None = None,
) -> None:
    """Makes the credentials of a habilitation and hands them over, shown with `more`. Raises CommandFailed."""
    if letters:
        writing.rehearse_password_letter(qf, habilitation, handover.password_path(letters, habilitation))
    request = pb.CreateAccountRequest(
        habilitation_id=habilitation.habilitation_id,
        caisse_code=habilitation.caisse_code,
        partner_id=habilitation.partner_id,
        personal_words=[habilitation.user.nom, habilitation.user.prenom],
    )
    reply = qf.services.identity.call(stub(qf).CreateAccount, request)
    issued = _issued(reply.account, reply.temporary_password, reply.temporary_password_expire_time)
    written = handover.write_both(qf, habilitation, issued, letters) if letters else None
    _show(qf, title, {**(more or {}), "habilitation_id": habilitation.habilitation_id}, issued, written)


@contextmanager
def finished_later(habilitation: habilitation_pb.Habilitation) -> Iterator[None]:
    """Around `make` for a habilitation just registered: where it is cut short, says how to go on."""
    try:
        yield
    except handover.LetterNotWritten:
        raise
    except CommandFailed as failed:
        raise CommandFailed(
            f"The habilitation {habilitation.habilitation_id} is registered, but it has no credentials yet: "
            f"{failed.message}",
            f"{failed.remedy} Then finish with: "
            f"qf user credentials --habilitation {habilitation.habilitation_id}",
            failed.status,
            failed.reason,
            failed.violations,
        ) from None


def replace_password(qf: Qf, account: pb.Account, title: str, letter: Path | None = None) -> None:
    """Voids the credentials of an account and hands new ones over (art. 5). Raises CommandFailed."""
    addressee = _rehearsed(qf, account, letter) if letter else None
    request = pb.IssueTemporaryPasswordRequest(account_id=account.account_id)
    reply = qf.services.identity.call(stub(qf).IssueTemporaryPassword, request)
    issued = _issued(account, reply.temporary_password, reply.temporary_password_expire_time)
    written = handover.write_password(qf, addressee, issued, letter) if addressee and letter else None
    _show(qf, title, {"habilitation_id": account.habilitation_id}, issued, written)


def get(qf: Qf, habilitation: str) -> pb.Account:
    """The account of a habilitation. Raises CommandFailed where it has none."""
    request = pb.GetAccountRequest(habilitation_id=habilitation)
    return qf.services.identity.call(stub(qf).GetAccount, request).account


def by_id(qf: Qf, account_id: str) -> pb.Account:
    """The account with this id. Raises CommandFailed where there is none."""
    request = pb.GetAccountRequest(account_id=account_id)
    return qf.services.identity.call(stub(qf).GetAccount, request).account


def find(qf: Qf, habilitation: str) -> pb.Account | None:
    """The account of a habilitation, if it has one. Raises CommandFailed."""
    try:
        return get(qf, habilitation)
    except CommandFailed as failed:
        if failed.reason != Reason.RECORD_NOT_FOUND:
            raise
        return None


def disable(qf: Qf, account: pb.Account) -> None:
    """Ends the sessions and refuses every later sign-in (art. 4-4, 7-2). Raises CommandFailed."""
    request = pb.DisableAccountRequest(account_id=account.account_id)
    qf.services.identity.call(stub(qf).DisableAccount, request)


def named(account: pb.Account) -> Row:
    """Which account it is, in the answer of what was done to it."""
    return {"account_id": account.account_id, "login": account.login}


def _rehearsed(qf: Qf, account: pb.Account, letter: Path) -> habilitation_pb.Habilitation:
    """Whom the letter with a new password is about, once it is certain that it can be written."""
    addressee = register.habilitation(qf, account.habilitation_id)
    writing.rehearse_password_letter(qf, addressee, letter)
    return addressee


def _issued(account: pb.Account, password: str, expires: Timestamp) -> handover.Issued:
    return handover.Issued(account, Password(password), views.utc(expires))


def _show(qf: Qf, title: str, row: Row, issued: handover.Issued, letters: Row | None) -> None:
    """Shows the credentials; the password only where no letter has it."""
    handed_over = letters or {"temporary_password": issued.password.reveal()}
    expires: Row = {"temporary_password_expire_time": issued.expire_time}
    qf.output.record(title, {**row, **named(issued.account), **handed_over, **expires})
    qf.output.note(handover.SEND if letters else _HAND_OVER)
