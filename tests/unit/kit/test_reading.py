"""What is no message of a method is told as any error is, and in none of gRPC's own words (N5)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from msa.quotient.v1 import dossier_service_pb2 as pb
from services.kit.config import ServerSettings
from services.kit.errors import Reason
from services.kit.server import interceptors
from services.kit.status import reason_of
from tests.streams import held_open

SERVICE = "test.Reading"
READABLE = pb.PublishDossiersRequest().SerializeToString()
# A field that ends too soon, no field at all.
UNREADABLE = (b"\x0a\x7f28405", b"\xff\xff\xff")


class Handler:
    """Answers each message, and notes that it was asked at all."""

    def __init__(self) -> None:
        self.was_asked = False

    async def once(self, request: pb.PublishDossiersRequest, context: object) -> pb.PublishDossiersResponse:
        self.was_asked = True
        return pb.PublishDossiersResponse()

    async def each(
        self, requests: AsyncIterator[pb.PublishDossiersRequest], context: object
    ) -> AsyncIterator[pb.PublishDossiersResponse]:
        async for _ in requests:
            yield pb.PublishDossiersResponse()

    def methods(self) -> dict[str, Any]:
        how: dict[str, Any] = {
            "request_deserializer": pb.PublishDossiersRequest.FromString,
            "response_serializer": pb.PublishDossiersResponse.SerializeToString,
        }
        return {
            "Once": grpc.unary_unary_rpc_method_handler(self.once, **how),
            "Each": grpc.stream_stream_rpc_method_handler(self.each, **how),
        }


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
async def channel(handler: Handler, tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    """To a server with every interceptor of one behind a socket."""
    address = f"unix:{tmp_path}/reading.sock"
    server = grpc.aio.server(interceptors=interceptors(ServerSettings(listen_address=address), {}))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, handler.methods()),),
    )
    server.add_insecure_port(address)
    await server.start()
    async with grpc.aio.insecure_channel(address) as opened:
        yield opened
    await server.stop(None)


@pytest.mark.parametrize("content", UNREADABLE)
async def test_one_that_cannot_be_read_reaches_no_handler(
    channel: grpc.aio.Channel, handler: Handler, content: bytes
) -> None:
    call: Any = channel.unary_unary(f"/{SERVICE}/Once")
    with capture_logs() as logged, pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(content, timeout=5)
    require_malformed(refused.value)
    assert not handler.was_asked
    assert logged == []
    # The next call is another one.
    await call(b"", timeout=5)
    assert handler.was_asked


@pytest.mark.parametrize("content", UNREADABLE)
async def test_a_stream_ends_at_the_one_that_cannot_be_read(
    channel: grpc.aio.Channel, content: bytes
) -> None:
    """Never taken for an empty message, which says something else."""
    open_stream: Any = channel.stream_stream(f"/{SERVICE}/Each")
    answers = []
    async with held_open(READABLE, content) as requests:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            answers += [answer async for answer in open_stream(requests, timeout=5)]
    require_malformed(refused.value)
    assert answers == []


def require_malformed(error: grpc.aio.AioRpcError) -> None:
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(error) is Reason.MALFORMED_REQUEST
    assert "Decode" not in (error.details() or "")
