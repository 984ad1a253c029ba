"""`qf history`: every change of the register: who, when, what, why, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

import typer
from rich.text import Text

from cli import paging, register, views
from cli.application import Qf, command
from cli.output import Row, harmless, words
from cli.parameters import CaisseOption, LimitOption
from msa.partners.v1 import history_service_pb2 as pb
from msa.partners.v1 import history_service_pb2_grpc as rpc

_INDENT = 2


def add_to(root: typer.Typer, panel: str) -> None:
    """Adds the command, which has no group of its own."""
    examples = [
        "qf history --caisse 21",
        "qf history --caisse 21 --subject UUID",
        "qf history --caisse 21 --limit 500 --json",
    ]
    command(root, "history", examples=examples, panel=panel)(history)


def history(
    qf: Qf,
    caisse: CaisseOption,
    subject: Annotated[
        str,
        typer.Option(
            "--subject", metavar="UUID", help="Only of this partner, convention, form, habilitation or agent."
        ),
    ] = "",
    limit: LimitOption = 50,
) -> None:
    """Shows what was changed in the register of a caisse, newest first: who, when, what, why, before → after.

    Nothing of it is ever altered or removed. A fact that was annulled is still there, and who annulled it.
    """
    service = qf.services.partners
    stub = rpc.HistoryServiceStub(service.channel)
    events, more = paging.up_to(
        limit,
        lambda size, token: service.call(
            stub.ListEvents,
            pb.ListEventsRequest(caisse_code=caisse, subject_id=subject, page_size=size, page_token=token),
        ),
        lambda page: page.events,
    )
    names = _agent_names(qf, caisse) if any(event.agent_id for event in events) else {}
    rows = [_row(event, names) for event in events]
    if qf.output.as_json:
        changes = [[views.fields(change) for change in event.changes] for event in events]
        qf.output.document([{**row, "changes": told} for row, told in zip(rows, changes, strict=True)])
        return
    qf.output.drawing([line for pair in zip(events, rows, strict=True) for line in _drawn(*pair)])
    if not events:
        qf.output.drawing([Text("Nothing is on record.")])
    paging.say_if_more(qf, more=more)


def _agent_names(qf: Qf, caisse: str) -> Mapping[str, str]:
    agents = paging.every(
        lambda size, token: register.agents_page(qf, caisse, size, token), lambda page: page.agents
    )
    return {agent.agent_id: agent.agent_name for agent in agents}


def _row(event: pb.Event, names: Mapping[str, str]) -> Row:
    return {**views.fields(event), "agent_name": names.get(event.agent_id, event.agent_id)}


def _drawn(event: pb.Event, row: Row) -> Iterator[Text]:
    """One event in a few lines, as a log of changes reads: what and when, by whom, why, what differs."""
    headline = Text(words(row["event_time"]), "cyan")
    headline.append(f"  {_plain(event.kind)}", "bold")
    yield headline
    yield _line(_plain(event.subject_kind), event.subject_id)
    through = event.client_name or "the service itself"
    yield _line("by", f"{row['agent_name']}, through {through}" if event.agent_id else through)
    if event.reason:
        yield _line("why", event.reason)
    for change in event.changes:
        if change.before == change.after:
            continue  # there was no value, and there is none
        yield _line(_plain(change.field), f"{words(change.before)} → {words(change.after)}")
    yield Text()


def _line(label: str, text: str) -> Text:
    line = Text(f"{'':{_INDENT}}{label}  ", "cyan")
    line.append(harmless(text), "default")
    return line


def _plain(name: str) -> str:
    return harmless(name).replace("_", " ").lower()
