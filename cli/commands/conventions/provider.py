"""`qf convention provider`: who works for the partner and may see data (art. 6-1)."""

from datetime import date
from typing import Annotated

import typer

from cli import register
from cli.application import Qf, command
from cli.commands.conventions.recording import record
from cli.parameters import (
    ConventionArgument,
    DateOption,
    OptionalReasonOption,
    ReferenceOption,
    day_option,
)
from msa.partners.v1 import convention_service_pb2 as pb
from services.kit.messages import to_date

group = typer.Typer(
    no_args_is_help=True,
    help="Providers of the partner, and the confidentiality undertaking that each must sign (art. 6-1).",
)
ProviderArgument = Annotated[
    str, typer.Argument(metavar="PROVIDER_ID", help="UUID of its declaration; `qf convention show` tells it.")
]


@command(
    group,
    "declare",
    examples=[
        'qf convention provider declare UUID --denomination "Logiciels de Bourgogne" --since 2027-01-04'
    ],
)
def declare(
    qf: Qf,
    convention_id: ConventionArgument,
    denomination: Annotated[
        str, typer.Option("--denomination", metavar="TEXT", help="Name of the organisation.")
    ],
    since: Annotated[date, day_option("--since", "When it began to work for the partner")],
    reason: OptionalReasonOption = "",
) -> None:
    """Records a provider who may see data. Its undertaking is missing until it is received (art. 6-1)."""
    fact = pb.ProviderDeclaration(provider_name=denomination, since_date=to_date(since))
    before = register.convention(qf, convention_id)
    missing = f"Once it is there: qf convention provider undertaking {convention_id} FACT --received DAY"
    record(
        qf, before, pb.ConventionFact(provider_declaration=fact), "Provider recorded", reason, about=missing
    )


@command(
    group,
    "undertaking",
    examples=["qf convention provider undertaking UUID PROVIDER --received today --reference GED-2027-118"],
)
def undertaking(
    qf: Qf,
    convention_id: ConventionArgument,
    provider_id: ProviderArgument,
    received: Annotated[date, day_option("--received", "When it was received")],
    reference: ReferenceOption = "",
    reason: OptionalReasonOption = "",
) -> None:
    """Records that a provider's confidentiality undertaking was received (art. 6-1)."""
    fact = pb.ProviderUndertaking(
        provider_id=provider_id, receipt_date=to_date(received), reference=reference
    )
    before = register.convention(qf, convention_id)
    record(qf, before, pb.ConventionFact(provider_undertaking=fact), "Undertaking recorded", reason)


@command(group, "left", examples=["qf convention provider left UUID PROVIDER --date 2027-06-30"])
def left(
    qf: Qf,
    convention_id: ConventionArgument,
    provider_id: ProviderArgument,
    since: DateOption,
    reason: OptionalReasonOption = "",
) -> None:
    """Records that a provider works for the partner no more."""
    fact = pb.ProviderDeparture(provider_id=provider_id, departure_date=to_date(since))
    before = register.convention(qf, convention_id)
    record(qf, before, pb.ConventionFact(provider_departure=fact), "Departure recorded", reason)
