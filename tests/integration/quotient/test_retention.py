"""Lines go when the retention of their caisse is over, not a moment before, and their hash stays in the tree (N7)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import grpc
import pytest
from psycopg import errors
from structlog.testing import capture_logs

from msa.quotient.v1 import journal_service_pb2 as pb
from msa.quotient.v1.journal_service_pb2_grpc import JournalServiceStub
from services.kit.errors import DependencyUnavailable, Reason
from services.kit.server import Server
from services.kit.status import reason_of
from services.kit.transparency.merkle import leaf_hash, verify_consistency, verify_inclusion
from services.quotient.access import ACCESS
from services.quotient.composition import keep_journal
from services.quotient.journal.domain import LeafKind
from services.quotient.retention.domain import (
    DEFAULT_MONTHS,
    LONGEST_MONTHS,
    SHORTEST_MONTHS,
    first_kept_day,
    kept_from,
)
from tests.integration.quotient.own_journal import OwnJournal, own_journal
from tests.stack import Stack

if TYPE_CHECKING:  # in its stubs only
    from msa.quotient.v1.journal_service_pb2_grpc import JournalServiceAsyncStub

MILLISECOND = timedelta(milliseconds=1)
BATCH = 10


@pytest.fixture
async def journal(stack: Stack) -> AsyncIterator[OwnJournal]:
    """A journal without a line."""
    async with own_journal(stack) as empty:
        yield empty


def over_since(journal: OwnJournal, months: int = DEFAULT_MONTHS) -> datetime:
    """The last millisecond whose lines are past the retention."""
    return kept_from(journal.clock.now(), months) - MILLISECOND


async def test_lines_go_at_the_end_of_their_retention_and_not_before(journal: OwnJournal) -> None:
    over = over_since(journal)
    await journal.write(over - timedelta(days=200), count=2)
    await journal.write(over)
    kept = [*await journal.write(over + MILLISECOND), *await journal.consult()]
    await journal.seal()
    await journal.keeping.purge()
    assert await journal.lines() == kept


async def test_each_caisse_keeps_its_lines_for_its_own_time(journal: OwnJournal) -> None:
    await journal.retention.set_months("12", SHORTEST_MONTHS)
    await journal.retention.set_months("85", LONGEST_MONTHS)
    kept: dict[str, Sequence[UUID]] = {"21": (), "12": (), "85": ()}
    for months, keeping in ((121, ()), (37, ("85",)), (13, ("21", "85"))):
        for caisse_code, lines in kept.items():
            written = await journal.write(over_since(journal, months), caisse_code)
            if caisse_code in keeping:
                kept[caisse_code] = (*lines, *written)
    await journal.seal()
    await journal.keeping.purge()
    for caisse_code, lines in kept.items():
        assert await journal.lines(caisse_code) == [*lines]


async def test_who_keeps_them_for_less_sees_them_go_with_the_next_round(journal: OwnJournal) -> None:
    await journal.write(over_since(journal, 20))
    await journal.seal()
    await journal.keeping.run()
    assert len(await journal.lines()) == 1
    await journal.retention.set_months("21", 20)
    with capture_logs() as logs:
        await journal.keeping.run()
    assert await journal.lines() == []
    assert {"event": "journal_purged", "caisse_code": "21", "line_count": 1, "log_level": "info"} in logs


async def test_the_database_counts_retention_as_the_domain_does(journal: OwnJournal) -> None:
    query = (
        b"SELECT first_kept_day(day, %s) FROM generate_series(date '2023-01-01', date '2029-01-01', '1 day')"
        b" WITH ORDINALITY AS days (instant, position), LATERAL (SELECT instant::date AS day) AS _ ORDER BY position"
    )
    days = [date(2023, 1, 1) + timedelta(days=number) for number in range(2193)]
    async with journal.as_service() as connection:
        for months in (12, 13, 23, 35, 36, 37, 47, 48, 119, 120):
            rows = await (await connection.execute(query, (months,))).fetchall()
            assert [day for (day,) in rows] == [first_kept_day(day, months) for day in days]


async def test_a_line_that_is_not_sealed_is_not_purged(journal: OwnJournal) -> None:
    """N7."""
    lines = await journal.write(over_since(journal))
    await journal.keeping.purge()
    assert await journal.lines() == lines
    await journal.seal()
    await journal.keeping.purge()
    assert await journal.lines() == []


@pytest.fixture
async def full(journal: OwnJournal) -> OwnJournal:
    """With lines that are past their retention, 6 months old, and of now; all sealed but one old one."""
    await journal.write(over_since(journal), count=3)
    await journal.write(over_since(journal, 6), count=2)
    await journal.consult()
    await journal.seal()
    await journal.write(over_since(journal) - timedelta(days=1))
    return journal


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT purge_journal('21', 'infinity', 1000)",
        "SELECT purge_journal('21', now(), 1000)",
        "SELECT purge_journal('21', NULL, NULL)",
        "UPDATE journal_retentions SET months = 12;SELECT purge_journal('21', now(), 1000)",
        "CREATE TEMP TABLE journal_retentions AS SELECT '21' AS caisse_code, 1 AS months;"
        "SET search_path = pg_temp, public;SELECT purge_journal('21', now(), 1000)",
        "SET timezone = 'Pacific/Kiritimati';SELECT purge_journal('21', now() + interval '40 years', 1000)",
    ],
)
async def test_whatever_the_service_s_role_says_no_younger_line_goes(
    full: OwnJournal, statement: str
) -> None:
    """N7: it may purge, within the rule that it cannot reach."""
    before = await full.lines()
    async with full.as_service() as connection:
        with contextlib.suppress(errors.InsufficientPrivilege):
            for part in statement.split(";"):
                await connection.execute(part.encode())
    assert set(before) - set(await full.lines()) <= set(before[1:4])


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM disclosures WHERE disclose_time < now() - interval '36 months 2 days'",
        "UPDATE journal_retentions SET months = 11",
        "INSERT INTO journal_retentions VALUES ('85', 1)",
        "DELETE FROM journal_retentions",
        "DELETE FROM journal_leaves",
        "DELETE FROM journal_tiles",
        "SET ROLE quotient_owner",
        "CREATE OR REPLACE FUNCTION journal_kept_from(caisse text) RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'",
    ],
)
async def test_the_service_s_role_gets_past_no_part_of_the_rule(full: OwnJournal, statement: str) -> None:
    await full.retention.set_months("21", 40)
    async with full.as_service() as connection:
        with pytest.raises((errors.InsufficientPrivilege, errors.CheckViolation)):
            await connection.execute(statement.encode())


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param(["DELETE FROM disclosures"], id="all lines"),
        pytest.param(
            ["DELETE FROM disclosures WHERE disclose_time > now() - interval '1 day'"], id="a young one"
        ),
        pytest.param(
            [
                "DELETE FROM disclosures WHERE consultation_id NOT IN (SELECT consultation_id FROM journal_leaves)"
            ],
            id="one that is not sealed",
        ),
        pytest.param(
            [
                "ALTER TABLE journal_retentions DROP CONSTRAINT journal_retentions_months_check",
                "INSERT INTO journal_retentions VALUES ('21', 1)",
                "DELETE FROM disclosures WHERE disclose_time < now() - interval '2 months'"
                " AND consultation_id IN (SELECT consultation_id FROM journal_leaves)",
            ],
            id="whatever retention is written down, one of less than a year",
        ),
    ],
)
async def test_the_owner_by_hand_deletes_no_line_that_a_purge_would_not(
    full: OwnJournal, statements: Sequence[str]
) -> None:
    before = await full.lines()
    async with full.as_owner() as connection:
        await connection.execute("BEGIN")
        for statement in statements[:-1]:
            await connection.execute(statement.encode())
        with pytest.raises(errors.RestrictViolation):
            await connection.execute(statements[-1].encode())
    assert await full.lines() == before


async def test_a_purge_that_is_cut_short_goes_on_where_it_was_and_twice_is_once(journal: OwnJournal) -> None:
    over = over_since(journal)
    lines = sorted(await journal.write(over, count=3 * BATCH))
    kept = await journal.consult()
    await journal.seal()
    assert await journal.store.purge("21", over + MILLISECOND, BATCH) == BATCH
    assert await journal.lines() == [*lines[BATCH:], *kept]
    for _ in range(2):
        await journal.keeping.purge()
        assert await journal.lines() == kept


async def test_replicas_share_a_purge_while_consultations_go_on(journal: OwnJournal) -> None:
    over = over_since(journal)
    await journal.write(over, count=500)
    await journal.seal()

    async def purge() -> int:
        total = 0
        while count := await journal.store.purge("21", over + MILLISECOND, BATCH):
            total += count
        return total

    async def consult() -> Sequence[UUID]:
        return [line for _ in range(40) for line in await journal.consult()]

    *purged, consulted = await asyncio.gather(purge(), purge(), purge(), consult())
    assert sum(purged) == 500
    assert set(await journal.lines()) == set(consulted)


async def test_what_is_purged_stays_proved_by_the_tree(journal: OwnJournal) -> None:
    """N7: a checkpoint that was kept from before the purge, and its proofs, hold after it."""
    (gone,) = await journal.write(over_since(journal))
    await journal.seal()
    (kept,) = await journal.consult()
    await journal.seal()
    before = await journal.proofs.prove_inclusion(gone)
    await journal.keeping.purge()
    await journal.consult()
    await journal.seal()
    consistency = await journal.proofs.prove_consistency(before.checkpoint.tree_size, 0)
    after = consistency.checkpoint
    verify_consistency(
        before.checkpoint.tree_size,
        after.tree_size,
        before.checkpoint.root_hash,
        after.root_hash,
        consistency.hashes,
    )
    proof = await journal.proofs.prove_inclusion(kept)
    verify_inclusion(leaf_hash(proof.leaf), proof.leaf_index, after.tree_size, proof.hashes, after.root_hash)
    export = await journal.exporter.export("21", 0)
    leaves = [leaf async for chunk in export.chunks for leaf in chunk]
    assert [leaf.kind for leaf in leaves] == [LeafKind.PURGED, LeafKind.LINE, LeafKind.LINE]
    assert leaves[0].content == leaf_hash(before.leaf)


async def test_a_month_without_a_line_left_is_dropped_and_no_other(journal: OwnJournal) -> None:
    over = over_since(journal)
    oldest = over - timedelta(days=100)
    await journal.write(oldest)
    (unsealed,) = await journal.write(over - timedelta(days=40))
    months = await journal.months()
    assert f"disclosures_{oldest:%Y%m}" in months
    async with journal.as_owner() as owner:
        await owner.execute("DELETE FROM journal_unsealed WHERE consultation_id = %s", (unsealed,))
    await journal.seal()
    await journal.keeping.purge()
    left = await journal.months()
    assert await journal.lines() == [unsealed]
    assert f"disclosures_{oldest:%Y%m}" not in left
    assert f"disclosures_{over - timedelta(days=40):%Y%m}" in left
    assert [month for month in months if month >= month_name(journal, SHORTEST_MONTHS)] == [
        month for month in left if month >= month_name(journal, SHORTEST_MONTHS)
    ]


def month_name(journal: OwnJournal, months: int) -> str:
    """The partition in which the shortest retention ends."""
    return f"disclosures_{kept_from(journal.clock.now(), months):%Y%m}"


async def test_a_drop_gives_way_to_who_reads_the_journal(journal: OwnJournal) -> None:
    await journal.write(over_since(journal) - timedelta(days=100))
    await journal.seal()
    months = await journal.months()
    async with journal.as_service() as reader, reader.transaction():
        await reader.execute("SELECT consultation_id FROM disclosures")
        began = asyncio.get_running_loop().time()
        purge, consultation = asyncio.create_task(journal.keeping.purge()), journal.consult()
        await asyncio.gather(purge, consultation)
        assert asyncio.get_running_loop().time() - began < 1.0
        assert await journal.months() == months
    await journal.keeping.purge()
    assert len(await journal.months()) < len(months)


async def test_no_line_is_shown_where_its_month_is_missing_and_a_start_makes_the_month_first(
    journal: OwnJournal,
) -> None:
    """N2, N8: the service was down for years, and starts on 1 January."""
    journal.clock.set(datetime(2031, 12, 31, 23, 0, tzinfo=UTC))
    with pytest.raises(DependencyUnavailable):
        await journal.consult()
    server = Server(journal.settings, ACCESS)
    async with contextlib.aclosing(server):
        await keep_journal(server, journal.database, journal.clock)
        await journal.consult()
        for month in (1, 2, 3):
            journal.clock.set(datetime(2032, month, 1, tzinfo=UTC))
            await journal.consult()
    assert len(await journal.lines()) == 4


async def test_months_are_made_once_however_many_replicas_start(journal: OwnJournal) -> None:
    journal.clock.set(datetime(2034, 5, 5, tzinfo=UTC))
    before = await journal.months()
    await asyncio.gather(*(journal.keeping.prepare_months() for _ in range(4)))
    await journal.keeping.prepare_months()
    made = [f"disclosures_2034{month:02}" for month in (5, 6, 7, 8)]
    assert await journal.months() == [*before, *made]


async def test_what_fails_of_the_keeping_keeps_nothing_else_from_being_done(journal: OwnJournal) -> None:
    await journal.write(over_since(journal))
    await journal.seal()
    async with journal.as_owner() as owner:
        await owner.execute("REVOKE EXECUTE ON FUNCTION ensure_journal_month FROM quotient_service")
    await journal.keeping.run()
    assert await journal.lines() == []


@pytest.fixture
async def agent(stack: Stack) -> AsyncIterator[JournalServiceAsyncStub]:
    """A caisse agent."""
    async with stack.channel("quotient", "qf") as channel:
        yield JournalServiceStub(channel)


async def test_a_caisse_keeps_its_lines_for_three_years_unless_it_says_otherwise(
    agent: JournalServiceAsyncStub, stack: Stack
) -> None:
    caisse = pb.GetRetentionRequest(caisse_code="97")
    assert (await agent.GetRetention(caisse)).months == 36
    for months in (12, 120):
        reply = await agent.SetRetention(pb.SetRetentionRequest(caisse_code="97", months=months))
        assert (reply.months, (await agent.GetRetention(caisse)).months) == (months, months)
    assert '"event": "retention_set"' in (stack.layout.logs / "quotient.log").read_text()


@pytest.mark.parametrize(
    ("caisse_code", "months"), [("97", 11), ("97", 121), ("97", 0), ("97", -36), ("970", 36), ("", 36)]
)
async def test_a_retention_that_breaks_its_rule_is_refused(
    agent: JournalServiceAsyncStub, caisse_code: str, months: int
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await agent.SetRetention(pb.SetRetentionRequest(caisse_code=caisse_code, months=months))
    assert reason_of(refused.value) is Reason.INVALID_FIELD
