"""`qf opposition`: the right to object to consultations (art. 6-3, annexe 1)."""

from enum import StrEnum
from typing import Annotated

import typer

from cli import forms, views
from cli.application import Qf, command
from cli.parameters import CaisseOption, NirFileOption, OnePartnerOption, YesOption, confirm
from msa.quotient.v1 import opposition_service_pb2 as pb
from msa.quotient.v1 import opposition_service_pb2_grpc as rpc

group = typer.Typer(
    no_args_is_help=True, help="Oppositions of families to the consultation of their dossier."
)


class Channel(StrEnum):
    """How an opposition was expressed."""

    LETTER = "letter"
    COUNTER = "counter"
    TELEPHONE = "telephone"
    ONLINE = "online"


@command(
    group,
    "record",
    examples=[
        "qf opposition record --caisse 21 --channel letter",
        "qf opposition record --caisse 21 --partner UUID --channel counter --nir-file person.txt",
    ],
)
def record(
    qf: Qf,
    caisse: CaisseOption,
    channel: Annotated[Channel, typer.Option("--channel", help="How the person expressed it.")],
    partner: OnePartnerOption = None,
    nir_file: NirFileOption = None,
) -> None:
    """Records an opposition: to every partner of the caisse, or to one. It holds from the next consultation on."""
    request = pb.RecordOppositionRequest(
        nir=forms.read_nir(nir_file).reveal(),
        scope=_scope(caisse, partner),
        channel=pb.OppositionChannel.Value(f"OPPOSITION_CHANNEL_{channel.name}"),
    )
    reply = qf.services.quotient.call(_stub(qf).RecordOpposition, request)
    qf.output.record("Opposition recorded", views.opposition(reply.opposition))


@command(
    group,
    "withdraw",
    examples=["qf opposition withdraw --caisse 21", "qf opposition withdraw --caisse 21 --partner UUID"],
)
def withdraw(
    qf: Qf,
    caisse: CaisseOption,
    partner: OnePartnerOption = None,
    nir_file: NirFileOption = None,
    yes: YesOption = False,
) -> None:
    """Withdraws an opposition with the scope it was recorded with: partners see the QF again."""
    confirm("Withdraw the opposition? Partners in its scope see the QF again.", yes=yes)
    request = pb.WithdrawOppositionRequest(
        nir=forms.read_nir(nir_file).reveal(), scope=_scope(caisse, partner)
    )
    reply = qf.services.quotient.call(_stub(qf).WithdrawOpposition, request)
    qf.output.record("Opposition withdrawn", views.opposition(reply.opposition))


@command(group, "list", examples=["qf opposition list --caisse 21"])
def list_oppositions(qf: Qf, caisse: CaisseOption, nir_file: NirFileOption = None) -> None:
    """Lists all that a person ever objected to with a caisse, newest first."""
    request = pb.ListOppositionsRequest(nir=forms.read_nir(nir_file).reveal(), caisse_code=caisse)
    reply = qf.services.quotient.call(_stub(qf).ListOppositions, request)
    rows = [views.opposition(opposition) for opposition in reply.oppositions]
    qf.output.records("Oppositions", rows, "This person never objected with this caisse.")


def _scope(caisse: str, partner: str | None) -> pb.OppositionScope:
    return pb.OppositionScope(caisse_code=caisse, partner_id=partner or "")


def _stub(qf: Qf) -> rpc.OppositionServiceStub:
    return rpc.OppositionServiceStub(qf.services.quotient.channel)
