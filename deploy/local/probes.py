"""Whether a server answers; each returns when it does and raises when not.

They run many times a second while everything starts, so each looks first whether anybody listens at all.
"""

import asyncio
import http.client
import ssl
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2

from deploy.local.channels import internal_channel
from deploy.local.layout import Layout
from deploy.local.settings import HOST, Ports

SECONDS = 2.0


class NotServing(Exception):
    """The server answers, but not that it serves."""


async def internal_service(layout: Layout, ports: Ports, name: str) -> None:
    """Health over mutual TLS, as the client `qf`."""
    await _require_listener(getattr(ports, f"{name}_port"))
    async with internal_channel(layout, ports, name) as channel:
        await _require_serving(channel)


async def grpc_socket(path: str) -> None:
    """Health of the gateway, which is reached through its Unix socket only."""
    _, writer = await asyncio.open_unix_connection(path)
    writer.close()
    async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
        await _require_serving(channel)


async def https(port: int, path: str, ca: Path) -> None:
    """A page over TLS."""
    await _require_listener(port)
    tls = ssl.create_default_context(cafile=ca)
    await asyncio.to_thread(_get, http.client.HTTPSConnection(HOST, port, timeout=SECONDS, context=tls), path)


async def http_page(port: int, path: str) -> None:
    """A page in clear."""
    await _require_listener(port)
    await asyncio.to_thread(_get, http.client.HTTPConnection(HOST, port, timeout=SECONDS), path)


async def _require_listener(port: int) -> None:
    _, writer = await asyncio.open_connection(HOST, port)
    writer.close()


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
