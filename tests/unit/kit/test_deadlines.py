"""A call has a deadline, its caller's or the server's; a stream of answers is as long as its caller lets it be."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from services.kit.interceptors import DeadlineExceeded, DeadlineInterceptor

DEADLINE_SECONDS = 0.03


class Call:
    """A call without a deadline of its own."""

    def time_remaining(self) -> None:
        return None


async def slowly(request: str, _: Call) -> str:
    await asyncio.sleep(2 * DEADLINE_SECONDS)
    return request


async def again_and_again(request: str, context: Call) -> AsyncIterator[str]:
    for _ in range(3):
        yield await slowly(request, context)


def surrounded(handler: "grpc.RpcMethodHandler[str, str]") -> "grpc.RpcMethodHandler[str, str]":
    return DeadlineInterceptor(DEADLINE_SECONDS)._surround("/msa.tests.Service/Method", handler)


async def test_a_call_ends_at_the_deadline() -> None:
    handler = surrounded(grpc.unary_unary_rpc_method_handler(slowly))
    assert handler.unary_unary is not None
    with pytest.raises(DeadlineExceeded):
        await handler.unary_unary("asked", Call())  # type: ignore[arg-type, misc]  # asynchronous here


async def test_a_stream_of_answers_outlives_it() -> None:
    handler = surrounded(grpc.unary_stream_rpc_method_handler(again_and_again))
    assert handler.unary_stream is not None
    answers = handler.unary_stream("asked", Call())  # type: ignore[arg-type]  # asynchronous here
    assert [answer async for answer in answers] == ["asked"] * 3  # type: ignore[attr-defined]  # asynchronous here
