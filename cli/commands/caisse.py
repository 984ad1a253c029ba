"""`qf caisse`: the regional caisses."""

import typer

from cli import views
from cli.application import Qf, command
from msa.partners.v1 import partner_service_pb2 as pb
from msa.partners.v1 import partner_service_pb2_grpc as rpc

group = typer.Typer(no_args_is_help=True, help="The regional caisses and their departments.")


@command(group, "list", examples=["qf caisse list", "qf caisse list --json"])
def list_caisses(qf: Qf) -> None:
    """Lists the caisses with their departments."""
    service = qf.services.partners
    reply = service.call(rpc.CaisseServiceStub(service.channel).ListCaisses, pb.ListCaissesRequest())
    qf.output.records(
        "Caisses", [views.caisse(caisse) for caisse in reply.caisses], "No caisse is known to the service."
    )
