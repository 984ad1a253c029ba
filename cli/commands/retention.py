"""`qf retention`: how long a caisse keeps its lines of the journal."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.application import Qf, command
from cli.parameters import CaisseOption, YesOption, confirm
from msa.quotient.v1 import journal_service_pb2 as pb
from msa.quotient.v1 import journal_service_pb2_grpc as rpc


def add_to(root: typer.Typer, panel: str) -> None:
    """Adds the command, which has no group of its own."""
    examples = ["qf retention --caisse 21", "qf retention --caisse 21 --months 48"]
    command(root, "retention", examples=examples, panel=panel)(retention)


def retention(
    qf: Qf,
    caisse: CaisseOption,
    months: Annotated[
        int | None, typer.Option("--months", help="Keep them for so many months from now on: 12 to 120.")
    ] = None,
    yes: YesOption = False,
) -> None:
    """Shows how long a caisse keeps its lines of the journal, 36 months unless it decided otherwise, or sets it.

    What is older is purged within a day, for good: a shorter time asks first. Its hashes stay in the tree, so that what
    was proved stays proved.
    """
    stub = rpc.JournalServiceStub(qf.services.quotient.channel)
    kept = qf.services.quotient.call(stub.GetRetention, pb.GetRetentionRequest(caisse_code=caisse)).months
    if months is not None:
        if months < kept:
            confirm(
                f"Purge, for good, the lines of caisse {caisse} that are older than {months} months?", yes=yes
            )
        request = pb.SetRetentionRequest(caisse_code=caisse, months=months)
        kept = qf.services.quotient.call(stub.SetRetention, request).months
    qf.output.record("Retention of the journal", {"caisse_code": caisse, "months": kept})
