"""`qf use`: what was unusual about the use of accounts, and what follows from it (art. 7-2)."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import accounts, paging, unusual_uses
from cli.application import Qf, command
from cli.errors import CommandFailed, UsageFailed
from cli.parameters import CaisseOption, LimitOption, YesOption, confirm
from msa.identity.v1 import use_service_pb2 as pb
from msa.identity.v1 import use_service_pb2_grpc as rpc
from services.kit.errors import Reason

group = typer.Typer(
    no_args_is_help=True,
    help="Unusual use of accounts: unknown NIRs, much work, odd hours, many networks (art. 7-2).",
)
OneUserOption = Annotated[
    str | None, typer.Option("--habilitation", metavar="UUID", help="Only that of this user.")
]
AccountOption = Annotated[
    str | None,
    typer.Option("--account", metavar="UUID", help="Whose, as `qf use list` names it; or --habilitation."),
]


@command(
    group,
    "list",
    examples=[
        "qf use list --caisse 21",
        "qf use list --caisse 21 --habilitation UUID --json",
    ],
)
def list_unusual(
    qf: Qf, caisse: CaisseOption, habilitation: OneUserOption = None, limit: LimitOption = 50
) -> None:
    """Shows what was unusual at a caisse, newest first: a score of 0 to 100, and why.

    The score adds up what was seen beyond what is usual: with this partner, or with any. State: "told" asks you to
    look; "suspended" is refused until you lift it; "lifted" is over. Whose an account is: qf user show --account UUID.

    Call the partner's manager on a number that you know, not on one that the user gives you. Then lift
    what has an explanation (qf use lift), or replace the password and end the sessions (qf user new-password), or
    suspend user or partner (qf user suspend, qf partner suspend).
    """
    service, stub = qf.services.identity, _stub(qf)
    account_id = accounts.get(qf, habilitation).account_id if habilitation else ""
    found, more = paging.up_to(
        limit,
        lambda size, token: service.call(
            stub.ListUnusualUses,
            pb.ListUnusualUsesRequest(
                caisse_code=caisse, account_id=account_id, page_size=size, page_token=token
            ),
        ),
        lambda page: page.unusual_uses,
    )
    qf.output.records(
        f"Unusual use at caisse {caisse}, newest first",
        [unusual_uses.row(each) for each in found],
        "Nothing unusual is on record.",
        ("event_time", "bar", "score", "state", "why", "account_id"),
        unusual_uses.style,
    )
    paging.say_if_more(qf, more=more)


@command(
    group,
    "lift",
    examples=["qf use lift --account UUID", "qf use lift --habilitation UUID"],
)
def lift(
    qf: Qf, account: AccountOption = None, habilitation: OneUserOption = None, yes: YesOption = False
) -> None:
    """Lifts the suspension of an account, once its use has an explanation; asks first.

    The next call of its sessions succeeds again. What it did before counts no more: only what comes is judged. If the
    password may be known to others, replace it as well: qf user new-password.
    """
    if (account is None) == (habilitation is None):
        raise UsageFailed("It must be certain whose suspension to lift.", "Give --account or --habilitation.")
    account_id = account or accounts.get(qf, habilitation or "").account_id
    confirm(f"Lift the suspension of account {account_id}?", yes=yes)
    try:
        reply = qf.services.identity.call(
            _stub(qf).LiftUseSuspension, pb.LiftUseSuspensionRequest(account_id=account_id)
        )
    except CommandFailed as failed:
        if failed.reason != Reason.RECORD_NOT_FOUND:
            raise
        raise failed.with_remedy(
            "It is not suspended for unusual use: see `qf use list --caisse CODE`."
        ) from None
    qf.output.record("Lifted", unusual_uses.row(reply.unusual_use))


@command(
    group,
    "policy",
    examples=[
        "qf use policy --caisse 21",
        "qf use policy --caisse 21 --told-from 40 --suspended-from 70",
        "qf use policy --caisse 21 --suspended-from 101",
        "qf use policy --caisse 21 --mail-notices",
    ],
)
def policy(
    qf: Qf,
    caisse: CaisseOption,
    told_from: Annotated[
        int | None, typer.Option("--told-from", metavar="SCORE", help="You are told from here on: 1 to 100.")
    ] = None,
    suspended_from: Annotated[
        int | None,
        typer.Option(
            "--suspended-from", metavar="SCORE", help="Suspended from here on; 101 suspends nobody by itself."
        ),
    ] = None,
    mail_notices: Annotated[
        bool | None,
        typer.Option(
            "--mail-notices/--no-mail-notices",
            help="Whether you are mailed what suspends nobody too; suspensions are mailed in any case.",
        ),
    ] = None,
) -> None:
    """Shows from which scores on a caisse is told and accounts are suspended, or sets them.

    As it is set at first, only trying out NIRs suspends by itself; all else is told, or suspends where two things come
    together. Lower scores catch more, and suspend more people who did nothing wrong: docs/guides/unusual-use.md has
    both rates. What is not given stays. Should somebody else change the policy at the same time, nothing is written.
    """
    service, stub = qf.services.identity, _stub(qf)
    shown = service.call(stub.GetUsePolicy, pb.GetUsePolicyRequest(caisse_code=caisse)).policy
    given = {"notice_score": told_from, "suspension_score": suspended_from, "notices_mailed": mail_notices}
    wanted = {name: value for name, value in given.items() if value is not None}
    if wanted:
        for name, value in wanted.items():
            setattr(shown, name, value)
        shown = service.call(stub.SetUsePolicy, pb.SetUsePolicyRequest(policy=shown)).policy
    qf.output.record("Unusual use", unusual_uses.policy(shown))


def _stub(qf: Qf) -> rpc.UseServiceStub:
    return rpc.UseServiceStub(qf.services.identity.channel)
