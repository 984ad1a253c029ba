"""Coalescing: a lone call never waits, those who wait travel together, nobody gets another's answer."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from gateway.coalescer import Coalescer


class Peer:
    """Answers when it is let to; remembers what arrived together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()

    async def send(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(items))
        await self.gate.wait()
        return [item * 10 for item in items]


async def settle() -> None:
    """Lets every ready task run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_lone_call_is_sent_at_once() -> None:
    peer = Peer()
    peer.gate.set()
    assert await Coalescer(peer.send).submit(1) == 10
    assert peer.batches == [[1]]


async def test_what_arrives_during_a_batch_travels_in_the_next_one() -> None:
    peer = Peer()
    coalescer = Coalescer(peer.send)
    calls = [asyncio.create_task(coalescer.submit(1))]
    await settle()
    calls += [asyncio.create_task(coalescer.submit(item)) for item in (2, 3, 4)]
    await settle()
    assert peer.batches == [[1]]
    peer.gate.set()
    assert await asyncio.gather(*calls) == [10, 20, 30, 40]
    assert peer.batches == [[1], [2, 3, 4]]


async def test_a_batch_is_no_longer_than_the_maximum() -> None:
    peer = Peer()
    coalescer = Coalescer(peer.send, maximum_items=2)
    calls = [asyncio.create_task(coalescer.submit(item)) for item in range(5)]
    await settle()
    peer.gate.set()
    assert await asyncio.gather(*calls) == [0, 10, 20, 30, 40]
    assert max(map(len, peer.batches)) == 2


async def test_a_failed_batch_fails_each_of_its_calls_and_no_other() -> None:
    async def send(items: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0)
        if 1 in items:
            raise ConnectionError
        return items

    coalescer = Coalescer(send)
    first = asyncio.create_task(coalescer.submit(1))
    await settle()
    assert await coalescer.submit(2) == 2
    with pytest.raises(ConnectionError):
        await first


async def test_a_caller_who_gives_up_is_not_sent_and_disturbs_nobody() -> None:
    peer = Peer()
    coalescer = Coalescer(peer.send)
    first, gone, last = (asyncio.create_task(coalescer.submit(item)) for item in (1, 2, 3))
    await settle()
    gone.cancel()
    await settle()
    peer.gate.set()
    assert list(await asyncio.gather(first, last)) == [10, 30]
    assert 2 not in [item for batch in peer.batches[1:] for item in batch]


async def test_answers_that_do_not_match_the_items_reach_nobody() -> None:
    async def send(items: Sequence[int]) -> Sequence[int]:
        return [*items, 7]

    with pytest.raises(ValueError, match="zip"):
        await Coalescer(send).submit(1)


async def test_a_batch_carries_the_context_of_no_caller() -> None:
    mark: ContextVar[str] = ContextVar("mark", default="nobody")
    seen: list[str] = []

    async def send(items: Sequence[int]) -> Sequence[int]:
        seen.append(mark.get())
        return items

    coalescer = Coalescer(send)
    mark.set("a caller")
    await coalescer.submit(1)
    assert seen == ["nobody"]
