"""Fair: who asks for one person is not kept waiting by somebody else's many, nor these for ever by who asks for one."""

import asyncio

import pytest

from gateway.turns import Turns

FOR_EVER = 3600.0


async def has_its_turn(row: "asyncio.Task[None]") -> bool:
    """Whether it is let through now, or would have been."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return row.done()


async def test_a_row_waits_until_no_single_consultation_is_under_way() -> None:
    turns = Turns(FOR_EVER)
    with turns.single():
        with turns.single():
            row = asyncio.create_task(turns.row())
            assert not await has_its_turn(row)
        assert not await has_its_turn(row)
    assert await has_its_turn(row)


async def test_a_row_waits_for_nobody_where_nobody_asks_for_one_person() -> None:
    turns = Turns(FOR_EVER)
    with turns.single():
        pass
    assert await has_its_turn(asyncio.create_task(turns.row()))


async def test_a_single_consultation_that_failed_keeps_no_row_waiting() -> None:
    turns = Turns(FOR_EVER)
    with pytest.raises(LookupError), turns.single():
        raise LookupError
    assert await has_its_turn(asyncio.create_task(turns.row()))


async def test_a_row_has_its_turn_in_the_end_however_many_ask_for_one_person() -> None:
    turns = Turns(patience_seconds=0.01)
    with turns.single():
        row = asyncio.create_task(turns.row())
        assert not await has_its_turn(row)
        await asyncio.wait({row}, timeout=5)
        assert row.done()


async def test_who_goes_away_while_it_waits_leaves_nothing_behind() -> None:
    turns = Turns(FOR_EVER)
    with turns.single():
        gone = asyncio.create_task(turns.row())
        assert not await has_its_turn(gone)
        gone.cancel()
        other = asyncio.create_task(turns.row())
        assert not await has_its_turn(other)
    assert await has_its_turn(other)
    assert gone.cancelled()
