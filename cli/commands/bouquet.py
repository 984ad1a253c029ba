"""`qf bouquet`: the sets of online services that a habilitation opens (art. 4-2)."""

import typer

from cli import register, views
from cli.application import Qf, command
from msa.partners.v1 import habilitation_service_pb2 as pb

group = typer.Typer(no_args_is_help=True, help="Bouquets: what a habilitation opens (art. 4-2).")


@command(group, "list", examples=["qf bouquet list"])
def list_bouquets(qf: Qf) -> None:
    """Lists the bouquets with their online services."""
    reply = qf.services.partners.call(register.habilitations(qf).ListBouquets, pb.ListBouquetsRequest())
    qf.output.records(
        "Bouquets", [views.fields(bouquet) for bouquet in reply.bouquets], "The service has no bouquet."
    )
