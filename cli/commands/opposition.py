"""`qf opposition`: the right to object to consultations (art. 6-3, annexe 1)."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Annotated

import grpc
import typer

from cli import forms, imports, views
from cli.application import Qf, command
from cli.errors import CommandFailed
from cli.opposition_file import (
    Channel,
    Declarant,
    Format,
    Register,
    Requester,
    channel_message,
    format_of,
)
from cli.opposition_import import OppositionImport, Tally
from cli.parameters import (
    CaisseOption,
    NirFileOption,
    OnePartnerOption,
    YesOption,
    confirm,
    day_option,
)
from cli.progress import LateProgress
from cli.refusals import RefusedLine
from msa.quotient.v1 import opposition_service_pb2 as pb
from msa.quotient.v1 import opposition_service_pb2_grpc as rpc
from services.kit.messages import to_date

group = typer.Typer(
    no_args_is_help=True, help="Oppositions of families to the consultation of their dossier."
)

# What fits a screen; JSON has every field.
_COLUMNS = (
    *("scope", "partner_id", "received_on", "channel", "requester", "declarant", "reference", "record_time"),
    *("withdraw_time", "withdrawal_received_on", "withdrawal_requester", "opposition_id"),
)
RequesterOption = Annotated[
    Requester, typer.Option("--requester", help="Who asked: the person, or somebody who represents her.")
]
ReceivedOnOption = Annotated[
    date | None, day_option("--received-on", "When it was expressed; else today is meant")
]
OptionalReferenceOption = Annotated[
    str,
    typer.Option(
        "--reference", metavar="TEXT", help="Of the letter or the case; no NIR, no name belongs in it."
    ),
]


@command(
    group,
    "record",
    examples=[
        "qf opposition record --caisse 21 --channel letter --received-on 2026-11-20 --reference GED/118",
        "qf opposition record --caisse 21 --channel counter --requester representative --nir-file person.txt",
        "qf opposition record --caisse 21 --partner UUID --channel letter --declared-by partner",
    ],
)
def record(
    qf: Qf,
    caisse: CaisseOption,
    channel: Annotated[Channel, typer.Option("--channel", help="How the person expressed it.")],
    partner: OnePartnerOption = None,
    requester: RequesterOption = Requester.PERSON,
    received_on: ReceivedOnOption = None,
    reference: OptionalReferenceOption = "",
    declared_by: Annotated[
        Declarant,
        typer.Option("--declared-by", help="To whom she objected; a partner declares for itself: --partner."),
    ] = Declarant.CAISSE,
    nir_file: NirFileOption = None,
) -> None:
    """Records an opposition: to every partner of the caisse, or to one. It holds from the next consultation on."""
    request = pb.RecordOppositionRequest(
        nir=forms.read_nir(nir_file).reveal(),
        scope=_scope(caisse, partner),
        channel=channel.to_message(),
        requester=requester.to_message(),
        declarant=declared_by.to_message(),
        received_on=to_date(received_on),
        reference=reference,
    )
    reply = qf.services.quotient.call(_stub(qf).RecordOpposition, request)
    qf.output.record("Opposition recorded", views.opposition(reply.opposition))


@command(
    group,
    "withdraw",
    examples=[
        "qf opposition withdraw --caisse 21 --channel letter --received-on 2026-11-20",
        "qf opposition withdraw --caisse 21 --partner UUID --requester representative",
    ],
)
def withdraw(
    qf: Qf,
    caisse: CaisseOption,
    partner: OnePartnerOption = None,
    channel: Annotated[
        Channel | None, typer.Option("--channel", help="How the person expressed it, if it is known.")
    ] = None,
    requester: RequesterOption = Requester.PERSON,
    received_on: ReceivedOnOption = None,
    reference: OptionalReferenceOption = "",
    nir_file: NirFileOption = None,
    yes: YesOption = False,
) -> None:
    """Withdraws an opposition with the scope it was recorded with: partners see the QF again.

    A letter that is older than the opposition withdraws nothing.
    """
    confirm("Withdraw the opposition? Partners in its scope see the QF again.", yes=yes)
    request = pb.WithdrawOppositionRequest(
        nir=forms.read_nir(nir_file).reveal(),
        scope=_scope(caisse, partner),
        channel=channel_message(channel),
        requester=requester.to_message(),
        received_on=to_date(received_on),
        reference=reference,
    )
    reply = qf.services.quotient.call(_stub(qf).WithdrawOpposition, request)
    qf.output.record("Opposition withdrawn", views.opposition(reply.opposition))


@command(group, "list", examples=["qf opposition list --caisse 21", "qf opposition list --caisse 21 --json"])
def list_oppositions(qf: Qf, caisse: CaisseOption, nir_file: NirFileOption = None) -> None:
    """Lists all that a person ever objected to with a caisse, and what she withdrew, newest first."""
    request = pb.ListOppositionsRequest(nir=forms.read_nir(nir_file).reveal(), caisse_code=caisse)
    reply = qf.services.quotient.call(_stub(qf).ListOppositions, request)
    rows = [views.opposition(opposition) for opposition in reply.oppositions]
    qf.output.records("Oppositions", rows, "This person never objected with this caisse.", _COLUMNS)


@command(
    group,
    "import",
    examples=[
        "qf opposition import register.csv",
        "qf opposition import register.ndjson --refused refused.ndjson",
        "cat register.csv | qf opposition import - --format csv",
    ],
)
def import_oppositions(
    qf: Qf,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="UTF-8; - is standard input.")],
    written: Annotated[
        Format | None, typer.Option("--format", help="How it is written; else its name tells: .csv, .ndjson.")
    ] = None,
    refused: Annotated[
        Path | None,
        typer.Option(
            "--refused", metavar="FILE", help="Write refused lines here: number, field, rule, reason."
        ),
    ] = None,
) -> None:
    """Imports an existing register. What is acknowledged holds from the next consultation on.

    Good lines go in, bad ones are told by number, field and rule. The same file again changes nothing, so a run that
    was cut short is simply started again; what a person withdrew since stays withdrawn. Columns, of which the first
    three are required: nir, caisse, received_on, partner, channel, requester, declared_by, reference.

    Exit status 3 when lines were refused, 4 when the service went away.
    """
    how = format_of(file, written)
    imports.require_other_file(refused, file)
    with ExitStack() as resources:
        source, size_bytes = resources.enter_context(imports.opened(file))
        report = imports.RefusalReport(qf, resources.enter_context(imports.refused_file(refused)))
        progress = resources.enter_context(LateProgress(qf.output.err, "Importing", size_bytes))

        def settled(tally: Tally, lines: Sequence[RefusedLine]) -> None:
            report.add(lines)
            rate = tally.lines / progress.elapsed_seconds
            progress.advance_to(tally.size_bytes, f"{tally.lines:,} lines, {rate:,.0f} a second")

        service = qf.services.quotient
        running = OppositionImport(
            lambda requests: service.stream(_stub(qf).ImportOppositions, requests), settled
        )
        try:
            running.run(Register(source, how))
        except grpc.RpcError as error:
            raise _cut_short(running, service.explained(error)) from None
        except OSError:
            raise _cut_short(running, imports.unreadable(file)) from None
        except KeyboardInterrupt:
            raise _cut_short(running, imports.INTERRUPTED) from None
        seconds = progress.elapsed_seconds
    tally = running.tally
    counts = {
        "recorded": tally.recorded,
        "standing_already": tally.standing,
        "refused": tally.refused,
        "blank_lines": tally.blank,
    }
    report.summarise("Import", counts, tally.lines, seconds)


def _cut_short(running: OppositionImport, failed: CommandFailed) -> CommandFailed:
    return imports.cut_short(failed, running.tally.committed, running.tally.last_line)


def _scope(caisse: str, partner: str | None) -> pb.OppositionScope:
    return pb.OppositionScope(caisse_code=caisse, partner_id=partner or "")


def _stub(qf: Qf) -> rpc.OppositionServiceStub:
    return rpc.OppositionServiceStub(qf.services.quotient.channel)
