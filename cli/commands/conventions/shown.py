"""Looking at conventions."""

from __future__ import annotations

import typer
from rich.text import Text

from cli import facts, paging, register, timeline, views
from cli.application import Qf, command
from cli.commands.conventions.recording import standing
from cli.parameters import CaisseOption, ConventionArgument, LimitOption, OnePartnerOption
from msa.partners.v1 import convention_service_pb2 as pb

group = typer.Typer()
_PANEL = "Looking"


@command(group, "show", examples=["qf convention show UUID", "qf convention show UUID --json"], panel=_PANEL)
def show(qf: Qf, convention_id: ConventionArgument) -> None:
    """Shows one convention: where it stands, what is on record, and its life as a line: past, TODAY, what comes.

    --json has every field of every fact, and the identifiers that `cure`, `provider` and `annul` ask for.
    """
    convention = register.convention(qf, convention_id)
    recorded, missing = (
        facts.rows(convention),
        [views.fields(provider) for provider in convention.missing_undertakings],
    )
    if qf.output.as_json:
        qf.output.document(
            {
                **views.convention(convention),
                "facts": recorded,
                "missing_undertakings": missing,
                "timeline": timeline.rows(convention),
            }
        )
        return
    qf.output.record("Convention", views.convention(convention))
    qf.output.drawing([Text()])
    qf.output.records("On record", recorded, "Nothing is on record yet.", ("day", "what", "fact_id"))
    if missing:
        qf.output.drawing([Text()])
        qf.output.records("Confidentiality undertakings that are missing (art. 6-1)", missing, "")
    qf.output.drawing([Text(), Text("What was, what is, what comes", "bold"), *timeline.drawn(convention)])
    qf.output.note(standing(convention))
    _say_what_is_due(qf, convention)


@command(
    group,
    "list",
    examples=["qf convention list --caisse 21", "qf convention list --caisse 21 --partner UUID"],
    panel=_PANEL,
)
def list_conventions(
    qf: Qf, caisse: CaisseOption, partner: OnePartnerOption = None, limit: LimitOption = 50
) -> None:
    """Lists the conventions of a caisse, or of one of its partners, newest first."""
    paging.show(
        qf,
        limit,
        lambda size, token: qf.services.partners.call(
            register.conventions(qf).ListConventions,
            pb.ListConventionsRequest(
                caisse_code=caisse, partner_id=partner or "", page_size=size, page_token=token
            ),
        ),
        lambda page: page.conventions,
        views.convention,
        title=f"Conventions of caisse {caisse}, newest first",
        empty="There is no such convention.",
        columns=("convention_id", "partner_id", "state", "term_date", "end_date"),
    )


def _say_what_is_due(qf: Qf, convention: pb.Convention) -> None:
    if convention.missing_undertakings:
        qf.output.note(
            f"When one comes in: qf convention provider undertaking {convention.convention_id} PROVIDER --received DAY"
        )
    if convention.attestation_due:
        qf.output.note(
            "The attestation of return or destruction is due (art. 6-1): "
            f"qf convention attest {convention.convention_id} --kind KIND --received DAY"
        )
