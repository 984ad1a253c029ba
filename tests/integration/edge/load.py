"""Callers as they are found: over JSON and gRPC, on a connection that is kept and on a new one for each call."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import grpc
import httpx

from msa.gateway.v1 import status_service_pb2
from msa.gateway.v1.status_service_pb2_grpc import StatusServiceStub
from tests.integration.edge.running import Edge

Call = Callable[[], Awaitable[None]]


@asynccontextmanager
async def json_kept(edge: Edge) -> AsyncIterator[Call]:
    async with edge.client() as client:

        async def call() -> None:
            _served(await client.get("/v1/status"))

        yield call


@asynccontextmanager
async def json_anew(edge: Edge) -> AsyncIterator[Call]:
    context = ssl.create_default_context(cafile=str(edge.ca_file))

    async def call() -> None:
        async with httpx.AsyncClient(base_url=edge.url, verify=context, timeout=10) as client:
            _served(await client.get("/v1/status"))

    yield call


@asynccontextmanager
async def grpc_kept(edge: Edge) -> AsyncIterator[Call]:
    async with edge.channel() as channel:

        async def call() -> None:
            await StatusServiceStub(channel).GetStatus(status_service_pb2.GetStatusRequest(), timeout=10)

        yield call


@asynccontextmanager
async def grpc_anew(edge: Edge) -> AsyncIterator[Call]:
    credentials = grpc.ssl_channel_credentials(edge.ca_file.read_bytes())
    own_connection = [("grpc.use_local_subchannel_pool", 1)]

    async def call() -> None:
        address = f"127.0.0.1:{edge.port}"
        async with grpc.aio.secure_channel(address, credentials, own_connection) as channel:
            await StatusServiceStub(channel).GetStatus(status_service_pb2.GetStatusRequest(), timeout=10)

    yield call


KINDS: dict[str, Callable[[Edge], AbstractAsyncContextManager[Call]]] = {
    "JSON on one connection": json_kept,
    "JSON on new connections": json_anew,
    "gRPC on one connection": grpc_kept,
    "gRPC on new connections": grpc_anew,
}


def _served(response: httpx.Response) -> None:
    assert response.status_code == 200, response.text
