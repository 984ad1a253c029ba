"""`qf user`: habilitations of a partner's named users and their credentials (art. 4-1, 4-2, 4-4, 5)."""

from typing import Annotated

import typer

from cli import accounts, security_events, views
from cli.application import Qf, command
from cli.errors import CommandFailed, UsageFailed
from cli.parameters import (
    ConventionOption,
    HabilitationOption,
    LimitOption,
    ReasonOption,
    UserFileOption,
    YesOption,
    confirm,
    read_user,
)
from msa.identity.v1 import account_service_pb2 as account_pb
from msa.partners.v1 import habilitation_service_pb2 as pb
from msa.partners.v1 import habilitation_service_pb2_grpc as rpc
from services.kit.errors import Reason

group = typer.Typer(
    no_args_is_help=True, help="A partner's named users: their habilitation and their credentials."
)


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
        accounts.make(qf, habilitation, "User registered")
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
        accounts.make(qf, found, "Credentials made")
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


@command(
    group,
    "show",
    examples=["qf user show --habilitation UUID", "qf user show --account UUID"],
    panel="Habilitation",
)
def show(
    qf: Qf,
    habilitation: Annotated[
        str | None, typer.Option("--habilitation", metavar="UUID", help="The habilitation's identifier.")
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(
            "--account", metavar="UUID", help="Instead: the account, as events and journal name it."
        ),
    ] = None,
) -> None:
    """Shows a user: the habilitation, and how the account is: locked, disabled, second factor, last sign-in, dormancy.

    An account that nobody signs in to is disabled on its dormancy date; its user is warned 60, 30 and 7 days before.
    """
    found, its_account = _look_up(qf, habilitation, account)
    row = {**views.habilitation(found), **(views.account(its_account) if its_account else {})}
    qf.output.record("User", row)
    if its_account is None:
        qf.output.note(
            f"No credentials yet. Make them with: qf user credentials --habilitation {found.habilitation_id}"
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
        account = accounts.find(qf, habilitation)
        if account is not None:
            accounts.disable(qf, account)
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
    """Lost or stolen credentials (art. 5): voids them all, shows a temporary password for the sealed letter, this once.

    Void at once are the password, the second factor, the recovery codes, the devices known from before and every
    session. A locked or disabled account opens again, by the temporary password only.
    """
    accounts.replace_password(qf, accounts.get(qf, habilitation), "New temporary password")
    qf.output.note(
        "Void now: the password before, second factor, recovery codes, known devices, sessions (art. 5)."
    )


@command(group, "unlock", examples=["qf user unlock --habilitation UUID"], panel="Credentials")
def unlock(qf: Qf, habilitation: HabilitationOption) -> None:
    """Forgets the failed sign-ins that lock an account: its user need not wait. The password stays in force.

    Look at `events` first: were the failures not the user's own, somebody is guessing. From a device that was used
    before, the user gets in while the account is locked.
    """
    account = accounts.get(qf, habilitation)
    request = account_pb.UnlockAccountRequest(account_id=account.account_id)
    qf.services.identity.call(accounts.stub(qf).UnlockAccount, request)
    qf.output.record("Account unlocked", accounts.named(account))


@command(group, "disable", examples=["qf user disable --habilitation UUID"], panel="Credentials")
def disable(qf: Qf, habilitation: HabilitationOption) -> None:
    """Ends the sessions and refuses every later sign-in (art. 7-2); `new-password` enables the account again."""
    account = accounts.get(qf, habilitation)
    accounts.disable(qf, account)
    qf.output.record("Account disabled", accounts.named(account))


@command(group, "sign-out", examples=["qf user sign-out --habilitation UUID"], panel="Credentials")
def sign_out(qf: Qf, habilitation: HabilitationOption) -> None:
    """Ends the sessions of a user; the password stays in force. Wider, or one session only: `qf session revoke`."""
    account = accounts.get(qf, habilitation)
    request = account_pb.RevokeSessionsRequest(account_id=account.account_id)
    qf.services.identity.call(accounts.stub(qf).RevokeSessions, request)
    qf.output.record("Sessions ended", accounts.named(account))


@command(
    group,
    "events",
    examples=[
        "qf user events --habilitation UUID",
        "qf user events --habilitation UUID --limit 500 --json",
    ],
    panel="Credentials",
)
def events(qf: Qf, habilitation: HabilitationOption, limit: LimitOption = 50) -> None:
    """Shows what happened to a user's account and sessions, newest first: sign-ins, failures, locks, changes.

    Networks are cut to /24 (IPv4) or /56 (IPv6). A session shown here can be ended: qf session revoke --session UUID.
    """
    account = accounts.get(qf, habilitation)
    security_events.show(
        qf,
        f"Security events of account {account.account_id}, newest first",
        "Nothing is on record for this account.",
        ("event_time", "event", "network_prefix", "device_id", "session_id", "trace_id"),
        limit,
        account.account_id,
    )


def _look_up(
    qf: Qf, habilitation: str | None, account: str | None
) -> tuple[pb.Habilitation, account_pb.Account | None]:
    match habilitation, account:
        case str(), None:
            return _get(qf, habilitation), accounts.find(qf, habilitation)
        case None, str():
            found = accounts.by_id(qf, account)
            return _get(qf, found.habilitation_id), found
        case _:
            raise UsageFailed(
                "It must be certain who to show.", "Name exactly one of --habilitation, --account."
            )


def _get(qf: Qf, habilitation: str) -> pb.Habilitation:
    request = pb.GetHabilitationRequest(habilitation_id=habilitation)
    return qf.services.partners.call(_stub(qf).GetHabilitation, request).habilitation


def _stub(qf: Qf) -> rpc.HabilitationServiceStub:
    return rpc.HabilitationServiceStub(qf.services.partners.channel)
