"""What waits is worked on together, in order, and nothing before an error is lost."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from services.quotient.dossiers.read_ahead import reading_ahead

LIMIT = 3


class Broken(Exception):
    """What ends a stream early."""


class Source:
    """Numbers, one after the other, and how many were taken."""

    def __init__(self, count: int, *, breaks: bool = False) -> None:
        self.taken = 0
        self.is_closed = False
        self._count = count
        self._breaks = breaks

    async def numbers(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self._count):
                self.taken += 1
                yield number
            if self._breaks:
                raise Broken
        finally:
            self.is_closed = True


async def let_others_work() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 10])
async def test_everything_is_handed_out_in_order(count: int) -> None:
    async with reading_ahead(Source(count).numbers(), LIMIT) as lists:
        found = [items async for items in lists]
    assert [number for items in found for number in items] == [*range(count)]
    assert all(1 <= len(items) <= LIMIT for items in found)


async def test_what_waits_is_handed_out_together() -> None:
    async with reading_ahead(Source(10).numbers(), LIMIT) as lists:
        sizes = []
        async for items in lists:
            sizes.append(len(items))
            await let_others_work()
    assert max(sizes) == LIMIT


async def test_no_more_is_read_ahead_than_may_wait() -> None:
    source = Source(100)
    async with reading_ahead(source.numbers(), LIMIT) as lists:
        first = await anext(lists)
        await let_others_work()
        # One more is in hand, for which there is no room yet.
        assert source.taken <= len(first) + LIMIT + 1


@pytest.mark.parametrize("count", [0, 1, 3, 7])
async def test_an_error_is_raised_once_everything_before_it_was_handed_out(count: int) -> None:
    found: list[int] = []

    async def read_all() -> None:
        async with reading_ahead(Source(count, breaks=True).numbers(), LIMIT) as lists:
            async for items in lists:
                found.extend(items)

    with pytest.raises(Broken):
        await read_all()
    assert found == [*range(count)]


async def test_who_leaves_early_leaves_nothing_behind() -> None:
    source = Source(100)
    tasks = asyncio.all_tasks()
    async with reading_ahead(source.numbers(), LIMIT) as lists:
        await anext(lists)
        await let_others_work()
    assert source.is_closed
    assert asyncio.all_tasks() == tasks
