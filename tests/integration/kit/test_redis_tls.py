"""rediss://: only a server whose certificate is of the CA and for its name is spoken to."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trustme

from deploy.local.settings import HOST
from services.kit.redis import open_redis
from tests.integration.kit.redis_use import count, seconds_until_unavailable
from tests.redis_servers import Standalone


@asynccontextmanager
async def tls_before(port: int, authority: trustme.CA, name: str) -> AsyncIterator[int]:
    """A port that ends TLS, with a certificate for `name`, before the server on `port`, which has none itself."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(HOST, port)
        await asyncio.gather(copy(reader, server_writer), copy(server_reader, writer))

    listener = await asyncio.start_server(serve, HOST, 0, ssl=context)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await listener.wait_closed()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return file


async def test_a_server_of_the_ca_is_spoken_to(
    alone: Standalone, authority: trustme.CA, ca_file: Path
) -> None:
    async with tls_before(alone.server.port, authority, "127.0.0.1") as port:
        settings = alone.settings.model_copy(update={"url": f"rediss://{HOST}:{port}", "ca_file": ca_file})
        async with open_redis(settings) as client:
            assert await count(client)
            await asyncio.gather(*(count(client) for _ in range(10)))


@pytest.mark.parametrize("name", ["127.0.0.2", "cache.example"])
async def test_a_server_of_another_name_is_not(
    alone: Standalone, authority: trustme.CA, ca_file: Path, name: str
) -> None:
    async with tls_before(alone.server.port, authority, name) as port:
        settings = alone.settings.model_copy(update={"url": f"rediss://{HOST}:{port}", "ca_file": ca_file})
        async with open_redis(settings) as client:
            assert await seconds_until_unavailable(client) < 1


async def test_a_server_that_no_known_ca_vouches_for_is_not(alone: Standalone, authority: trustme.CA) -> None:
    async with tls_before(alone.server.port, authority, "127.0.0.1") as port:
        settings = alone.settings.model_copy(update={"url": f"rediss://{HOST}:{port}"})
        async with open_redis(settings) as client:
            assert await seconds_until_unavailable(client) < 1


async def test_a_server_without_tls_is_not(alone: Standalone, ca_file: Path) -> None:
    settings = alone.settings.model_copy(
        update={"url": f"rediss://{alone.server.address}", "ca_file": ca_file}
    )
    async with open_redis(settings) as client:
        assert await seconds_until_unavailable(client) < 1
