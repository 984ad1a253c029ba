"""`qf dossiers`: the caisses' files of dossiers and quotients (art. 3)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import grpc
import typer

from cli import imports, paging, views
from cli.application import Qf, command
from cli.connection import Service
from cli.dossier_files import DossierFile, FileFormat, opened
from cli.errors import CommandFailed
from cli.parameters import LimitOption
from cli.progress import LateProgress
from cli.publication import RESENT_LINES, Publication, Tally
from cli.refusals import RefusedLine, resumed_report
from msa.quotient.v1 import dossier_service_pb2 as pb
from msa.quotient.v1 import dossier_service_pb2_grpc as rpc

group = typer.Typer(no_args_is_help=True, help="Dossiers of families with their quotients.")


@command(
    group,
    "import",
    examples=[
        "qf dossiers import dossiers.ndjson",
        "qf dossiers import dossiers.csv --refused refused.ndjson",
        "qf dossiers import corrections.parquet --rectification 2026-0417",
        "qf demo data --dossiers 1000 | qf dossiers import -",
    ],
)
def import_dossiers(
    qf: Qf,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="NDJSON, CSV or Parquet; - is standard input, NDJSON.")
    ],
    file_format: Annotated[
        FileFormat | None, typer.Option("--format", help="Where the file's name does not tell it.")
    ] = None,
    refused: Annotated[
        Path | None,
        typer.Option(
            "--refused", metavar="FILE", help="Write refused lines here: number, field, rule, reason."
        ),
    ] = None,
    rectification: Annotated[
        str,
        typer.Option(
            "--rectification",
            metavar="REF",
            help="It rectifies at a person's request (art. 6-3): the caisse's reference of that request.",
        ),
    ] = "",
) -> None:
    """Imports dossiers. Good lines go in, bad ones are told by number, field and rule.

    A run that was cut short is started again by the same command, and goes on where it was. The same file again changes
    nothing. Exit status 3 when lines were refused, 4 when the service went away.
    """
    imports.require_other_file(refused, file)
    service = qf.services.quotient
    stub = rpc.DossierServiceStub(service.channel)
    with ExitStack() as resources:
        source = resources.enter_context(opened(file, file_format))
        begun = service.call(stub.BeginPublication, _begin(source, rectification)).publication
        start = max(0, begun.last_line - RESENT_LINES)
        report = imports.RefusalReport(qf, resources.enter_context(resumed_report(refused, start)))
        progress = resources.enter_context(LateProgress(qf.output.err, "Importing", source.total))
        if begun.last_line:
            qf.output.note(f"Going on behind line {begun.last_line:,}, where a run before was cut.")

        def settled(tally: Tally, lines: Sequence[RefusedLine]) -> None:
            report.add(lines)
            progress.advance_to(source.position(), _pace(tally, begun, progress.elapsed_seconds))

        publication = Publication(
            begun, lambda requests: service.stream(stub.PublishDossiers, requests), settled, source.field_name
        )
        tally = _published(publication, source, start, service, file)
        finish = pb.FinishPublicationRequest(publication_id=begun.publication_id)
        finished = service.call(stub.FinishPublication, finish).publication
        seconds = progress.elapsed_seconds
    counts = {**_counts(finished), "blank_lines": tally.blank}
    report.summarise("Import", counts, tally.lines - Tally.of(begun).lines, seconds)


@command(group, "publications", examples=["qf dossiers publications", "qf dossiers publications --json"])
def list_publications(qf: Qf, limit: LimitOption = 50) -> None:
    """Lists the imports of files, newest first: why, when, how far they came, what became of their lines."""
    service = qf.services.quotient
    stub = rpc.DossierServiceStub(service.channel)
    paging.show(
        qf,
        limit,
        lambda size, token: service.call(
            stub.ListPublications, pb.ListPublicationsRequest(page_size=size, page_token=token)
        ),
        lambda page: page.publications,
        views.fields,
        title="Publications, newest first",
        empty="Nothing was published from a file yet.",
    )


def _begin(source: DossierFile, rectification: str) -> pb.BeginPublicationRequest:
    kind = pb.PUBLICATION_KIND_RECTIFICATION if rectification else pb.PUBLICATION_KIND_REGULAR
    return pb.BeginPublicationRequest(source_digest=source.digest, kind=kind, reference=rectification)


def _published(
    publication: Publication, source: DossierFile, start: int, service: Service, file: Path
) -> Tally:
    try:
        return publication.publish(source.entries(start))
    except grpc.RpcError as error:
        raise _cut_short(service.explained(error), publication.tally) from None
    except CommandFailed as failed:
        raise _cut_short(failed, publication.tally) from None
    except OSError:
        raise _cut_short(imports.unreadable(file), publication.tally) from None
    except KeyboardInterrupt:
        raise _cut_short(imports.INTERRUPTED, publication.tally) from None


def _cut_short(failed: CommandFailed, tally: Tally) -> CommandFailed:
    return imports.cut_short(failed, tally.committed, tally.last_line)


def _pace(tally: Tally, begun: pb.Publication, seconds: float) -> str:
    lines = tally.lines - Tally.of(begun).lines
    return f"{tally.lines:,} lines, {_rate(lines, seconds):,} a second"


def _rate(lines: int, seconds: float) -> int:
    return round(lines / seconds) if seconds else 0


def _counts(publication: pb.Publication) -> dict[str, int]:
    return {
        "created": publication.created_count,
        "updated": publication.updated_count,
        "unchanged": publication.unchanged_count,
        "refused": publication.refused_count,
    }
