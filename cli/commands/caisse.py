"""`qf caisse`: the regional caisses, and what one asks of every consultation."""

from typing import Annotated

import typer

from cli import register, views
from cli.application import Qf, command
from cli.parameters import CaisseOption, OptionalReasonOption
from msa.partners.v1 import caisse_settings_service_pb2 as settings_pb
from msa.partners.v1 import partner_service_pb2 as pb
from msa.partners.v1 import partner_service_pb2_grpc as rpc

group = typer.Typer(
    no_args_is_help=True, help="The regional caisses, and what one asks of every consultation."
)


@command(group, "list", examples=["qf caisse list", "qf caisse list --json"])
def list_caisses(qf: Qf) -> None:
    """Lists the caisses with their departments."""
    service = qf.services.partners
    reply = service.call(rpc.CaisseServiceStub(service.channel).ListCaisses, pb.ListCaissesRequest())
    qf.output.records(
        "Caisses", [views.caisse(caisse) for caisse in reply.caisses], "No caisse is known to the service."
    )


@command(
    group,
    "settings",
    examples=[
        "qf caisse settings --caisse 21",
        'qf caisse settings --caisse 21 --require-case-reference --reason "each look-up has its file"',
        "qf caisse settings --caisse 21 --no-require-case-reference",
    ],
)
def settings(
    qf: Qf,
    caisse: CaisseOption,
    reference_required: Annotated[
        bool | None,
        typer.Option(
            "--require-case-reference/--no-require-case-reference",
            help="Whether each consultation must carry the partner's reference of the case.",
        ),
    ] = None,
    reason: OptionalReasonOption = "",
) -> None:
    """Shows what a caisse asks of every consultation of its dossiers, nothing unless it decided so, or sets it.

    What is set holds from the next consultation on: one without the reference is then refused, and says so.
    """
    stub = register.caisse_settings(qf)
    if reference_required is None:
        asked = settings_pb.GetCaisseSettingsRequest(caisse_code=caisse)
        found = qf.services.partners.call(stub.GetCaisseSettings, asked).settings
    else:
        wanted = settings_pb.CaisseSettings(caisse_code=caisse, case_reference_required=reference_required)
        request = settings_pb.SetCaisseSettingsRequest(settings=wanted, reason=reason)
        found = qf.services.partners.call(stub.SetCaisseSettings, request).settings
    qf.output.record("Settings of the caisse", views.fields(found))
