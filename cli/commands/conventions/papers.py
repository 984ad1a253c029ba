"""Papers on the way: avenants and annexes (art. 2), the attestation after the end (art. 6-1); and mistakes."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

import typer

from cli import forms, register
from cli.application import Qf, command
from cli.commands.conventions.recording import record, show_changed
from cli.parameters import (
    ConventionArgument,
    OptionalReasonOption,
    ReasonOption,
    ReferenceOption,
    ScanOption,
    YesOption,
    confirm,
    day_option,
)
from msa.partners.v1 import convention_service_pb2 as pb
from services.kit.messages import to_date

group = typer.Typer()
_PANEL = "On the way"


class AttestationName(StrEnum):
    """What became of the data."""

    RETURN = "return"
    DESTRUCTION = "destruction"


@command(
    group,
    "amend",
    examples=[
        'qf convention amend UUID --number 1 --subject "school meals added" --caisse-signed 2027-01-04 '
        "--partner-signed 2027-01-11 --scan avenant-1.pdf"
    ],
    panel=_PANEL,
)
def amend(
    qf: Qf,
    convention_id: ConventionArgument,
    number: Annotated[int, typer.Option("--number", min=1, help="Its number: the next one, from 1 on.")],
    subject: Annotated[str, typer.Option("--subject", metavar="TEXT", help="What it changes.")],
    caisse_signed: Annotated[date, day_option("--caisse-signed", "When the caisse signed")],
    partner_signed: Annotated[date, day_option("--partner-signed", "When the partner signed")],
    scan: ScanOption = None,
    reason: OptionalReasonOption = "",
) -> None:
    """Records an avenant that both parties signed (art. 2)."""
    before = register.convention(qf, convention_id)
    fact = pb.Amendment(
        number=number,
        subject=subject,
        caisse_signature_date=to_date(caisse_signed),
        partner_signature_date=to_date(partner_signed),
        scan_sha256=forms.scan_digest(scan),
    )
    record(qf, before, pb.ConventionFact(amendment=fact), "Amendment recorded", reason)


@command(
    group,
    "annex",
    examples=["qf convention annex UUID --annex 2 --version 2 --effective 2027-03-01 --scan annexe-2.pdf"],
    panel=_PANEL,
)
def annex(
    qf: Qf,
    convention_id: ConventionArgument,
    number: Annotated[
        int, typer.Option("--annex", min=1, max=2, help="1 (data sharing) or 2 (the access request).")
    ],
    version: Annotated[int, typer.Option("--version", min=2, help="The next one; 1 came with the contract.")],
    effective: Annotated[date, day_option("--effective", "From when on")],
    scan: ScanOption = None,
    reason: OptionalReasonOption = "",
) -> None:
    """Records a new version of an annexe, which needs no avenant (art. 2)."""
    before = register.convention(qf, convention_id)
    fact = pb.AnnexVersion(
        annex=number,
        version=version,
        effective_date=to_date(effective),
        scan_sha256=forms.scan_digest(scan),
    )
    record(qf, before, pb.ConventionFact(annex_version=fact), "Version recorded", reason)


@command(
    group,
    "attest",
    examples=["qf convention attest UUID --kind destruction --received 2027-07-02 --reference GED-2027-311"],
    panel=_PANEL,
)
def attest(
    qf: Qf,
    convention_id: ConventionArgument,
    kind: Annotated[AttestationName, typer.Option("--kind", help="What became of the data.")],
    received: Annotated[date, day_option("--received", "When it was received")],
    reference: ReferenceOption = "",
    reason: OptionalReasonOption = "",
) -> None:
    """Records that the partner attested what became of the data, once the convention is over (art. 6-1)."""
    before = register.convention(qf, convention_id)
    fact = pb.Attestation(
        kind=pb.AttestationKind.Value(f"ATTESTATION_KIND_{kind.name}"),
        receipt_date=to_date(received),
        reference=reference,
    )
    record(qf, before, pb.ConventionFact(attestation=fact), "Attestation recorded", reason)


@command(
    group,
    "annul",
    examples=['qf convention annul UUID FACT --reason "letter of another partner, filed here by mistake"'],
    panel=_PANEL,
)
def annul(
    qf: Qf,
    convention_id: ConventionArgument,
    fact_id: Annotated[
        str, typer.Argument(metavar="FACT_ID", help="UUID of the fact; `qf convention show` tells it.")
    ],
    reason: ReasonOption,
    yes: YesOption = False,
) -> None:
    """Voids a fact that was recorded by mistake. It stays in the history; a signature cannot be voided."""
    before = register.convention(qf, convention_id)
    confirm(f"Annul fact {fact_id}? What followed from it is undone with it.", yes=yes)
    request = pb.AnnulFactRequest(
        convention_id=convention_id, fact_id=fact_id, reason=reason, etag=before.etag
    )
    reply = qf.services.partners.call(register.conventions(qf).AnnulFact, request)
    show_changed(qf, "Fact annulled", reply.convention)
