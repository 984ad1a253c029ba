"""`qf user`: habilitations of a partner's named users and their credentials (art. 4-1, 4-2, 4-4, 5)."""

from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from cli import views
from cli.application import Qf, command
from cli.errors import CommandFailed
from cli.output import Row
from cli.parameters import (
    ConventionOption,
    LimitOption,
    ReasonOption,
    UserFileOption,
    YesOption,
    confirm,
    read_user,
)
from msa.identity.v1 import account_service_pb2 as identity_pb
from msa.identity.v1 import account_service_pb2_grpc as identity_rpc
from msa.partners.v1 import habilitation_service_pb2 as pb
from msa.partners.v1 import habilitation_service_pb2_grpc as rpc
from services.kit.errors import Reason

group = typer.Typer(
    no_args_is_help=True, help="A partner's named users: their habilitation and their credentials."
)
HabilitationOption = Annotated[
    str, typer.Option("--habilitation", metavar="UUID", help="The habilitation's identifier.")
]


@command(
    group,
    "register",
    examples=[
        "qf user register --convention UUID",
        "qf user register --convention UUID --user-file request.json",
    ],
    panel="Habilitation",
)
def register(qf: Qf, convention: ConventionOption, user_file: UserFileOption = None) -> None:
    """Habilitates a named user and makes his credentials (art. 4-1, 4-2). Shows the temporary password, this once."""
    request = pb.RegisterHabilitationRequest(
        convention_id=convention,
        user=pb.User(**read_user(user_file)),
        bouquet=pb.BOUQUET_QUOTIENT_FAMILIAL,
    )
    habilitation = qf.services.partners.call(_stub(qf).RegisterHabilitation, request).habilitation
    try:
        _make_credentials(qf, habilitation, "User registered")
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


@command(group, "credentials", examples=["qf user credentials --habilitation UUID"], panel="Credentials")
def credentials(qf: Qf, habilitation: HabilitationOption) -> None:
    """Makes the credentials of a habilitation that has none yet: finishes a `register` that was cut short."""
    found = _get(qf, habilitation)
    try:
        _make_credentials(qf, found, "Credentials made")
    except CommandFailed as failed:
        if failed.reason != Reason.RECORD_ALREADY_EXISTS:
            raise
        raise failed.with_remedy(
            f"It has credentials. For a new password: qf user new-password --habilitation {habilitation}"
        ) from None


@command(group, "list", examples=["qf user list --convention UUID"], panel="Habilitation")
def list_users(qf: Qf, convention: ConventionOption, limit: LimitOption = 50) -> None:
    """Lists the users under a convention, those whose habilitation has ended too."""
    habilitations, more = views.up_to(
        limit,
        lambda size, token: qf.services.partners.call(
            _stub(qf).ListHabilitations,
            pb.ListHabilitationsRequest(convention_id=convention, page_size=size, page_token=token),
        ),
        lambda page: page.habilitations,
    )
    rows = [views.habilitation_line(habilitation) for habilitation in habilitations]
    qf.output.records(f"Users under convention {convention}", rows, "No user is habilitated under it.")
    if more:
        qf.output.note("There are more; raise --limit.")


@command(group, "show", examples=["qf user show --habilitation UUID"], panel="Habilitation")
def show(qf: Qf, habilitation: HabilitationOption) -> None:
    """Shows a user: the habilitation and the account."""
    found = _get(qf, habilitation)
    account = _find_account(qf, habilitation)
    qf.output.record("User", {**views.habilitation(found), **(views.account(account) if account else {})})
    if account is None:
        qf.output.note(
            f"No credentials yet. Make them with: qf user credentials --habilitation {habilitation}"
        )


@command(
    group,
    "withdraw",
    examples=['qf user withdraw --habilitation UUID --reason "left the service"'],
    panel="Habilitation",
)
def withdraw(qf: Qf, habilitation: HabilitationOption, reason: ReasonOption, yes: YesOption = False) -> None:
    """Ends a habilitation from the next call on and disables its account (art. 4-4). It cannot be taken back."""
    confirm(f"Withdraw habilitation {habilitation}? It cannot be taken back.", yes=yes)
    request = pb.WithdrawHabilitationRequest(habilitation_id=habilitation, withdrawal_reason=reason)
    reply = qf.services.partners.call(_stub(qf).WithdrawHabilitation, request)
    try:
        account = _find_account(qf, habilitation)
        if account is not None:
            _disable(qf, account)
    except CommandFailed as failed:
        raise CommandFailed(
            f"The habilitation is withdrawn and opens nothing any more, but its account is not disabled: "
            f"{failed.message}",
            f"{failed.remedy} Then finish with: qf user disable --habilitation {habilitation}",
            failed.status,
            failed.reason,
        ) from None
    qf.output.record("Habilitation withdrawn", views.habilitation(reply.habilitation))


@command(group, "new-password", examples=["qf user new-password --habilitation UUID"], panel="Credentials")
def new_password(qf: Qf, habilitation: HabilitationOption) -> None:
    """Lost or stolen credentials (art. 5): ends the sessions, voids the password, shows a temporary one, this once."""
    account = _account(qf, habilitation)
    request = identity_pb.IssueTemporaryPasswordRequest(account_id=account.account_id)
    reply = qf.services.identity.call(_accounts(qf).IssueTemporaryPassword, request)
    row = _credentials_row(account, reply.temporary_password, reply.temporary_password_expire_time)
    qf.output.record("New temporary password", {"habilitation_id": habilitation, **row})
    qf.output.note(_HAND_OVER)


@command(group, "disable", examples=["qf user disable --habilitation UUID"], panel="Credentials")
def disable(qf: Qf, habilitation: HabilitationOption) -> None:
    """Ends the sessions and refuses every later sign-in (art. 7-2); `new-password` enables the account again."""
    account = _account(qf, habilitation)
    _disable(qf, account)
    qf.output.record("Account disabled", {"account_id": account.account_id, "login": account.login})


@command(group, "sign-out", examples=["qf user sign-out --habilitation UUID"], panel="Credentials")
def sign_out(qf: Qf, habilitation: HabilitationOption) -> None:
    """Ends the sessions of a user; the password stays in force."""
    account = _account(qf, habilitation)
    request = identity_pb.RevokeSessionsRequest(account_id=account.account_id)
    qf.services.identity.call(_accounts(qf).RevokeSessions, request)
    qf.output.record("Sessions ended", {"account_id": account.account_id, "login": account.login})


_HAND_OVER = (
    "Hand login and password over to the user only (art. 4-3). The password is shown this once; "
    "the first sign-in replaces it."
)


def _make_credentials(qf: Qf, habilitation: pb.Habilitation, title: str) -> None:
    request = identity_pb.CreateAccountRequest(
        habilitation_id=habilitation.habilitation_id, caisse_code=habilitation.caisse_code
    )
    reply = qf.services.identity.call(_accounts(qf).CreateAccount, request)
    row = _credentials_row(reply.account, reply.temporary_password, reply.temporary_password_expire_time)
    qf.output.record(title, {"habilitation_id": habilitation.habilitation_id, **row})
    qf.output.note(_HAND_OVER)


def _credentials_row(account: identity_pb.Account, password: str, expires: Timestamp) -> Row:
    return {
        "account_id": account.account_id,
        "login": account.login,
        "temporary_password": password,
        "temporary_password_expire_time": views.utc(expires),
    }


def _get(qf: Qf, habilitation: str) -> pb.Habilitation:
    request = pb.GetHabilitationRequest(habilitation_id=habilitation)
    return qf.services.partners.call(_stub(qf).GetHabilitation, request).habilitation


def _account(qf: Qf, habilitation: str) -> identity_pb.Account:
    request = identity_pb.GetAccountRequest(habilitation_id=habilitation)
    return qf.services.identity.call(_accounts(qf).GetAccount, request).account


def _find_account(qf: Qf, habilitation: str) -> identity_pb.Account | None:
    try:
        return _account(qf, habilitation)
    except CommandFailed as failed:
        if failed.reason != Reason.RECORD_NOT_FOUND:
            raise
        return None


def _disable(qf: Qf, account: identity_pb.Account) -> None:
    request = identity_pb.DisableAccountRequest(account_id=account.account_id)
    qf.services.identity.call(_accounts(qf).DisableAccount, request)


def _stub(qf: Qf) -> rpc.HabilitationServiceStub:
    return rpc.HabilitationServiceStub(qf.services.partners.channel)


def _accounts(qf: Qf) -> identity_rpc.AccountServiceStub:
    return identity_rpc.AccountServiceStub(qf.services.identity.channel)
