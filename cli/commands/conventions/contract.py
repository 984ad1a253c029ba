"""From the draft to the effect (art. 9-1)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from cli import register
from cli.application import Qf, command
from cli.commands.conventions.recording import record, show_changed
from cli.parameters import (
    ByOption,
    CaisseOption,
    ConventionArgument,
    OptionalReasonOption,
    PartnerOption,
    day_option,
)
from msa.partners.v1 import convention_service_pb2 as pb
from services.kit.messages import to_date

group = typer.Typer()
_PANEL = "From the draft to the effect"


@command(
    group,
    "draft",
    examples=["qf convention draft --partner UUID --caisse 21"],
    panel=_PANEL,
)
def draft(qf: Qf, partner: PartnerOption, caisse: CaisseOption, reason: OptionalReasonOption = "") -> None:
    """Opens a convention that nobody has signed yet; `sign` follows as each copy comes back."""
    request = pb.DraftConventionRequest(partner_id=partner, caisse_code=caisse, reason=reason)
    reply = qf.services.partners.call(register.conventions(qf).DraftConvention, request)
    show_changed(qf, "Convention drafted", reply.convention)


@command(
    group,
    "sign",
    examples=[
        "qf convention sign UUID --by partner --date 2026-08-28",
        "qf convention sign UUID --by caisse --date today",
    ],
    panel=_PANEL,
)
def sign(
    qf: Qf,
    convention_id: ConventionArgument,
    by: ByOption,
    signed: Annotated[date, day_option("--date", "When it signed")],
    reason: OptionalReasonOption = "",
) -> None:
    """Records that a party signed (art. 9-1). Look at the date twice: a signature cannot be annulled."""
    fact = pb.Signature(party=by.to_message(), signature_date=to_date(signed))
    before = register.convention(qf, convention_id)
    record(qf, before, pb.ConventionFact(signature=fact), "Signature recorded", reason)


@command(
    group,
    "register",
    examples=[
        "qf convention register --partner UUID --caisse 21 --signed 2026-09-01 --cnil-declared 2026-08-20",
        "qf convention register --partner UUID --caisse 21 --signed today",
    ],
    panel=_PANEL,
)
def register_signed(
    qf: Qf,
    partner: PartnerOption,
    caisse: CaisseOption,
    signed: Annotated[date, day_option("--signed", "Signed by both")],
    cnil_declared: Annotated[
        date | None,
        day_option(
            "--cnil-declared", "Transmission of the CNIL declaration, without which the convention waits"
        ),
    ] = None,
    reason: OptionalReasonOption = "",
) -> None:
    """Records in one step a convention that both have signed on one day. It takes effect once the CNIL declaration was
    transmitted (art. 9-1).
    """
    request = pb.RegisterConventionRequest(
        partner_id=partner,
        caisse_code=caisse,
        signature_date=to_date(signed),
        cnil_declaration_date=to_date(cnil_declared),
        reason=reason,
    )
    reply = qf.services.partners.call(register.conventions(qf).RegisterConvention, request)
    show_changed(qf, "Convention registered", reply.convention)


@command(group, "declare-cnil", examples=["qf convention declare-cnil UUID --date 2026-08-20"], panel=_PANEL)
def declare_cnil(
    qf: Qf,
    convention_id: ConventionArgument,
    declared: Annotated[date, day_option("--date", "When it was transmitted")],
    reason: OptionalReasonOption = "",
) -> None:
    """Records that the CNIL declaration was transmitted (art. 9-1); a later one corrects an earlier one."""
    request = pb.RecordCnilDeclarationRequest(
        convention_id=convention_id,
        cnil_declaration_date=to_date(declared),
        reason=reason,
        etag=register.convention(qf, convention_id).etag,
    )
    reply = qf.services.partners.call(register.conventions(qf).RecordCnilDeclaration, request)
    show_changed(qf, "CNIL declaration recorded", reply.convention)
