"""However large the tables are, a consultation reads its own rows only: PostgreSQL's counters tell."""

import asyncio
from dataclasses import dataclass
from datetime import date

from deploy.local.postgres import connect
from tests.integration.quotient.caller import Caller, item, month_later, period, record
from tests.people import new_nir
from tests.stack import Stack

FAMILIES = 300
CONSULTATIONS = 40
CONSULTATIONS_OUTSIDE = 10_000
COUNTED_SECONDS = 20.0
TABLES = ("persons", "dossier_holders", "dossiers", "oppositions", "quotient_periods")


@dataclass(frozen=True)
class Counts:
    """How often the tables were read by an index, and how many rows were read without one."""

    by_index: int
    rows_scanned: int


async def counts(stack: Stack, *tables: str) -> Counts:
    statement = (
        "SELECT sum(idx_scan)::int, sum(seq_tup_read)::int FROM pg_stat_user_tables WHERE relname = ANY (%s)"
    )
    async with await connect(stack.layout, stack.ports.postgres_port, "quotient") as database:
        row = await (await database.execute(statement, (list(tables or TABLES),))).fetchone()
    assert row is not None
    return Counts(*row)


async def test_no_consultation_reads_a_table_whole(stack: Stack, caller: Caller) -> None:
    # The plans are made while the tables are small, and kept.
    nir = new_nir()
    qf = period(date(2026, 1, 1), amount_cents=61234)
    await caller.publish(record(nir, qf=qf))
    for _ in range(CONSULTATIONS):
        await caller.consult(item(nir))
    await caller.publish(*(record(new_nir(), qf=qf) for _ in range(FAMILIES)))
    await caller.record_opposition(new_nir())
    before = await counts(stack)
    for _ in range(CONSULTATIONS):
        await caller.check(nir)
        await caller.consult(item(nir))
    async with asyncio.timeout(COUNTED_SECONDS):
        while (after := await counts(stack)).by_index < before.by_index + 2 * CONSULTATIONS:
            # A connection tells its counts at the end of a call, but not more than once a second.
            await caller.consult(item(nir))
            await asyncio.sleep(0.3)
    assert after.rows_scanned == before.rows_scanned


async def consultations_counted(stack: Stack) -> int:
    statement = "SELECT sum(n_tup_ins)::int FROM pg_stat_user_tables WHERE relname LIKE 'disclosures_%'"
    async with await connect(stack.layout, stack.ports.postgres_port, "quotient") as database:
        row = await (await database.execute(statement)).fetchone()
    assert row is not None
    return int(row[0] or 0)


async def test_for_a_month_outside_the_window_nobody_is_looked_up(stack: Stack, caller: Caller) -> None:
    nir = new_nir()
    await caller.publish(record(nir, qf=period(date(2026, 1, 1), amount_cents=61234)))
    looked_up, consulted = (await counts(stack, "persons")).by_index, await consultations_counted(stack)
    async with asyncio.timeout(COUNTED_SECONDS):
        while await consultations_counted(stack) < consulted + CONSULTATIONS_OUTSIDE:
            await caller.disclose(*[item(nir, month=month_later(2))] * 500)
    # What was done before may be counted late; it is far less than one look-up each.
    assert (await counts(stack, "persons")).by_index < looked_up + CONSULTATIONS_OUTSIDE / 2
