"""Deadlines, history and bouquets against fakes: what presses is seen first, and who changed what, and why."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from msa.partners.v1 import caisse_agent_service_pb2 as agent_pb
from msa.partners.v1 import deadline_service_pb2 as pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import history_service_pb2 as history_pb
from tests.integration.cli.fakes import Fakes
from tests.integration.cli.records import day

CALENDAR = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"


def deadline(kind: pb.DeadlineKind.ValueType, due: str, days_left: int, **more: Any) -> pb.Deadline:
    return pb.Deadline(
        kind=kind,
        due_date=day(due),
        days_left=days_left,
        partner_denomination="Mairie de Valbrune",
        convention_id="con-1",
        **more,
    )


@pytest.fixture
def known(fakes: Fakes) -> Fakes:
    """Fakes with a deadline that is overdue and one ahead."""
    deadlines = [
        deadline(pb.DEADLINE_KIND_ATTESTATION, "2027-01-02", -12),
        deadline(pb.DEADLINE_KIND_CURE_END, "2027-01-15", 1, detail="CAISSE"),
        deadline(pb.DEADLINE_KIND_RECERTIFICATION, "2027-03-02", 47, user_count=3),
    ]
    fakes.script.replies |= {
        "ListDeadlines": lambda _: pb.ListDeadlinesResponse(deadlines=deadlines),
        "GetDeadlineCalendar": lambda _: pb.GetDeadlineCalendarResponse(calendar=CALENDAR),
    }
    return fakes


def test_deadlines_are_told_by_day_with_the_days_left(known: Fakes) -> None:
    result = known.qf("deadlines", "--caisse", "21", "--days", "60")
    assert result.exit_code == 0, result.output
    overdue, notice, users = result.stdout.splitlines()[2:]
    assert "12 days overdue" in overdue
    assert "tomorrow" in notice
    assert "uncured, the caisse's notice ends it (art. 9-2)" in notice
    assert ("in 47 days" in users, " 3 " in users) == (True, True)
    assert known.script.requests == [pb.ListDeadlinesRequest(caisse_code="21", horizon_days=60)]


def test_deadlines_are_one_json_document(known: Fakes) -> None:
    rows = known.json("deadlines", "--caisse", "21")
    assert [(row["kind"], row["days_left"], row["is_overdue"]) for row in rows] == [
        ("ATTESTATION", -12, True),
        ("CURE_END", 1, False),
        ("RECERTIFICATION", 47, False),
    ]


def test_deadlines_go_into_a_calendar_which_is_updated(known: Fakes) -> None:
    file = known.folder / "deadlines.ics"
    for _ in range(2):
        assert known.json("deadlines", "--caisse", "21", "--ics", str(file))["calendar_file"] == str(file)
    assert file.read_bytes() == CALENDAR
    nowhere = known.folder / "missing" / "deadlines.ics"
    assert known.qf("deadlines", "--caisse", "21", "--ics", str(nowhere)).exit_code == 2


EVENT = history_pb.Event(
    event_id="eve-1",
    event_time=Timestamp(seconds=int(datetime(2027, 1, 14, 9, 30, tzinfo=UTC).timestamp())),
    subject_kind="PARTNER",
    subject_id="par-1",
    kind="PARTNER_UPDATED",
    agent_id="age-1",
    client_name="qf.qf.internal",
    reason="new name",
    changes=[
        history_pb.Change(field="denomination", before="Mairie", after="Ville\x1b[2J"),
        history_pb.Change(field="siret"),
    ],
)
LAPSE = history_pb.Event(
    event_id="eve-0", subject_kind="HABILITATION", subject_id="hab-1", kind="HABILITATION_LAPSED"
)


@pytest.fixture
def recorded(fakes: Fakes) -> Fakes:
    """Fakes with two events, one by an agent."""
    agent = agent_pb.CaisseAgent(agent_id="age-1", agent_name="odile.agents.qf.internal")
    fakes.script.replies |= {
        "ListEvents": lambda _: history_pb.ListEventsResponse(events=[EVENT, LAPSE], next_page_token="3"),
        "ListAgents": lambda _: agent_pb.ListAgentsResponse(agents=[agent]),
    }
    return fakes


def test_history_tells_who_when_what_why_and_what_differs(recorded: Fakes) -> None:
    result = recorded.qf("history", "--caisse", "21", "--subject", "par-1", "--limit", "2")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "2027-01-14 10:30:00  partner updated",
        "  partner  par-1",
        "  by  odile.agents.qf.internal, through qf.qf.internal",
        "  why  new name",
        "  denomination  Mairie → Ville\N{REPLACEMENT CHARACTER}[2J",
        "",
        "—  habilitation lapsed",
        "  habilitation  hab-1",
        "  by  the service itself",
        "",
    ]
    assert "raise --limit" in result.stderr
    assert recorded.sent(history_pb.ListEventsRequest) == [
        history_pb.ListEventsRequest(caisse_code="21", subject_id="par-1", page_size=2)
    ]


def test_history_is_one_json_document(recorded: Fakes) -> None:
    result = recorded.qf("history", "--caisse", "21", "--limit", "2", "--json")
    first, second = json.loads(result.stdout)
    assert result.stderr == ""
    assert (first["agent_name"], first["kind"], first["event_time"]) == (
        "odile.agents.qf.internal",
        "PARTNER_UPDATED",
        "2027-01-14T09:30:00+00:00",
    )
    assert first["changes"][0] == {"field": "denomination", "before": "Mairie", "after": "Ville\x1b[2J"}
    assert second["changes"] == []


def test_a_history_without_events_says_so(fakes: Fakes) -> None:
    fakes.script.replies["ListEvents"] = lambda _: history_pb.ListEventsResponse()
    assert fakes.qf("history", "--caisse", "21").stdout == "Nothing is on record.\n"


def test_bouquets_are_listed_with_their_services(fakes: Fakes) -> None:
    content = habilitation_pb.BouquetContent(
        bouquet=habilitation_pb.BOUQUET_QUOTIENT_FAMILIAL,
        online_services=[habilitation_pb.ONLINE_SERVICE_QUOTIENT_CONSULTATION],
    )
    fakes.script.replies["ListBouquets"] = lambda _: habilitation_pb.ListBouquetsResponse(bouquets=[content])
    assert fakes.json("bouquet", "list") == [
        {"bouquet": "QUOTIENT_FAMILIAL", "online_services": ["QUOTIENT_CONSULTATION"]}
    ]
