"""`qf report`: how often QFs were consulted, by which partners, what for, with which outcome; nobody stands in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import paging, register, report_drawing, reports
from cli.application import Qf, command
from cli.errors import CommandFailed
from cli.letters import writing
from cli.parameters import CaisseOption, today
from cli.reports import Report
from msa.partners.v1 import partner_service_pb2 as partner_pb
from msa.quotient.v1 import journal_service_pb2 as pb
from msa.quotient.v1 import journal_service_pb2_grpc as rpc
from services.kit.messages import to_date

_MONTH = re.compile(r"[1-9][0-9]{3}-(0[1-9]|1[0-2])")


def add_to(root: typer.Typer, panel: str) -> None:
    """Adds the command, which has no group of its own."""
    examples = [
        "qf report --caisse 21 --from 2026-01 --to 2026-11",
        "qf report --caisse 21 --from 2026-01 --pdf report.pdf",
        "qf report --caisse 21 --from 2024-01 --to 2026-11 --csv report.csv",
    ]
    command(root, "report", examples=examples, panel=panel)(report)


def parse_month(text: str) -> date:
    """The first day of the month in `text`, "2026-11". Raises typer.BadParameter."""
    if _MONTH.fullmatch(text) is None:
        raise typer.BadParameter("give a month as YYYY-MM")
    return date.fromisoformat(f"{text}-01")


def _month_option(name: str, about: str) -> Any:
    return typer.Option(name, parser=parse_month, metavar="YYYY-MM", help=about)


def report(
    qf: Qf,
    caisse: CaisseOption,
    first: Annotated[date, _month_option("--from", "The first month.")],
    last: Annotated[
        date | None, _month_option("--to", "The last month, this one if left out; at most 36 months in all.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write every count into this file instead.")
    ] = None,
    pdf: Annotated[
        Path | None,
        typer.Option("--pdf", metavar="FILE", help="Write the report, in French, as PDF instead."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
) -> None:
    """Shows how often QFs were consulted, by month, partner, purpose and outcome (art. 1).

    Months are those of Paris. No person stands in it: it may be handed on. Months of which lines are past the caisse's
    retention are counted as far as lines are left, and that is said.
    """
    found = _read(qf, caisse, first, last or today().replace(day=1))
    purged = _purged_months(qf, found)
    if purged:
        qf.output.note(
            f"Lines up to {max(purged):%Y-%m} may be purged by now (qf retention); what is left is counted."
        )
    if csv is not None or pdf is not None:
        _write(qf, found, csv, pdf, purged=bool(purged), overwrite=overwrite)
    elif qf.output.as_json:
        qf.output.document(found.rows())
    elif not found.counts:
        qf.output.note("Nothing was consulted in these months.")
    else:
        qf.output.drawing(report_drawing.drawn(found))


def _read(qf: Qf, caisse: str, first: date, last: date) -> Report:
    request = pb.GetConsultationReportRequest(
        caisse_code=caisse, first_month=to_date(first), last_month=to_date(last)
    )
    reply = qf.services.quotient.call(_stub(qf).GetConsultationReport, request)
    counts = [reports.read_count(count) for count in reply.counts]
    return Report(caisse, first, last, counts, _names(qf, caisse, {count.partner_id for count in counts}))


def _purged_months(qf: Qf, found: Report) -> Sequence[date]:
    request = pb.GetRetentionRequest(caisse_code=found.caisse_code)
    kept = qf.services.quotient.call(_stub(qf).GetRetention, request).months
    return [month for month in found.by_month() if reports.is_purged(month, today(), kept)]


def _names(qf: Qf, caisse: str, partner_ids: Collection[str]) -> Mapping[str, str]:
    """The partners' names, as far as the register tells them."""
    if not partner_ids:
        return {}
    try:
        names = _names_of_caisse(qf, caisse)
    except CommandFailed as failed:
        qf.output.note(f"Partners are shown by their ids. {failed.message}")
        return {}
    elsewhere = {partner_id: _name(qf, partner_id) for partner_id in partner_ids if partner_id not in names}
    return {**names, **{partner_id: name for partner_id, name in elsewhere.items() if name}}


def _names_of_caisse(qf: Qf, caisse: str) -> Mapping[str, str]:
    service, stub = qf.services.partners, register.partners(qf)
    partners = paging.every(
        lambda size, token: service.call(
            stub.ListPartners,
            partner_pb.ListPartnersRequest(caisse_code=caisse, page_size=size, page_token=token),
        ),
        lambda page: page.partners,
    )
    return {partner.partner_id: partner.denomination for partner in partners}


def _name(qf: Qf, partner_id: str) -> str:
    """The name of a partner that another caisse registered; nothing where nobody did."""
    try:
        return register.partner(qf, partner_id).denomination
    except CommandFailed:
        return ""


def _write(
    qf: Qf, found: Report, csv: Path | None, pdf: Path | None, *, purged: bool, overwrite: bool
) -> None:
    if csv is not None:
        writing.write_file(found.csv(), csv, overwrite=overwrite)
    if pdf is not None:
        writing.write_consultation_report(qf, found, pdf, is_incomplete=purged, overwrite=overwrite)
    files = {"csv_file": csv, "pdf_file": pdf}
    written = {name: str(path) for name, path in files.items() if path is not None}
    qf.output.record("Report written", {"consultation_count": found.total, **written})


def _stub(qf: Qf) -> rpc.JournalServiceStub:
    return rpc.JournalServiceStub(qf.services.quotient.channel)
