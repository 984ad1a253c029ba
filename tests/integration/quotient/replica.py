"""A further replica of quotient: a process of its own on the same database, with key folders of its own."""

import asyncio
import shutil
import signal
import socket
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from deploy.local.channels import internal_channel
from deploy.local.configuration import merged, toml
from deploy.local.processes import spawn
from msa.quotient.v1.key_service_pb2_grpc import KeyServiceStub
from tests.integration.quotient.caller import Caller
from tests.stack import Stack

if TYPE_CHECKING:  # in the stubs only
    from msa.quotient.v1.key_service_pb2_grpc import KeyServiceAsyncStub

START_SECONDS = 15
FOLDERS = {"person_index": "person_index_key_folder", "wrapping": "wrapping_key_folder"}


def new_key(folder: Path, content: bytes) -> Path:
    """Puts the next key file into a folder."""
    path = folder / f"{len(list(folder.glob('*.key'))) + 1}.key"
    path.write_bytes(content)
    return path


@dataclass
class Replica:
    """One that runs, or did."""

    stack: Stack
    folder: Path
    port: int
    process: asyncio.subprocess.Process | None = None
    channels: list[grpc.aio.Channel] = field(default_factory=list)

    @property
    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "log").read_text()

    def keys(self, kind: str) -> Path:
        """Its folder of keys."""
        return self.folder / kind

    def channel(self, client: str) -> grpc.aio.Channel:
        """A channel to it, with the certificate of `client`."""
        ports = self.stack.ports.model_copy(update={"quotient_port": self.port})
        self.channels.append(internal_channel(self.stack.layout, ports, "quotient", client))
        return self.channels[-1]

    @property
    def caller(self) -> Caller:
        """Its callers."""
        return Caller(self.channel("qf"), self.channel("gateway"))

    @property
    def key_service(self) -> "KeyServiceAsyncStub":
        """Its keys, for an operator."""
        return KeyServiceStub(self.channel("qf"))

    async def start(self) -> None:
        """Starts its process."""
        command = (sys.executable, "-m", "services.quotient", "--config", str(self.folder / "quotient.toml"))
        self.process = await spawn(command, self.folder / "log", signal.SIGTERM)

    async def serve(self) -> None:
        """Starts it, and returns once it serves."""
        await self.start()
        await asyncio.wait_for(self.channel("qf").channel_ready(), START_SECONDS)

    async def status(self) -> int:
        """Its exit status, once it has ended."""
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), START_SECONDS)

    async def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def replica(stack: Stack, folder: Path) -> AsyncIterator[Replica]:
    """One that does not run yet, with copies of the key files of the stack's own; it is gone at the end."""
    one = Replica(stack, folder, _free_port())
    for kind in FOLDERS:
        shutil.copytree(stack.layout.secret(kind), one.keys(kind))
    table = tomllib.loads((stack.layout.config / "quotient.toml").read_text())
    own = {
        "listen_address": f"127.0.0.1:{one.port}",
        "keys": {setting: str(one.keys(kind)) for kind, setting in FOLDERS.items()},
    }
    (folder / "quotient.toml").write_text(toml(merged(table, own)))
    try:
        yield one
    finally:
        for channel in one.channels:
            await channel.close()
        if one.process is not None and one.process.returncode is None:
            await one.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
