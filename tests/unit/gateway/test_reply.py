"""The headers of a reply: told by whoever knows, sent once, with the reply or with the error."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from gateway.problems import explain
from gateway.reply import ReplyInterceptor, send_headers, tell
from services.kit.errors import DependencyUnavailable
from services.kit.interceptors import ErrorInterceptor

FAILS, FAILS_LATE, ANSWERS = b"fails", b"fails late", b"answers"
JSON = (("x-envoy-original-path", "/v1"),)


async def single(request: bytes, _context: Any) -> bytes:
    tell("session-remaining-seconds", "893")
    if request == FAILS:
        raise DependencyUnavailable
    return request


async def stream(request: bytes, context: Any) -> AsyncIterator[bytes]:
    tell("session-remaining-seconds", "893")
    if request == FAILS:
        raise DependencyUnavailable
    await send_headers(context)
    yield request
    if request == FAILS_LATE:
        raise DependencyUnavailable


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server(interceptors=[ErrorInterceptor(explain), ReplyInterceptor()])
    handlers: dict[str, Any] = {
        "Single": grpc.unary_unary_rpc_method_handler(single),
        "Stream": grpc.unary_stream_rpc_method_handler(stream),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened
    await server.stop(None)


@pytest.mark.parametrize("request_", [ANSWERS, FAILS])
async def test_they_leave_with_a_single_reply_and_with_its_error(channel: Any, request_: bytes) -> None:
    call = channel.unary_unary("/t/Single")(request_, timeout=5)
    assert dict(await call.initial_metadata()) == {"session-remaining-seconds": "893"}
    assert (await call.code() is grpc.StatusCode.OK) is (request_ == ANSWERS)


@pytest.mark.parametrize("request_", [ANSWERS, FAILS, FAILS_LATE])
async def test_they_leave_ahead_of_a_stream_or_with_its_error(channel: Any, request_: bytes) -> None:
    call = channel.unary_stream("/t/Stream")(request_, metadata=JSON, timeout=5)
    headers = dict(await call.initial_metadata())
    assert headers["session-remaining-seconds"] == "893"
    assert ("x-qf-problem" in headers) is (request_ == FAILS)
    if request_ != FAILS:
        assert await call.read() == request_
    assert await call.code() is (grpc.StatusCode.OK if request_ == ANSWERS else grpc.StatusCode.UNAVAILABLE)


async def test_one_call_never_hears_what_another_was_told(channel: Any) -> None:
    await channel.unary_unary("/t/Single")(ANSWERS, timeout=5)
    call = channel.unary_unary("/t/Unknown")(b"", timeout=5)
    assert dict(await call.initial_metadata()) == {}
