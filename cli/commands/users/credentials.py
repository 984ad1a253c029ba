"""How a user signs in: credentials made, renewed, locked, disabled, and what happened to them (art. 4-3, 5, 7-2)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import accounts, handover, register, security_events
from cli.application import Qf, command
from cli.errors import CommandFailed
from cli.parameters import HabilitationOption, LettersOption, LimitOption
from msa.identity.v1 import account_service_pb2 as account_pb
from services.kit.errors import Reason

group = typer.Typer()
_PANEL = "Credentials"


@command(
    group,
    "credentials",
    examples=[
        "qf user credentials --habilitation UUID",
        "qf user credentials --habilitation UUID --letters letters/",
    ],
    panel=_PANEL,
)
def credentials(qf: Qf, habilitation: HabilitationOption, letters: LettersOption = None) -> None:
    """Makes the credentials of a habilitation that has none yet: finishes a `register` or `accept` cut short."""
    handover.prepare(letters)
    found = register.habilitation(qf, habilitation)
    try:
        accounts.make(qf, found, "Credentials made", letters=letters)
    except CommandFailed as failed:
        if failed.reason != Reason.RECORD_ALREADY_EXISTS:
            raise
        raise failed.with_remedy(
            f"It has credentials. For a new password: qf user new-password --habilitation {habilitation}"
        ) from None


@command(
    group,
    "new-password",
    examples=[
        "qf user new-password --habilitation UUID",
        "qf user new-password --habilitation UUID --letter letter.pdf",
    ],
    panel=_PANEL,
)
def new_password(
    qf: Qf,
    habilitation: HabilitationOption,
    letter: Annotated[
        Path | None,
        typer.Option(
            "--letter",
            metavar="FILE",
            help="Write the sealed letter here, as PDF; the password is not shown then.",
        ),
    ] = None,
) -> None:
    """Lost or stolen credentials (art. 5): voids them all, shows a temporary password for the sealed letter, this once.

    Void at once are the password, the second factor, the recovery codes, the devices known from before and every
    session. A locked or disabled account opens again, by the temporary password only.
    """
    accounts.replace_password(qf, accounts.get(qf, habilitation), "New temporary password", letter)
    qf.output.note(
        "Void now: the password before, second factor, recovery codes, known devices, sessions (art. 5)."
    )


@command(group, "unlock", examples=["qf user unlock --habilitation UUID"], panel=_PANEL)
def unlock(qf: Qf, habilitation: HabilitationOption) -> None:
    """Forgets the failed sign-ins that lock an account: its user need not wait. The password stays in force.

    Look at `events` first: were the failures not the user's own, somebody is guessing. From a device that was used
    before, the user gets in while the account is locked.
    """
    account = accounts.get(qf, habilitation)
    request = account_pb.UnlockAccountRequest(account_id=account.account_id)
    qf.services.identity.call(accounts.stub(qf).UnlockAccount, request)
    qf.output.record("Account unlocked", accounts.named(account))


@command(group, "disable", examples=["qf user disable --habilitation UUID"], panel=_PANEL)
def disable(qf: Qf, habilitation: HabilitationOption) -> None:
    """Ends the sessions and refuses every later sign-in (art. 7-2); `new-password` enables the account again."""
    account = accounts.get(qf, habilitation)
    accounts.disable(qf, account)
    qf.output.record("Account disabled", accounts.named(account))


@command(group, "sign-out", examples=["qf user sign-out --habilitation UUID"], panel=_PANEL)
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
    panel=_PANEL,
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
