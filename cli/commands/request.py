"""`qf request`: the form of annexe 2, by which a partner asks for a user's access (art. 4-1, 4-4)."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli import accounts, forms, handover, paging, register, views
from cli.application import Qf, command
from cli.output import Row
from cli.parameters import (
    BouquetName,
    BouquetOption,
    CaisseOption,
    ConventionOption,
    LettersOption,
    LimitOption,
    OptionalReasonOption,
    ReasonOption,
    ScanOption,
    YesOption,
    confirm,
)
from msa.partners.v1 import access_request_service_pb2 as pb

group = typer.Typer(
    no_args_is_help=True,
    help="Access requests: the form by which a partner asks for, changes or ends a user's access (annexe 2).",
)


class Kind(StrEnum):
    """What a form asks for."""

    CREATION = "creation"
    MODIFICATION = "modification"
    WITHDRAWAL = "withdrawal"


class State(StrEnum):
    """Where a form stands."""

    RECEIVED = "received"
    INCOMPLETE = "incomplete"
    ACCEPTED = "accepted"
    REFUSED = "refused"


RequestArgument = Annotated[str, typer.Argument(metavar="REQUEST_ID", help="UUID of the form.")]
FormOption = Annotated[
    Path | None,
    typer.Option(
        "--form",
        metavar="FILE",
        help="JSON with the form's fields as they stand on the paper (- is standard input); else qf asks for each.",
    ),
]


@command(
    group,
    "receive",
    examples=[
        "qf request receive --convention UUID --kind creation --form form.json --scan form.pdf",
        "qf request receive --convention UUID --kind modification --habilitation UUID --form form.json",
        "qf request receive --convention UUID --kind withdrawal --habilitation UUID --form -",
        "qf request receive --convention UUID --kind creation --bouquet quotient-familial-responsable",
    ],
)
def receive(
    qf: Qf,
    convention: ConventionOption,
    kind: Annotated[Kind, typer.Option("--kind", help="What it asks for.")],
    habilitation: Annotated[
        str,
        typer.Option("--habilitation", metavar="UUID", help="To end, on a modification or a withdrawal."),
    ] = "",
    form: FormOption = None,
    scan: ScanOption = None,
    bouquet: BouquetOption = BouquetName.QUOTIENT_FAMILIAL,
    reason: OptionalReasonOption = "",
) -> None:
    """Enters a form that came in, complete or not: what is missing on it is listed, and the partner asked for it.

    The fields of the JSON object: partner_denomination, partner_representative, partner_representative_function,
    user {nom, prenom, email}, signatory_name, signature_place, signature_date, signed (true or false), scan_reference,
    scan_sha256. Leave out what the paper leaves out. On a modification the user is who follows, if anybody does.
    """
    request = pb.ReceiveAccessRequestRequest(
        convention_id=convention,
        kind=pb.AccessRequestKind.Value(f"ACCESS_REQUEST_KIND_{kind.name}"),
        form=_form(form, scan, pb.AccessRequestForm()),
        habilitation_id=habilitation,
        bouquet=bouquet.to_message(),
        reason=reason,
    )
    reply = qf.services.partners.call(register.access_requests(qf).ReceiveAccessRequest, request)
    _show(qf, "Request received", reply.access_request)


@command(
    group,
    "complete",
    examples=[
        "qf request complete UUID --form more.json",
        "qf request complete UUID --scan form.pdf",
    ],
)
def complete(
    qf: Qf,
    request_id: RequestArgument,
    form: FormOption = None,
    scan: ScanOption = None,
    reason: OptionalReasonOption = "",
) -> None:
    """Adds what the partner has completed: the fields of the JSON object replace those there, the others stay.

    With --scan and without --form the scan alone is added.
    """
    before = register.access_request(qf, request_id)
    completed = _form(form, scan, before.form) if form or not scan else _scanned(scan, before.form)
    request = pb.CompleteAccessRequestRequest(
        access_request_id=request_id, form=completed, reason=reason, etag=before.etag
    )
    reply = qf.services.partners.call(register.access_requests(qf).CompleteAccessRequest, request)
    _show(qf, "Request completed", reply.access_request)


@command(
    group,
    "accept",
    examples=["qf request accept UUID", "qf request accept UUID --letters letters/"],
)
def accept(
    qf: Qf,
    request_id: RequestArgument,
    letters: LettersOption = None,
    reason: OptionalReasonOption = "",
    yes: YesOption = False,
) -> None:
    """Accepts a complete form and does what it asks for: it habilitates a user, ends a habilitation, or both.

    A new user's credentials are made at once and shown, this once, or written as two letters (art. 4-2). Where that is
    cut short, qf says how to go on. A form that ends a habilitation asks first.
    """
    handover.prepare(letters)
    before = register.access_request(qf, request_id)
    if before.habilitation_id:
        confirm(f"Accept it? Habilitation {before.habilitation_id} ends at once (art. 4-4).", yes=yes)
    request = pb.AcceptAccessRequestRequest(access_request_id=request_id, reason=reason, etag=before.etag)
    reply = qf.services.partners.call(register.access_requests(qf).AcceptAccessRequest, request)
    decided: Row = {
        **views.fields(reply.access_request, "access_request_id", "kind", "state"),
        "ended_habilitation_id": reply.ended.habilitation_id,
    }
    if reply.HasField("granted"):
        with accounts.finished_later(reply.granted):
            accounts.make(qf, reply.granted, "Request accepted", letters=letters, more=decided)
    else:
        qf.output.record("Request accepted", decided)
    register.say_if_identity_waits(qf, told=not reply.HasField("ended"))


@command(
    group,
    "refuse",
    examples=['qf request refuse UUID --reason "not signed by the representative"'],
)
def refuse(qf: Qf, request_id: RequestArgument, reason: ReasonOption) -> None:
    """Refuses a form, with a reason for the partner; the partner may send another one."""
    before = register.access_request(qf, request_id)
    request = pb.RefuseAccessRequestRequest(
        access_request_id=request_id, refusal_reason=reason, etag=before.etag
    )
    reply = qf.services.partners.call(register.access_requests(qf).RefuseAccessRequest, request)
    _show(qf, "Request refused", reply.access_request)


@command(group, "show", examples=["qf request show UUID"])
def show(qf: Qf, request_id: RequestArgument) -> None:
    """Shows a form, with what is missing on it."""
    _show(qf, "Request", register.access_request(qf, request_id))


@command(
    group,
    "list",
    examples=[
        "qf request list --caisse 21 --state incomplete",
        "qf request list --caisse 21 --convention UUID",
    ],
)
def list_requests(
    qf: Qf,
    caisse: CaisseOption,
    state: Annotated[State | None, typer.Option("--state", help="Only those that stand there.")] = None,
    convention: Annotated[
        str, typer.Option("--convention", metavar="UUID", help="Only those under this convention.")
    ] = "",
    limit: LimitOption = 50,
) -> None:
    """Lists a caisse's forms, newest first."""
    wanted = pb.AccessRequestState.Value(f"ACCESS_REQUEST_STATE_{state.name if state else 'UNSPECIFIED'}")
    paging.show(
        qf,
        limit,
        lambda size, token: qf.services.partners.call(
            register.access_requests(qf).ListAccessRequests,
            pb.ListAccessRequestsRequest(
                caisse_code=caisse, convention_id=convention, state=wanted, page_size=size, page_token=token
            ),
        ),
        lambda page: page.access_requests,
        views.access_request,
        title=f"Access requests of caisse {caisse}, newest first",
        empty="There is no such request.",
        columns=(
            "access_request_id",
            "kind",
            "state",
            "partner_denomination",
            "nom",
            "receive_time",
            "missing",
        ),
    )


def _form(file: Path | None, scan: Path | None, before: pb.AccessRequestForm) -> pb.AccessRequestForm:
    return _scanned(scan, forms.read_record(forms.AccessForm, file, "The form").onto(before))


def _scanned(scan: Path | None, form: pb.AccessRequestForm) -> pb.AccessRequestForm:
    form.scan_sha256 = forms.scan_digest(scan) or form.scan_sha256
    return form


def _show(qf: Qf, title: str, request: pb.AccessRequest) -> None:
    qf.output.record(title, views.access_request(request))
    match request.state:
        case pb.ACCESS_REQUEST_STATE_INCOMPLETE:
            qf.output.note(
                "Ask the partner for what is missing; then: "
                f"qf request complete {request.access_request_id} --form FILE"
            )
        case pb.ACCESS_REQUEST_STATE_RECEIVED:
            qf.output.note(f"Complete. Next: qf request accept {request.access_request_id} (or refuse)")
