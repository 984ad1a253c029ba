"""Every line of the journal gets its one place in the tree, within a second; no forged tree is built upon (N7)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from statistics import median

import psycopg
import pytest
from structlog.testing import capture_logs

from services.kit.clock import SystemClock
from services.kit.identifiers import new_uuid7
from services.kit.transparency.signed_note import Checkpoint, Signer, open_checkpoint
from services.quotient.journal.domain import Fork
from services.quotient.journal.sealing import Sealer
from services.quotient.journal.store import JournalTreeStore
from tests.auditor import Auditor
from tests.clock import FakeClock
from tests.integration.quotient.caller import Caller, item
from tests.integration.quotient.database import connected_as_owner
from tests.integration.quotient.tree import own_sealer, restore_tree, save_tree, tampered, unsealing
from tests.people import new_nir
from tests.stack import Stack

MOST_IN_A_BATCH = 500
FOREIGN = Signer("qf.internal/journal", bytes(32))
CLOCK = SystemClock()


@pytest.fixture
async def auditor(stack: Stack, caller: Caller) -> AsyncIterator[Auditor]:
    """With a line of the journal sealed."""
    async with stack.channel("quotient", "qf") as channel:
        auditor = Auditor(channel)
        await auditor.wait_until_sealed(await write(caller))
        yield auditor


async def write(caller: Caller) -> str:
    """A new line of the journal, by its consultation."""
    return (await caller.consult(item(new_nir()))).consultation_id


@pytest.mark.alone
async def test_a_line_is_sealed_within_a_second(caller: Caller, auditor: Auditor) -> None:
    waited = [await auditor.wait_until_sealed(await write(caller)) for _ in range(7)]
    assert median(waited) < 1.0


async def test_many_lines_at_once_are_each_sealed_once(
    caller: Caller, auditor: Auditor, stack: Stack
) -> None:
    before = (await auditor.checkpoint()).tree_size
    batches = await asyncio.gather(
        *(caller.disclose(*(item(new_nir()) for _ in range(MOST_IN_A_BATCH))) for _ in range(5))
    )
    ids = [result.consultation_id for results in batches for result in results]
    await auditor.wait_until_sealed(*ids[::100], ids[-1])
    assert (await auditor.checkpoint()).tree_size == before + len(ids)
    assert await _lines_without_one_place(stack) == 0


async def test_servers_that_seal_together_seal_each_line_once(
    caller: Caller, auditor: Auditor, stack: Stack
) -> None:
    async with (
        own_sealer(stack, CLOCK, JournalTreeStore) as one,
        own_sealer(stack, CLOCK, JournalTreeStore) as other,
    ):
        ids = []
        for _ in range(20):
            ids.append(await write(caller))
            await asyncio.gather(one.run(), other.run())
    await auditor.wait_until_sealed(*ids)
    assert await _lines_without_one_place(stack) == 0


async def test_a_checkpoint_is_consistent_with_those_before(caller: Caller, auditor: Auditor) -> None:
    kept = [await auditor.checkpoint()]
    for _ in range(3):
        await auditor.wait_until_sealed(await write(caller))
        kept.append(await auditor.checkpoint())
    sizes = [checkpoint.tree_size for checkpoint in kept]
    assert sizes == sorted(set(sizes))
    for earlier, later in pairwise(kept):
        await auditor.require_consistent(earlier, later)


async def test_of_a_minute_s_checkpoints_the_last_one_is_kept(
    caller: Caller, auditor: Auditor, stack: Stack
) -> None:
    for _ in range(3):
        await auditor.wait_until_sealed(await write(caller))
    async with connected_as_owner(stack) as connection:
        [(most,)] = await (await connection.execute(_MOST_IN_A_MINUTE)).fetchall()
    assert most == 1


FORKS = {
    Fork.UNSEALED_PLACES: "DELETE FROM journal_checkpoints",
    Fork.DAMAGED_TILES: "UPDATE journal_tiles SET hashes = hashes || sha256('') WHERE octet_length(hashes) < 8192",
    Fork.ALTERED_TILES: (
        "UPDATE journal_tiles SET hashes = overlay(hashes PLACING sha256('') FROM octet_length(hashes) - 31)"
    ),
    Fork.ALTERED_CHECKPOINT: "UPDATE journal_checkpoints SET root_hash = sha256('')",
}


@pytest.mark.parametrize(("fork", "statement"), FORKS.items(), ids=[fork.name for fork in FORKS])
async def test_nothing_is_signed_upon_a_tree_that_was_altered(
    caller: Caller, auditor: Auditor, stack: Stack, fork: Fork, statement: str
) -> None:
    async with unsealing(stack) as database, own_sealer(stack, CLOCK) as sealer:
        async with tampered(database, statement):
            consultation_id = await write(caller)
            assert await _complaints(sealer) == [fork]
            assert await _is_waiting(database, consultation_id)
        assert await _complaints(sealer) == []
    await auditor.wait_until_sealed(consultation_id)


async def test_nothing_is_signed_upon_a_checkpoint_that_another_signed(
    caller: Caller, auditor: Auditor, stack: Stack
) -> None:
    newest = await auditor.checkpoint()
    forged = FOREIGN.sign(Checkpoint(newest.origin, newest.tree_size, newest.root_hash).encode())
    statement = f"UPDATE journal_checkpoints SET note = '{forged}'"  # noqa: S608 - a note that this test made
    async with (
        unsealing(stack) as database,
        own_sealer(stack, CLOCK) as sealer,
        tampered(database, statement),
    ):
        consultation_id = await write(caller)
        assert await _complaints(sealer) == [Fork.FOREIGN_NOTE]
    await auditor.wait_until_sealed(consultation_id)


async def test_a_new_key_goes_on_from_what_the_former_one_signed_last(
    caller: Caller, auditor: Auditor, stack: Stack
) -> None:
    before = await auditor.checkpoint()
    async with unsealing(stack) as database, own_sealer(stack, CLOCK, successor=FOREIGN) as sealer:
        await save_tree(database)
        consultation_id = await write(caller)
        assert await _complaints(sealer) == []
        [(note,)] = await (await database.execute(_NEWEST_NOTE)).fetchall()
        await restore_tree(database)
    assert open_checkpoint(note, FOREIGN.verifier_key).tree_size == before.tree_size + 1
    await auditor.wait_until_sealed(consultation_id)


async def test_a_database_that_was_put_back_is_not_built_upon(
    caller: Caller, auditor: Auditor, stack: Stack
) -> None:
    async with unsealing(stack) as database, own_sealer(stack, CLOCK) as sealer:
        await save_tree(database)
        consultation_id = await write(caller)
        await sealer.run()
        await restore_tree(database)
        assert await _complaints(sealer) == [Fork.PUT_BACK]
    await auditor.wait_until_sealed(consultation_id)


async def test_another_history_of_the_same_length_is_not_built_upon(
    caller: Caller, auditor: Auditor, stack: Stack
) -> None:
    async with (
        unsealing(stack) as database,
        own_sealer(stack, CLOCK) as sealer,
        own_sealer(stack, CLOCK) as forger,
    ):
        await save_tree(database)
        first = await write(caller)
        await sealer.run()
        await restore_tree(database)
        await database.execute("DELETE FROM journal_unsealed")
        second = await write(caller)
        await forger.run()
        third = await write(caller)
        assert await _complaints(sealer) == [Fork.REWRITTEN]
        await database.execute("INSERT INTO journal_unsealed VALUES (%s)", (first,))
    await auditor.wait_until_sealed(first, second, third)


async def test_a_fork_is_told_once_a_minute(caller: Caller, auditor: Auditor, stack: Stack) -> None:
    clock = FakeClock(CLOCK.now())
    async with (
        unsealing(stack) as database,
        own_sealer(stack, clock) as sealer,
        tampered(database, FORKS[Fork.ALTERED_CHECKPOINT]),
    ):
        consultation_id = await write(caller)
        told = [len(await _complaints(sealer)) for _ in range(3)]
        clock.advance(timedelta(minutes=1))
        told.append(len(await _complaints(sealer)))
    assert told == [1, 0, 0, 1]
    await auditor.wait_until_sealed(consultation_id)


async def test_a_line_that_was_taken_before_it_was_sealed_is_told_in_the_log(
    caller: Caller, auditor: Auditor, stack: Stack
) -> None:
    lost = new_uuid7(CLOCK.now())
    async with unsealing(stack) as database, own_sealer(stack, CLOCK) as sealer:
        await database.execute("INSERT INTO journal_unsealed VALUES (%s)", (lost,))
        consultation_id = await write(caller)
        with capture_logs() as logged:
            await sealer.run()
        assert not await _is_waiting(database, str(lost))
    assert [entry["consultation_ids"] for entry in logged if entry["event"] == "journal_lines_lost"] == [
        [str(lost)]
    ]
    await auditor.wait_until_sealed(consultation_id)


async def _complaints(sealer: Sealer) -> list[Fork]:
    """The forks that a turn of the sealer tells in the log."""
    with capture_logs() as logged:
        await sealer.run()
    return [Fork(entry["fork"]) for entry in logged if entry["event"] == "journal_forked"]


async def _is_waiting(connection: psycopg.AsyncConnection, consultation_id: str) -> bool:
    found = await connection.execute(
        "SELECT FROM journal_unsealed WHERE consultation_id = %s", (consultation_id,)
    )
    return await found.fetchone() is not None


async def _lines_without_one_place(stack: Stack) -> int:
    """Lines that neither wait nor have a place, places without a line, and gaps between places."""
    async with connected_as_owner(stack) as connection:
        [(count,)] = await (await connection.execute(_WITHOUT_ONE_PLACE)).fetchall()
    return int(count)


_MOST_IN_A_MINUTE = """
SELECT max(count) FROM (
    SELECT count(*) FROM journal_checkpoints WHERE timestamp_token IS NULL GROUP BY date_trunc('minute', seal_time)
) AS minutes
"""
_WITHOUT_ONE_PLACE = """
SELECT
    (
        SELECT count(*)
        FROM disclosures
        FULL JOIN (TABLE journal_unsealed UNION ALL SELECT consultation_id FROM journal_leaves) AS known
            USING (consultation_id)
        WHERE disclosures.salt IS NULL OR known.consultation_id IS NULL
    ) + (SELECT max(leaf_index) + 1 - count(*) FROM journal_leaves)
"""

_NEWEST_NOTE = b"SELECT note FROM journal_checkpoints ORDER BY tree_size DESC LIMIT 1"
