"""Whether a server answers; each returns when it does and raises when not."""

import asyncio
import http.client
import ssl
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2

from deploy.local.certificates import ca_file, certificate_file, private_key_file
from deploy.local.layout import Layout
from deploy.local.settings import HOST

SECONDS = 2.0


class NotServing(Exception):
    """The server answers, but not that it serves."""


async def grpc_tls(layout: Layout, address: str, server_name: str) -> None:
    """Health of an internal service over mutual TLS, as the client `qf`."""
    credentials = grpc.ssl_channel_credentials(
        ca_file(layout).read_bytes(),
        private_key_file(layout, "qf").read_bytes(),
        certificate_file(layout, "qf").read_bytes(),
    )
    options = [("grpc.ssl_target_name_override", server_name), ("grpc.enable_http_proxy", 0)]
    async with grpc.aio.secure_channel(address, credentials, options) as channel:
        await _require_serving(channel)


async def grpc_socket(path: str) -> None:
    """Health of the gateway, which is reached through its Unix socket only."""
    async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
        await _require_serving(channel)


async def https(port: int, path: str, ca: Path) -> None:
    """A page over TLS."""
    tls = ssl.create_default_context(cafile=ca)
    await asyncio.to_thread(_get, http.client.HTTPSConnection(HOST, port, timeout=SECONDS, context=tls), path)


async def http_page(port: int, path: str) -> None:
    """A page in clear."""
    await asyncio.to_thread(_get, http.client.HTTPConnection(HOST, port, timeout=SECONDS), path)


def _get(connection: http.client.HTTPConnection, path: str) -> None:
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    finally:
        connection.close()
    if status != http.HTTPStatus.OK:
        raise NotServing


async def _require_serving(channel: grpc.aio.Channel) -> None:
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    reply = await check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
    if reply.status != health_pb2.HealthCheckResponse.SERVING:
        raise NotServing
