"""The accounts of identity, as several commands use them."""

from google.protobuf.timestamp_pb2 import Timestamp

from cli import views
from cli.application import Qf
from cli.errors import CommandFailed
from cli.output import Row
from msa.identity.v1 import account_service_pb2 as pb
from msa.identity.v1 import account_service_pb2_grpc as rpc
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from services.kit.errors import Reason

_HAND_OVER = (
    "Hand login and password over to the user only (art. 4-3). The password is shown this once; "
    "the first sign-in replaces it."
)


def stub(qf: Qf) -> rpc.AccountServiceStub:
    """AccountService."""
    return rpc.AccountServiceStub(qf.services.identity.channel)


def make(qf: Qf, habilitation: habilitation_pb.Habilitation, title: str) -> None:
    """Makes the credentials of a habilitation and shows them. Raises CommandFailed."""
    request = pb.CreateAccountRequest(
        habilitation_id=habilitation.habilitation_id,
        caisse_code=habilitation.caisse_code,
        partner_id=habilitation.partner_id,
        personal_words=[habilitation.user.nom, habilitation.user.prenom],
    )
    reply = qf.services.identity.call(stub(qf).CreateAccount, request)
    row = _credentials(reply.account, reply.temporary_password, reply.temporary_password_expire_time)
    qf.output.record(title, {"habilitation_id": habilitation.habilitation_id, **row})
    qf.output.note(_HAND_OVER)


def replace_password(qf: Qf, account: pb.Account, title: str) -> None:
    """Voids the credentials of an account and shows new ones (art. 5). Raises CommandFailed."""
    request = pb.IssueTemporaryPasswordRequest(account_id=account.account_id)
    reply = qf.services.identity.call(stub(qf).IssueTemporaryPassword, request)
    row = _credentials(account, reply.temporary_password, reply.temporary_password_expire_time)
    qf.output.record(title, {"habilitation_id": account.habilitation_id, **row})
    qf.output.note(_HAND_OVER)


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


def _credentials(account: pb.Account, password: str, expires: Timestamp) -> Row:
    return {
        **named(account),
        "temporary_password": password,
        "temporary_password_expire_time": views.utc(expires),
    }
