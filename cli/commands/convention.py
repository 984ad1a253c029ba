"""`qf convention`: contracts of a partner with a caisse (art. 9)."""

from datetime import date
from typing import Annotated

import typer

from cli import views
from cli.application import Qf, command
from cli.parameters import (
    CaisseOption,
    PartnerOption,
    ReasonOption,
    YesOption,
    confirm,
    parse_day,
)
from msa.partners.v1 import convention_service_pb2 as pb
from msa.partners.v1 import convention_service_pb2_grpc as rpc
from services.kit.messages import to_date

group = typer.Typer(no_args_is_help=True, help="Conventions: signature, CNIL declaration, end (art. 9).")
ConventionArgument = Annotated[str, typer.Argument(metavar="CONVENTION_ID", help="UUID of the convention.")]


@command(
    group,
    "register",
    examples=[
        "qf convention register --partner UUID --caisse 21 --signed 2026-09-01 --cnil-declared 2026-08-20",
        "qf convention register --partner UUID --caisse 21 --signed today",
    ],
)
def register(
    qf: Qf,
    partner: PartnerOption,
    caisse: CaisseOption,
    signed: Annotated[
        date,
        typer.Option(
            "--signed", parser=parse_day, metavar="DAY", help="Signed by both: YYYY-MM-DD or today."
        ),
    ],
    cnil_declared: Annotated[
        date | None,
        typer.Option(
            "--cnil-declared",
            parser=parse_day,
            metavar="DAY",
            help="Transmission of the CNIL declaration; without it the convention waits.",
        ),
    ] = None,
) -> None:
    """Records a signed convention. It takes effect once the CNIL declaration was transmitted (art. 9-1)."""
    request = pb.RegisterConventionRequest(
        partner_id=partner,
        caisse_code=caisse,
        signature_date=to_date(signed),
        cnil_declaration_date=to_date(cnil_declared),
    )
    reply = qf.services.partners.call(_stub(qf).RegisterConvention, request)
    qf.output.record("Convention registered", views.convention(reply.convention))
    if reply.convention.state == pb.CONVENTION_STATE_PENDING and cnil_declared is None:
        qf.output.note(
            "Without effect until: qf convention declare-cnil "
            f"{reply.convention.convention_id} --date DAY (art. 9-1)"
        )


@command(group, "declare-cnil", examples=["qf convention declare-cnil UUID --date 2026-08-20"])
def declare_cnil(
    qf: Qf,
    convention_id: ConventionArgument,
    declared: Annotated[
        date,
        typer.Option("--date", parser=parse_day, metavar="DAY", help="Transmission: YYYY-MM-DD or today."),
    ],
) -> None:
    """Records that the CNIL declaration was transmitted (art. 9-1)."""
    request = pb.RecordCnilDeclarationRequest(
        convention_id=convention_id, cnil_declaration_date=to_date(declared)
    )
    reply = qf.services.partners.call(_stub(qf).RecordCnilDeclaration, request)
    qf.output.record("CNIL declaration recorded", views.convention(reply.convention))


@command(group, "show", examples=["qf convention show UUID"])
def show(qf: Qf, convention_id: ConventionArgument) -> None:
    """Shows one convention with its state today."""
    request = pb.GetConventionRequest(convention_id=convention_id)
    reply = qf.services.partners.call(_stub(qf).GetConvention, request)
    qf.output.record("Convention", views.convention(reply.convention))


@command(
    group,
    "end",
    examples=['qf convention end UUID --date 2026-12-31 --reason "terminated by the partner (art. 9-2)"'],
)
def end(
    qf: Qf,
    convention_id: ConventionArgument,
    ends: Annotated[
        date,
        typer.Option("--date", parser=parse_day, metavar="DAY", help="First day without effect, or today."),
    ],
    reason: ReasonOption,
    yes: YesOption = False,
) -> None:
    """Ends a convention on a day; today ends it at once (art. 9-2, 10). It cannot be taken back."""
    confirm(f"End convention {convention_id} on {ends}? It cannot be taken back.", yes=yes)
    request = pb.EndConventionRequest(convention_id=convention_id, end_date=to_date(ends), end_reason=reason)
    reply = qf.services.partners.call(_stub(qf).EndConvention, request)
    qf.output.record("End recorded", views.convention(reply.convention))


def _stub(qf: Qf) -> rpc.ConventionServiceStub:
    return rpc.ConventionServiceStub(qf.services.partners.channel)
