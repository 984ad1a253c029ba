"""Real servers for one test: one alone, one behind Sentinels, a cluster. They start in a second or two, on free ports.

All run the binary of `deploy.local.valkey.server`, so `QF_REDIS_SERVER` chooses another Redis 7+ or Valkey for them.
They end with the test, even with tests that are killed, and their folders with them.
"""

import asyncio
import json
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import RedisError

from deploy.local.layout import write_private
from deploy.local.processes import ending_with_parent
from deploy.local.settings import HOST
from deploy.local.valkey import server
from services.kit.config import RedisSettings

PASSWORD = "x21-redis-password"
SENTINEL_PASSWORD = "x21-sentinel-password"
SERVICE = "identity"
DOWN_AFTER_MS = 500
SLOTS = 16384
ATTEMPTS = 5
WAIT_SECONDS = 20.0
POLL_SECONDS = 0.02

DATA_SERVER = (
    f"requirepass {PASSWORD}",
    f"masterauth {PASSWORD}",
    "appendonly yes",
    'save ""',
    "repl-diskless-sync-delay 0",
)
SENTINEL = (f"requirepass {SENTINEL_PASSWORD}", f"sentinel sentinel-pass {SENTINEL_PASSWORD}")
CLUSTER_NODE = (*DATA_SERVER, "cluster-enabled yes", "cluster-require-full-coverage no")


class ServerFailed(Exception):
    """A server does not start; the text is what it said."""


class Server:
    """One server process on 127.0.0.1, with a folder of its own, where its append-only file is."""

    def __init__(
        self, folder: Path, lines: Sequence[str], password: str = PASSWORD, arguments: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.port = 0
        self.bus_port = 0
        self._lines = lines
        self._password = password
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{HOST}:{self.port}"

    @property
    def log(self) -> str:
        """What it said."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    async def start(self) -> None:
        """Starts it on a free port; returns when it answers. Raises ServerFailed."""
        self.folder.mkdir()
        for _ in range(ATTEMPTS):
            self.port, self.bus_port = free_port(), free_port()
            self._write_settings()
            if await self._run():
                return
        raise ServerFailed(self.log)

    async def restart(self, *, empty: bool = False) -> None:
        """Starts it after `kill` where it was, with what it kept or `empty`. Raises ServerFailed."""
        if empty:
            shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
            (self.folder / "dump.rdb").unlink(missing_ok=True)
        if not await self._run():
            raise ServerFailed(self.log)

    def kill(self) -> None:
        """`kill -9`; returns when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It hangs: connections are taken and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def call(self, *command: str | int) -> Any:
        """What this very server answers, as redis-py reads it. Raises RedisError."""
        async with Redis(
            host=HOST,
            port=self.port,
            password=self._password,
            socket_timeout=2,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped

    async def info(self, section: str) -> dict[str, Any]:
        """A section of what it tells about itself. Raises RedisError."""
        told: dict[str, Any] = await self.call("INFO", section)
        return told

    def _write_settings(self) -> None:
        lines = (f"bind {HOST}", f"port {self.port}", f"dir {json.dumps(str(self.folder))}", *self._lines)
        bus = (f"cluster-port {self.bus_port}",) if "cluster-enabled yes" in lines else ()
        write_private(self._settings, "\n".join((*lines, *bus, "")).encode())

    @property
    def _settings(self) -> Path:
        return self.folder / "server.conf"

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = (str(server()), str(self._settings), *self._arguments)
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                ending_with_parent(command, signal.SIGKILL),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def _run(self) -> bool:
        """Whether it came up; it does not where somebody else has taken the port."""
        self._process = process = self._spawn()
        deadline = monotonic() + WAIT_SECONDS
        while process.poll() is None and monotonic() < deadline:
            with suppress(RedisError, OSError):
                await self.call("PING")
                return bool((await self.info("server"))["process_id"] == process.pid)
            await asyncio.sleep(POLL_SECONDS)
        self.kill()
        return False


@dataclass(frozen=True)
class Standalone:
    """One server."""

    settings: RedisSettings
    server: Server


@dataclass(frozen=True)
class Watched:
    """A primary and its replica, which three Sentinels watch."""

    settings: RedisSettings
    servers: tuple[Server, ...]
    sentinels: tuple[Server, ...]

    async def primary(self) -> Server:
        """The primary, as the first Sentinel that lives names it. Raises LookupError when none lives."""
        for sentinel in self.sentinels:
            with suppress(RedisError):
                return await self._named_by(sentinel)
        raise LookupError

    async def replica(self) -> Server:
        """The server that is not the primary."""
        primary = await self.primary()
        return next(server for server in self.servers if server is not primary)

    async def caught_up(self) -> None:
        """Returns when the replica has all that the primary has. Raises TimeoutError."""
        primary, replica = await self.primary(), await self.replica()

        async def has_all() -> bool:
            there, here = await primary.info("replication"), await replica.info("replication")
            return bool(here.get("slave_repl_offset") == there["master_repl_offset"])

        await until(has_all)

    async def cut_replication(self) -> None:
        """From now on the replica misses what is written. It can still be promoted, for about five seconds.

        By a wrong password, and not by a pause: what is on its way to a paused replica, it reads when it goes on.
        """
        primary, replica = await self.primary(), await self.replica()
        await replica.call("CONFIG", "SET", "masterauth", "wrong")
        await primary.call("CLIENT", "KILL", "TYPE", "replica")

        async def cut() -> bool:
            return bool((await replica.info("replication"))["master_link_status"] == "down")

        await until(cut)

    async def fail_over(self) -> Server:
        """Kills the primary; returns the new one, as soon as all Sentinels name it. Raises TimeoutError."""
        old = await self.primary()
        old.kill()
        return await self.promoted(old)

    async def promoted(self, old: Server, sentinels: Sequence[Server] = ()) -> Server:
        """The new primary, when all Sentinels (or these) name another than `old` and it is one. Raises TimeoutError."""
        (new,) = (server for server in self.servers if server is not old)

        async def is_promoted() -> bool:
            named = [await self._named_by(sentinel) for sentinel in sentinels or self.sentinels]
            return named == [new] * len(named) and (await new.call("ROLE"))[0] == "master"

        await until(is_promoted)
        return new

    async def _named_by(self, sentinel: Server) -> Server:
        _, port = await sentinel.call("SENTINEL GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(server for server in self.servers if server.port == int(port))


@dataclass(frozen=True)
class Cluster:
    """Primaries that share the slots evenly, and perhaps a replica of one."""

    settings: RedisSettings
    nodes: tuple[Server, ...]

    async def owner(self, key: str) -> Server:
        """The primary that says that it has the key's slot itself. Raises LookupError when none does."""
        for node in self.nodes:
            with suppress(RedisError, LookupError):
                if await _port_of_owner(node, key) == node.port:
                    return node
        raise LookupError(key)

    async def agreed(self, key: str) -> None:
        """Returns when all nodes that live know where the key is. Raises TimeoutError."""
        owner = await self.owner(key)

        async def agree() -> bool:
            for node in self.nodes:
                with suppress(RedisError):
                    if await _port_of_owner(node, key) != owner.port:
                        return False
            return True

        await until(agree)

    async def others(self, key: str) -> list[Server]:
        """The nodes that do not have the key's slot."""
        owner = await self.owner(key)
        return [node for node in self.nodes if node is not owner]


def free_port() -> int:
    """A port that nobody listens on, below those that outgoing connections are given."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with suppress(OSError), socket.create_server((HOST, port)):
            return port


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Returns when it holds; a server that does not answer is asked again. Raises TimeoutError."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            with suppress(RedisError, OSError):
                if await holds():
                    return
            await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def standalone() -> AsyncIterator[Standalone]:
    """One server."""
    with _folder() as folder:
        alone = Server(folder / "server", DATA_SERVER)
        async with _running([alone]):
            yield Standalone(_settings(folder, f"redis://{alone.address}/0"), alone)


@asynccontextmanager
async def sentinel() -> AsyncIterator[Watched]:
    """A primary and a replica that has caught up, watched by three Sentinels who know of one another."""
    with _folder() as folder:
        primary = Server(folder / "first", DATA_SERVER)
        watchers = [
            Server(folder / f"sentinel-{n}", SENTINEL, SENTINEL_PASSWORD, ("--sentinel",)) for n in range(3)
        ]
        async with _running([primary, *watchers]):
            replica = Server(folder / "second", (*DATA_SERVER, f"replicaof {HOST} {primary.port}"))
            async with _running([replica]):
                watched = _watched(folder, (primary, replica), watchers)
                await asyncio.gather(*(_watch(watcher, primary) for watcher in watchers))
                await asyncio.gather(*(until(partial(_knows_all, watcher)) for watcher in watchers))
                await watched.caught_up()
                yield watched


@asynccontextmanager
async def divided() -> AsyncIterator[Watched]:
    """The first Sentinel and the first server as if cut off from the others, who chose the second server."""
    with _folder() as folder:
        servers = [Server(folder / name, DATA_SERVER) for name in ("first", "second")]
        async with _running(servers):
            watchers = [
                Server(
                    folder / f"sentinel-{n}",
                    (*SENTINEL, *_naming(named, epoch)),
                    SENTINEL_PASSWORD,
                    ("--sentinel",),
                )
                for n, (named, epoch) in enumerate(((servers[0], 1), (servers[1], 2), (servers[1], 2)))
            ]
            async with _running(watchers):
                yield _watched(folder, servers, watchers)


@asynccontextmanager
async def cluster(replica_of: str | None = None) -> AsyncIterator[Cluster]:
    """Three primaries; with `replica_of`, a fourth node replicates the one that has this key's slot."""
    with _folder() as folder:
        lines = (*CLUSTER_NODE, f"cluster-node-timeout {DOWN_AFTER_MS}")
        primaries = [Server(folder / f"node-{n}", lines) for n in range(3)]
        replicas = [Server(folder / "replica", lines)] if replica_of else []
        nodes = (*primaries, *replicas)
        async with _running(nodes):
            await _join(nodes, len(primaries))
            # The first node has the slot of {identity}: named last, so that others must lead there.
            addresses = ",".join(node.address for node in reversed(nodes))
            made = Cluster(_settings(folder, f"redis+cluster://{addresses}"), nodes)
            if replica_of:
                await _replicate(nodes[-1], await made.owner(replica_of))
            yield made


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="qf-redis-") as name:
        yield Path(name)


def _settings(folder: Path, url: str) -> RedisSettings:
    password_file, sentinel_password_file = folder / "password", folder / "sentinel-password"
    password_file.write_text(PASSWORD)
    sentinel_password_file.write_text(SENTINEL_PASSWORD)
    with_sentinels = url.startswith("redis+sentinel:")
    return RedisSettings(
        url=url,
        password_file=password_file,
        sentinel_password_file=sentinel_password_file if with_sentinels else None,
    )


@asynccontextmanager
async def _running(servers: Sequence[Server]) -> AsyncIterator[None]:
    try:
        await asyncio.gather(*(server.start() for server in servers))
        yield
    finally:
        for server in servers:
            server.kill()


def _sentinel(folder: Path, lines: Sequence[str] = ()) -> Server:
    return Server(folder, (*SENTINEL, *lines), SENTINEL_PASSWORD, ("--sentinel",))


def _watched(folder: Path, servers: Sequence[Server], sentinels: Sequence[Server]) -> Watched:
    addresses = ",".join(sentinel.address for sentinel in sentinels)
    settings = _settings(folder, f"redis+sentinel://{addresses}/{SERVICE}/0")
    return Watched(settings, tuple(servers), tuple(sentinels))


def _naming(primary: Server, epoch: int) -> tuple[str, ...]:
    return (
        f"sentinel monitor {SERVICE} {HOST} {primary.port} 2",
        f"sentinel auth-pass {SERVICE} {PASSWORD}",
        f"sentinel config-epoch {SERVICE} {epoch}",
    )


async def _watch(watcher: Server, primary: Server) -> None:
    # Sentinels tell of themselves every two seconds, and of their finds every ten; here, at once.
    await watcher.call("SENTINEL DEBUG", "info-period", 100, "publish-period", 100)
    await watcher.call("SENTINEL MONITOR", SERVICE, HOST, primary.port, 2)
    for setting, value in (
        ("auth-pass", PASSWORD),
        ("down-after-milliseconds", DOWN_AFTER_MS),
        ("failover-timeout", 2000),
    ):
        await watcher.call("SENTINEL SET", SERVICE, setting, value)


async def _knows_all(watcher: Server) -> bool:
    state = await watcher.call("SENTINEL MASTER", SERVICE)
    return bool(
        state["num-slaves"] == 1 and state["num-other-sentinels"] == 2 and not state["is_disconnected"]
    )


async def _port_of_owner(node: Server, key: str) -> int:
    """In the eyes of this node. Raises RedisError, LookupError."""
    slot = key_slot(key.encode())
    for first, last, (_, port, *_), *_ in await node.call("CLUSTER", "SLOTS"):
        if first <= slot <= last:
            return int(port)
    raise LookupError(key)


async def _join(nodes: Sequence[Server], primaries: int) -> None:
    for position, node in enumerate(nodes):
        await node.call("CLUSTER", "SET-CONFIG-EPOCH", position + 1)
        if position < primaries:
            first, after = (SLOTS * n // primaries for n in (position, position + 1))
            await node.call("CLUSTER", "ADDSLOTSRANGE", first, after - 1)
    for node in nodes[1:]:
        await nodes[0].call("CLUSTER", "MEET", HOST, node.port, node.bus_port)

    async def joined() -> bool:
        states = [await node.call("CLUSTER INFO") for node in nodes]
        return all(
            state["cluster_state"] == "ok"
            and state["cluster_slots_ok"] == str(SLOTS)
            and state["cluster_known_nodes"] == str(len(nodes))
            for state in states
        )

    await until(joined)


async def _replicate(replica: Server, primary: Server) -> None:
    await replica.call("CLUSTER", "REPLICATE", await primary.call("CLUSTER", "MYID"))

    async def attached() -> bool:
        return bool((await replica.info("replication")).get("master_link_status") == "up")

    await until(attached)
