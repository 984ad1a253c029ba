"""Who may consult: habilitations of a partner's named users (art. 4-1, 4-2, 4-4, 7-2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli import accounts, forms, handover, paging, register, views
from cli.application import Qf, command
from cli.errors import UsageFailed
from cli.parameters import (
    BouquetName,
    BouquetOption,
    ConventionOption,
    DefinitiveOption,
    HabilitationOption,
    LettersOption,
    LimitOption,
    OptionalReasonOption,
    ReasonOption,
    ScanOption,
    UntilOption,
    UserFileOption,
    YesOption,
    confirm,
    suspension_kind,
    today,
)
from msa.identity.v1 import account_service_pb2 as account_pb
from msa.partners.v1 import habilitation_service_pb2 as pb
from services.kit.messages import to_date

group = typer.Typer()
_PANEL = "Habilitation"
_LARGEST_BATCH = 500
_CONFIRMED_STATES = (pb.HABILITATION_STATE_LIVE, pb.HABILITATION_STATE_SUSPENDED)
# From ninety days before the renewal to sixty days after it, when those who were not confirmed lapse.
_CONFIRMATION_PERIOD = timedelta(days=90 + 60)
FormFileOption = Annotated[
    Path | None,
    typer.Option(
        "--form-file",
        metavar="FILE",
        help='Holds the rest of the form: {"signatory_name": …, "signature_place": …, "signature_date": …, '
        '"scan_reference": …} (- is standard input); else qf asks for each.',
    ),
]


@command(
    group,
    "register",
    examples=[
        "qf user register --convention UUID",
        "qf user register --convention UUID --user-file user.json --form-file form.json --scan form.pdf",
        "qf user register --convention UUID --user-file user.json --form-file form.json --letters letters/",
        "qf user register --convention UUID --bouquet quotient-familial-responsable",
    ],
    panel=_PANEL,
)
def register_user(
    qf: Qf,
    convention: ConventionOption,
    user_file: UserFileOption = None,
    form_file: FormFileOption = None,
    scan: ScanOption = None,
    bouquet: BouquetOption = BouquetName.QUOTIENT_FAMILIAL,
    reason: OptionalReasonOption = "",
    letters: LettersOption = None,
) -> None:
    """In one step, from a complete and signed form: habilitates a named user and makes his credentials (art. 4-1, 4-2).

    It receives and accepts the form in one call; `qf request receive` is for one that may be incomplete. The convention
    must be in force. Shows the temporary password, this once, or writes both letters.

    Who is answerable for the partner's users gets the bouquet quotient-familial-responsable: he also reviews what they
    consulted.
    """
    forms.require_own_input((user_file, form_file))
    handover.prepare(letters)
    user = forms.read_record(forms.User, user_file, "The user")
    form = forms.read_record(forms.SignedForm, form_file, "The form")
    request = pb.RegisterHabilitationRequest(
        convention_id=convention,
        user=user.to_message(),
        bouquet=bouquet.to_message(),
        form=form.to_message(forms.scan_digest(scan)),
        reason=reason,
    )
    reply = qf.services.partners.call(register.habilitations(qf).RegisterHabilitation, request)
    with accounts.finished_later(reply.habilitation):
        accounts.make(qf, reply.habilitation, "User registered", letters=letters)


@command(group, "list", examples=["qf user list --convention UUID"], panel=_PANEL)
def list_users(qf: Qf, convention: ConventionOption, limit: LimitOption = 50) -> None:
    """Lists the users under a convention with their state and the day on which they lapse, those who ended too."""
    paging.show(
        qf,
        limit,
        lambda size, token: _page(qf, convention, size, token),
        lambda page: page.habilitations,
        views.habilitation,
        title=f"Users under convention {convention}",
        empty="No user is habilitated under it.",
        columns=("habilitation_id", "nom", "prenom", "state", "lapse_date"),
    )


@command(
    group,
    "show",
    examples=["qf user show --habilitation UUID", "qf user show --account UUID"],
    panel=_PANEL,
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
    """Shows a user: the habilitation with its state, and how the account is: locked, second factor, last sign-in.

    A habilitation lapses on its lapse date unless the partner confirms the user before (`confirm`).

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
    "confirm",
    examples=[
        "qf user confirm --convention UUID --habilitation UUID --habilitation UUID",
        "qf user confirm --convention UUID --all",
    ],
    panel=_PANEL,
)
def confirm_users(
    qf: Qf,
    convention: ConventionOption,
    habilitations: Annotated[
        list[str] | None,
        typer.Option("--habilitation", metavar="UUID", help="Of a user whom it confirmed; again for more."),
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="All whom this renewal concerns; asks first.")
    ] = False,
    reason: OptionalReasonOption = "",
    yes: YesOption = False,
) -> None:
    """Records whom the partner confirmed at the yearly renewal (art. 9-1). Whom it did not, lapses on his lapse date.

    From ninety days before the renewal on. Withdraw at once who has left the service: `withdraw`.
    """
    if bool(habilitations) == everybody:
        raise UsageFailed(
            "It must be certain whom to confirm.", "Name --habilitation, once or more, or --all."
        )
    chosen = habilitations or _to_confirm(qf, convention)
    if not chosen:
        raise UsageFailed(
            "There is nobody to confirm now.",
            "Users are confirmed from ninety days before a renewal on; `qf user list` tells when each lapses.",
        )
    if everybody:
        confirm(f"Confirm all {len(chosen)} users under convention {convention}?", yes=yes)
    confirmed = [
        habilitation
        for start in range(0, len(chosen), _LARGEST_BATCH)
        for habilitation in _confirm(qf, convention, chosen[start : start + _LARGEST_BATCH], reason)
    ]
    qf.output.records(
        "Users confirmed",
        [views.habilitation(habilitation) for habilitation in confirmed],
        "",
        ("habilitation_id", "nom", "prenom", "state", "lapse_date"),
    )


@command(
    group,
    "suspend",
    examples=[
        'qf user suspend --habilitation UUID --reason "suspected misuse"',
        'qf user suspend --habilitation UUID --until 2027-03-15 --reason "under inquiry"',
    ],
    panel=_PANEL,
)
def suspend(
    qf: Qf,
    habilitation: HabilitationOption,
    reason: ReasonOption,
    until: UntilOption = None,
    definitive: DefinitiveOption = False,
    yes: YesOption = False,
) -> None:
    """Suspends one user's access from the next call on (art. 7-2): until `lift`, until a day, or for good.

    A whole partner: `qf partner suspend`.
    """
    request = pb.SuspendHabilitationRequest(
        habilitation_id=habilitation,
        suspension_reason=reason,
        kind=suspension_kind(f"habilitation {habilitation}", until, definitive=definitive, yes=yes),
        until_date=to_date(until),
    )
    reply = qf.services.partners.call(register.habilitations(qf).SuspendHabilitation, request)
    row = {**views.habilitation(reply.habilitation), "sessions_ended": reply.sessions_ended}
    qf.output.record("User suspended", row)
    register.say_if_identity_waits(qf, told=reply.sessions_ended)


@command(
    group,
    "lift",
    examples=['qf user lift --habilitation UUID --reason "explained"'],
    panel=_PANEL,
)
def lift(qf: Qf, habilitation: HabilitationOption, reason: OptionalReasonOption = "") -> None:
    """Lifts a user's suspension, save a definitive one (art. 7-2)."""
    request = pb.LiftHabilitationSuspensionRequest(habilitation_id=habilitation, reason=reason)
    reply = qf.services.partners.call(register.habilitations(qf).LiftHabilitationSuspension, request)
    qf.output.record("Suspension lifted", views.habilitation(reply.habilitation))


@command(
    group,
    "withdraw",
    examples=['qf user withdraw --habilitation UUID --reason "left the service"'],
    panel=_PANEL,
)
def withdraw(qf: Qf, habilitation: HabilitationOption, reason: ReasonOption, yes: YesOption = False) -> None:
    """Ends a habilitation from the next call on; its account is disabled (art. 4-4). It cannot be taken back."""
    confirm(f"Withdraw habilitation {habilitation}? It cannot be taken back.", yes=yes)
    request = pb.WithdrawHabilitationRequest(habilitation_id=habilitation, withdrawal_reason=reason)
    reply = qf.services.partners.call(register.habilitations(qf).WithdrawHabilitation, request)
    row = {**views.habilitation(reply.habilitation), "account_disabled": reply.account_disabled}
    qf.output.record("Habilitation withdrawn", row)
    register.say_if_identity_waits(qf, told=reply.account_disabled)


def _look_up(
    qf: Qf, habilitation: str | None, account: str | None
) -> tuple[pb.Habilitation, account_pb.Account | None]:
    match habilitation, account:
        case str(), None:
            return register.habilitation(qf, habilitation), accounts.find(qf, habilitation)
        case None, str():
            found = accounts.by_id(qf, account)
            return register.habilitation(qf, found.habilitation_id), found
        case _:
            raise UsageFailed(
                "It must be certain who to show.", "Name exactly one of --habilitation, --account."
            )


def _page(qf: Qf, convention: str, size: int, token: str) -> pb.ListHabilitationsResponse:
    request = pb.ListHabilitationsRequest(convention_id=convention, page_size=size, page_token=token)
    return qf.services.partners.call(register.habilitations(qf).ListHabilitations, request)


def _to_confirm(qf: Qf, convention: str) -> Sequence[str]:
    """Whom this renewal concerns: who lapses on its account, and has not ended."""
    last_lapse_date = today() + _CONFIRMATION_PERIOD
    habilitations = paging.every(
        lambda size, token: _page(qf, convention, size, token), lambda page: page.habilitations
    )
    return [
        found.habilitation_id
        for found in habilitations
        if found.state in _CONFIRMED_STATES
        and (views.day(found, "lapse_date") or date.max) <= last_lapse_date
    ]


def _confirm(qf: Qf, convention: str, batch: Sequence[str], reason: str) -> Sequence[pb.Habilitation]:
    request = pb.ConfirmHabilitationsRequest(convention_id=convention, habilitation_ids=batch, reason=reason)
    return qf.services.partners.call(register.habilitations(qf).ConfirmHabilitations, request).habilitations
