"""What was consulted is counted by month, partner, purpose and outcome: all of it, once, and nobody stands in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import grpc
import pytest
from google.type.date_pb2 import Date

from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import journal_service_pb2 as pb
from msa.quotient.v1.journal_service_pb2_grpc import JournalServiceStub
from services.kit.errors import Reason
from services.kit.status import reason_of
from services.quotient.disclosures.domain import Outcome, Purpose
from services.quotient.reports.domain import ConsultationCount, month_bounds
from services.quotient.reports.store import COUNT
from tests.integration.quotient.caller import BOURGOGNE, ELSEWHERE, THIS_MONTH, Caller, item, message, record
from tests.integration.quotient.own_journal import OwnJournal, own_journal
from tests.people import new_nir
from tests.stack import Stack

if TYPE_CHECKING:  # in its stubs only
    from msa.quotient.v1.journal_service_pb2_grpc import JournalServiceAsyncStub

MILLISECOND = timedelta(milliseconds=1)
TOWN_HALL, LEISURE_CENTRE = UUID(int=1), UUID(int=2)
LINES = 20_000


@pytest.fixture
async def journal(stack: Stack) -> AsyncIterator[OwnJournal]:
    """A journal without a line."""
    async with own_journal(stack) as empty:
        yield empty


@pytest.fixture
async def agent(stack: Stack) -> AsyncIterator[JournalServiceAsyncStub]:
    """A caisse agent."""
    async with stack.channel("quotient", "qf") as channel:
        yield JournalServiceStub(channel)


def report_of(caisse_code: str, first: date, last: date) -> pb.GetConsultationReportRequest:
    """What to count."""
    return pb.GetConsultationReportRequest(
        caisse_code=caisse_code, first_month=message(first), last_month=message(last)
    )


async def test_what_was_met_is_counted_by_partner_purpose_and_outcome(
    caller: Caller, agent: JournalServiceAsyncStub
) -> None:
    town_hall, leisure_centre = sorted(str(uuid4()) for _ in range(2))
    known, opposed = new_nir(), new_nir()
    await caller.publish(record(known), record(opposed))
    await caller.record_opposition(opposed)
    await caller.disclose(
        *(item(new_nir(), partner_id=town_hall) for _ in range(3)),
        item(opposed, partner_id=town_hall),
        item(known, partner_id=town_hall, purpose=disclosure_pb.PURPOSE_CANTEEN),
        item(known, partner_id=leisure_centre),
        item(known, partner_id=leisure_centre, caisse_code=ELSEWHERE),
    )
    report = await agent.GetConsultationReport(report_of(BOURGOGNE, THIS_MONTH, THIS_MONTH))
    found = [count for count in report.counts if count.partner_id in {town_hall, leisure_centre}]
    month = message(THIS_MONTH)
    pricing, canteen = disclosure_pb.PURPOSE_PRICING, disclosure_pb.PURPOSE_CANTEEN
    assert found == [
        counted(month, town_hall, pricing, disclosure_pb.DISCLOSURE_OUTCOME_OPPOSED, 1),
        counted(month, town_hall, pricing, disclosure_pb.DISCLOSURE_OUTCOME_NOT_FOUND, 3),
        counted(month, town_hall, canteen, disclosure_pb.DISCLOSURE_OUTCOME_NO_QUOTIENT, 1),
        counted(month, leisure_centre, pricing, disclosure_pb.DISCLOSURE_OUTCOME_NO_QUOTIENT, 1),
    ]


def counted(
    month: Date,
    partner_id: str,
    purpose: disclosure_pb.Purpose.ValueType,
    outcome: disclosure_pb.DisclosureOutcome.ValueType,
    consultation_count: int,
) -> pb.ConsultationCount:
    """A count as it travels."""
    return pb.ConsultationCount(
        month=month,
        partner_id=partner_id,
        purpose=purpose,
        outcome=outcome,
        consultation_count=consultation_count,
    )


@pytest.mark.parametrize(
    ("midnight", "before", "after"),
    [
        pytest.param(
            datetime(2026, 3, 31, 22, tzinfo=UTC), date(2026, 3, 1), date(2026, 4, 1), id="summer time"
        ),
        pytest.param(
            datetime(2025, 10, 31, 23, tzinfo=UTC), date(2025, 10, 1), date(2025, 11, 1), id="winter time"
        ),
        pytest.param(
            datetime(2025, 12, 31, 23, tzinfo=UTC), date(2025, 12, 1), date(2026, 1, 1), id="new year"
        ),
    ],
)
async def test_a_consultation_counts_in_the_month_that_it_was_in_paris(
    journal: OwnJournal, midnight: datetime, before: date, after: date
) -> None:
    """The months of the partitions are those of UTC, an hour or two later."""
    await journal.write(midnight - MILLISECOND, partner_id=TOWN_HALL, count=2)
    await journal.write(midnight, partner_id=TOWN_HALL)
    await journal.write(midnight + timedelta(hours=2), partner_id=LEISURE_CENTRE)
    counts = await journal.reports.counts("21", before, after)
    assert counts == [
        ConsultationCount(before, TOWN_HALL, Purpose.PRICING, Outcome.NOT_FOUND, 2),
        ConsultationCount(after, TOWN_HALL, Purpose.PRICING, Outcome.NOT_FOUND, 1),
        ConsultationCount(after, LEISURE_CENTRE, Purpose.PRICING, Outcome.NOT_FOUND, 1),
    ]
    assert await journal.reports.counts("21", before, before) == counts[:1]
    assert await journal.reports.counts("12", before, after) == []


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (report_of("", THIS_MONTH, THIS_MONTH), "caisse_code"),
        (report_of("21", THIS_MONTH.replace(day=2), THIS_MONTH), "first_month"),
        (report_of("21", THIS_MONTH, THIS_MONTH.replace(day=15)), "last_month"),
        (report_of("21", THIS_MONTH, date(2020, 1, 1)), "last_month"),
        (report_of("21", date(2020, 1, 1), date(2023, 1, 1)), "last_month"),
        (pb.GetConsultationReportRequest(caisse_code="21"), "first_month"),
    ],
)
async def test_a_report_that_breaks_a_rule_is_refused(
    agent: JournalServiceAsyncStub, request_: pb.GetConsultationReportRequest, field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await agent.GetConsultationReport(request_)
    assert reason_of(refused.value) is Reason.INVALID_FIELD
    assert field.encode() in dict(refused.value.trailing_metadata() or ())["grpc-status-details-bin"]


async def test_a_report_reads_its_months_by_their_index_and_no_line(journal: OwnJournal) -> None:
    """However long the journal is: of what it counts there are 20 000 lines here, and it looks at none."""
    now = datetime(2026, 5, 20, tzinfo=UTC)
    for months in (0, 40, 80):
        await journal.write(now - timedelta(days=months), "12")
    async with journal.as_superuser() as superuser:
        await superuser.execute(MANY_LINES, {"lines": LINES, "begin": now - timedelta(days=60)})
        await superuser.execute(b"VACUUM ANALYZE disclosures")
    begin, end = month_bounds(date(2026, 5, 1))
    parameters = {"caisse_code": "21", "begin": begin, "end": end}
    async with journal.database.transaction("explain") as connection:
        explain: Any = "EXPLAIN (ANALYZE, FORMAT JSON) " + COUNT
        row = await (await connection.execute(explain, parameters)).fetchone()
    assert row is not None
    scans = [node for node in nodes(row[0][0]["Plan"]) if "Relation Name" in node]
    assert {scan["Relation Name"] for scan in scans} <= {"disclosures_202604", "disclosures_202605"}
    assert {scan["Node Type"] for scan in scans} == {"Index Only Scan"}
    assert sum(scan["Heap Fetches"] for scan in scans) == 0
    counts = await journal.reports.counts("21", date(2026, 3, 1), date(2026, 5, 1))
    assert sum(count.consultation_count for count in counts) == LINES


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every node of a plan."""
    yield plan
    inner: Sequence[Mapping[str, Any]] = plan.get("Plans", ())
    for node in inner:
        yield from nodes(node)


# Within 60 days, by seven partners.
MANY_LINES = b"""
INSERT INTO disclosures (
    consultation_id, disclose_time, person_index, index_generation, caisse_code, month, purpose, purpose_text,
    case_reference, account_id, habilitation_id, partner_id, convention_id, trace_id, outcome, period_ids,
    period_starts, salt
)
SELECT
    overlay(uuid7_floor(instant)::text PLACING substr(gen_random_uuid()::text, 20) FROM 20)::uuid, instant,
    sha256(int4send(number)), 1, '21', '2026-05-01', 'PRICING', '', '', gen_random_uuid(), gen_random_uuid(),
    overlay(repeat('0', 32) PLACING to_hex(number %% 7) FROM 32)::uuid, gen_random_uuid(), '', 'AVAILABLE', '{}',
    '{}', uuid_send(gen_random_uuid())
FROM generate_series(1, %(lines)s) AS number,
    LATERAL (SELECT %(begin)s + number * interval '60 days' / %(lines)s AS instant) AS at
"""
