import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

from msa.identity.v1 import session_service_pb2 as pb
from services.kit import interceptors
from services.kit.client import Upstream


class Method:
    """Stands for a stub's method and keeps the deadline it is given."""

    def __init__(self) -> None:
        self.timeout_seconds = 0.0

    async def __call__(self, request: pb.SignOutRequest, **options: Any) -> pb.SignOutResponse:
        self.timeout_seconds = options["timeout"]
        return pb.SignOutResponse()


@contextmanager
def handling(seconds_left: float) -> Iterator[None]:
    """As in the handler of a call whose caller waits `seconds_left`."""
    token = interceptors._deadline.set(time.monotonic() + seconds_left)
    yield
    interceptors._deadline.reset(token)


async def deadline_given(timeout_seconds: float | None = None) -> float:
    method: Any = Method()
    async with grpc.aio.insecure_channel("unix:/nowhere") as channel:
        await Upstream("identity", channel, timeout_seconds=1.2).send(
            method, pb.SignOutRequest(), timeout_seconds
        )
    seconds: float = method.timeout_seconds
    return seconds


@pytest.mark.parametrize("remaining", [0.1, 0.5, 1.0])
async def test_a_call_ends_before_its_caller_does(remaining: float) -> None:
    with handling(remaining):
        assert remaining - 0.07 < await deadline_given() <= remaining - 0.02


async def test_a_call_is_never_longer_than_its_own_limit() -> None:
    with handling(60):
        assert await deadline_given() == 1.2
        assert await deadline_given(timeout_seconds=3) == 3


async def test_outside_a_call_its_own_limit_holds() -> None:
    assert await deadline_given() == 1.2


async def test_a_deadline_that_has_passed_leaves_no_endless_call() -> None:
    with handling(-1):
        assert await deadline_given() == 0.001
