"""`qf journal show`: who consulted whose QF (RGPD art. 15; art. 6-3)."""

from typing import Annotated

import typer

from cli import forms, paging, views
from cli.application import Qf, command
from cli.parameters import CaisseOption, LimitOption, NirFileOption, OnePartnerOption
from msa.quotient.v1 import disclosure_service_pb2 as pb
from msa.quotient.v1 import disclosure_service_pb2_grpc as rpc

group = typer.Typer()

# What fits a screen; JSON has every field.
_COLUMNS = ("disclose_time", "outcome", "purpose", "month", "partner_id", "case_reference", "consultation_id")


@command(
    group,
    "show",
    examples=[
        "qf journal show --caisse 21",
        "qf journal show --caisse 21 --nir-prompt",
        "qf journal show --caisse 21 --partner UUID --limit 500 --json",
    ],
)
def show(
    qf: Qf,
    caisse: CaisseOption,
    partner: OnePartnerOption = None,
    nir_prompt: Annotated[
        bool, typer.Option("--nir-prompt", help="Only one person's lines; asks for the NIR.")
    ] = False,
    nir_file: NirFileOption = None,
    limit: LimitOption = 50,
) -> None:
    """Shows the journal of a caisse, newest first: everything, one person's lines or one partner's.

    The table shows what fits a screen; --json shows every field, the account and the trace among them.
    """
    nir = forms.read_nir(nir_file).reveal() if nir_prompt or nir_file else ""
    service = qf.services.quotient
    stub = rpc.DisclosureServiceStub(service.channel)
    paging.show(
        qf,
        limit,
        lambda size, token: service.call(
            stub.ListDisclosures,
            pb.ListDisclosuresRequest(
                caisse_code=caisse,
                nir=nir,
                partner_id=partner or "",
                page_size=size,
                page_token=token,
            ),
        ),
        lambda page: page.disclosures,
        views.disclosure,
        title=f"Journal of caisse {caisse}, newest first",
        empty="No such line is in the journal.",
        columns=_COLUMNS,
    )
