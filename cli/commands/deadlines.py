"""`qf deadlines`: what falls due with a caisse's partners, as a table or for a calendar."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli import timeline, views
from cli.application import Qf, command
from cli.errors import UsageFailed
from cli.output import Row
from cli.parameters import CaisseOption
from msa.partners.v1 import deadline_service_pb2 as pb
from msa.partners.v1 import deadline_service_pb2_grpc as rpc

WORDS: Mapping[str, str] = {
    "RENEWAL": "term: it renews itself (art. 9-1)",
    "LAST_DAY_TO_DENOUNCE": "last day to denounce (art. 9-2)",
    "CONVENTION_END": "it ends (art. 9-2, 10)",
    "CURE_END": "uncured, the {party}'s notice ends it (art. 9-2)",
    "FORCE_MAJEURE_TERMINATION": "either party may end it (art. 10)",
    "SUSPENSION_END": "a suspension ends (art. 7-2)",
    "RECERTIFICATION": "who is not confirmed loses access",
    "ATTESTATION": "attestation is due (art. 6-1)",
    "UNDERTAKING": "undertaking is missing (art. 6-1)",
}


def add_to(root: typer.Typer, panel: str) -> None:
    """Adds the command, which has no group of its own."""
    examples = [
        "qf deadlines --caisse 21",
        "qf deadlines --caisse 21 --days 365",
        "qf deadlines --caisse 21 --days 365 --ics deadlines.ics",
    ]
    command(root, "deadlines", examples=examples, panel=panel)(deadlines)


def deadlines(
    qf: Qf,
    caisse: CaisseOption,
    days: Annotated[int, typer.Option("--days", min=1, max=400, help="How many days ahead.")] = 90,
    ics: Annotated[
        Path | None,
        typer.Option(
            "--ics",
            metavar="FILE",
            help="Write a calendar (iCalendar) instead; the same file again updates it.",
        ),
    ] = None,
) -> None:
    """Shows what is overdue and what falls due with a caisse's partners, the most pressing first.

    Overdue are an attestation or an undertaking that should be here. A calendar program that subscribes to the file of
    --ics shows them there; each deadline keeps its identity, so that nothing is doubled.
    """
    if ics is not None:
        _write_calendar(qf, caisse, days, ics)
        return
    request = pb.ListDeadlinesRequest(caisse_code=caisse, horizon_days=days)
    reply = qf.services.partners.call(_stub(qf).ListDeadlines, request)
    qf.output.records(
        f"Deadlines of caisse {caisse}, {days} days ahead",
        [_row(deadline) for deadline in reply.deadlines],
        f"Nothing falls due within {days} days.",
        ("due_date", "when", "what", "partner_denomination", "users", "convention_id"),
        lambda row: "red" if row["is_overdue"] else "",
    )


def _write_calendar(qf: Qf, caisse: str, days: int, file: Path) -> None:
    request = pb.GetDeadlineCalendarRequest(caisse_code=caisse, horizon_days=days)
    reply = qf.services.partners.call(_stub(qf).GetDeadlineCalendar, request)
    try:
        file.write_bytes(reply.calendar)
    except OSError:
        raise UsageFailed(f"Cannot write {file}.", "Name a file in a folder of yours.") from None
    qf.output.record("Calendar written", {"calendar_file": str(file)})


def in_words(deadline: pb.Deadline) -> str:
    """What falls due."""
    kind = str(views.fields(deadline, "kind")["kind"])
    return WORDS.get(kind, kind).format(party=deadline.detail.lower())


def _row(deadline: pb.Deadline) -> Row:
    days, overdue = abs(deadline.days_left), deadline.days_left < 0
    return {
        **views.fields(deadline),
        "when": f"{days} day{'s' if days > 1 else ''} overdue" if overdue else timeline.days_left(days),
        "what": in_words(deadline),
        "users": deadline.user_count or None,
        "is_overdue": overdue,
    }


def _stub(qf: Qf) -> rpc.DeadlineServiceStub:
    return rpc.DeadlineServiceStub(qf.services.partners.channel)
