"""The life of a server: start, health (grpc.health.v1), graceful stop, flush (one time-out for all of it)."""

import argparse
import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
import structlog
import uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from services.kit import logs, reflection, telemetry
from services.kit.config import (
    ConfigError,
    InternalServerSettings,
    ServerSettings,
    load,
)
from services.kit.errors import DependencyUnavailable
from services.kit.interceptors import (
    AllowListInterceptor,
    DeadlineInterceptor,
    ErrorInterceptor,
    Explain,
    Interceptor,
    LimitInterceptor,
    TracingInterceptor,
    as_it_is,
)
from services.kit.reading import ReadingInterceptor
from services.kit.tls import server_credentials

Settings = TypeVar("Settings", bound=ServerSettings)
T = TypeVar("T")
# Full method name → the roles that may call it; `[clients]` of the configuration says who has a role.
AccessTable = Mapping[str, frozenset[str]]
Compose = Callable[[Settings, "Server"], Awaitable[None]]

_HEALTH_METHODS = ("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch")
# The rest of the time to shut down is for closing pools and flushing telemetry.
_DRAIN_SHARE = 0.8
# How long a call waits for the interpreter while another thread (one that exports spans, say) is at work. Python's own
# five milliseconds are more than most calls take altogether.
_SWITCH_SECONDS = 0.0005
_log = structlog.get_logger()


@dataclass(frozen=True)
class Face:
    """What a server says beside its messages: `explain` has the last word on errors, `innermost` surrounds handlers."""

    explain: Explain = as_it_is
    innermost: Sequence[Interceptor] = ()


PLAIN = Face()


class Server:
    """A grpc.aio server under composition: what it holds open and what it serves."""

    def __init__(self, settings: ServerSettings, access: AccessTable, face: Face = PLAIN) -> None:
        self._settings = settings
        self._resources = AsyncExitStack()
        self._health = HealthServicer()
        self._service_names: list[str] = []
        self._server = grpc.aio.server(
            interceptors=interceptors(settings, access, face),
            # The backstop; LimitInterceptor refuses first, and with a reason.
            maximum_concurrent_rpcs=4 * settings.maximum_concurrent_rpcs,
            # Two processes never share a port unnoticed.
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", 4 * 1024 * 1024),
            ],
        )

    async def enter(self, resource: AbstractAsyncContextManager[T]) -> T:
        """Opens what the server needs; it is closed after the last call, last opened first."""
        return await self._resources.enter_async_context(resource)

    def serve(
        self,
        add_to_server: Callable[[Any, grpc.aio.Server], None],
        handler: object,
        name: str,
    ) -> None:
        """Adds the service with the full name `name`."""
        add_to_server(handler, self._server)
        self._service_names.append(name)

    async def run_until(self, stop: asyncio.Event) -> None:
        """Serves until `stop`, then NOT_SERVING, drains and closes what was opened."""
        async with self._resources:
            self._listen()
            await self._server.start()
            # What is there now stays; a full collection need not look at it while calls wait.
            gc.freeze()
            await self._set_health(serving=True)
            _log.info("server_started", address=self._settings.listen_address)
            await stop.wait()
            await self._set_health(serving=False)
            await self._server.stop(_DRAIN_SHARE * self._settings.shutdown_grace_seconds)
        _log.info("server_stopped")

    async def aclose(self) -> None:
        """Closes what was opened, where serving never began; else there is nothing left to close."""
        await self._resources.aclose()

    def _listen(self) -> None:
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if self._settings.reflection:
            reflection.enable_reflection(self._server, self._service_names)
        address = self._settings.listen_address
        try:
            if isinstance(self._settings, InternalServerSettings):
                self._server.add_secure_port(address, server_credentials(self._settings.tls))
            else:
                self._server.add_insecure_port(_only_unix(address))
        except RuntimeError:
            raise ConfigError(
                f"cannot listen on {address}: it is in use, or not an address of this machine"
            ) from None

    async def _set_health(self, *, serving: bool) -> None:
        states = health_pb2.HealthCheckResponse
        for name in ("", *self._service_names):
            await self._health.set(name, states.SERVING if serving else states.NOT_SERVING)


def interceptors(settings: ServerSettings, access: AccessTable, face: Face = PLAIN) -> list[Interceptor]:
    """The interceptors of a server, outermost first."""
    limit = LimitInterceptor(settings.maximum_concurrent_rpcs)
    chain: list[Interceptor] = [TracingInterceptor(), ErrorInterceptor(face.explain), limit]
    if isinstance(settings, InternalServerSettings):
        chain.append(AllowListInterceptor(allowed_names(settings, access)))
    deadline = DeadlineInterceptor(settings.default_deadline_seconds)
    return [*chain, deadline, ReadingInterceptor(), *face.innermost]


def allowed_names(settings: InternalServerSettings, access: AccessTable) -> Mapping[str, frozenset[str]]:
    """The certificate names that each method admits. Health admits every name of every role."""
    roles = {role for allowed in access.values() for role in allowed}
    unknown = set(settings.clients) - roles
    if unknown:
        raise ConfigError(f"clients: no method has the role {sorted(unknown)}; there are {sorted(roles)}")
    names = {
        method: frozenset(name for role in allowed for name in settings.clients.get(role, ()))
        for method, allowed in access.items()
    }
    everyone = frozenset().union(*settings.clients.values())
    return {**names, **dict.fromkeys((*_HEALTH_METHODS, *reflection.METHODS), everyone)}


def main(
    service: str,
    settings_class: type[Settings],
    access: AccessTable,
    compose: Compose[Settings],
    face: Face = PLAIN,
) -> None:
    """The command line of every server: `--config FILE`.

    Exits with 2 on bad configuration, with 1 while a store is away; both say the remedy.
    """
    parser = argparse.ArgumentParser(prog=service, description=f"Runs the {service} server.")
    parser.add_argument("--config", type=Path, required=True, help="TOML configuration file")
    path = parser.parse_args().config
    try:
        settings = load(settings_class, path, f"QF_{service.upper()}_")
        uvloop.run(_run(service, settings, access, compose, face))
    except ConfigError as error:
        parser.exit(2, f"{service}: {error}\n")
    except DependencyUnavailable:
        parser.exit(1, f"{service}: a store is away; start it, or correct its address in {path}\n")


async def _run(
    service: str, settings: Settings, access: AccessTable, compose: Compose[Settings], face: Face
) -> None:
    sys.setswitchinterval(_SWITCH_SECONDS)
    logs.configure(service)
    provider = telemetry.configure(service, settings.telemetry)
    stop = asyncio.Event()
    async with _shutdown_limit(stop, settings.shutdown_grace_seconds):
        try:
            async with contextlib.aclosing(Server(settings, access, face)) as server:
                await compose(settings, server)
                await server.run_until(stop)
        finally:
            await asyncio.to_thread(provider.shutdown)


@contextlib.asynccontextmanager
async def _shutdown_limit(stop: asyncio.Event, seconds: float) -> AsyncIterator[None]:
    """Sets `stop` at SIGTERM or SIGINT; all that follows, drain, close and flush, has `seconds` together."""
    loop = asyncio.get_running_loop()

    def begin() -> None:
        if not stop.is_set():
            stop.set()
            limit.reschedule(loop.time() + seconds)

    try:
        async with asyncio.timeout(None) as limit:
            for signal_number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(signal_number, begin)
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        _log.warning("shutdown_cut_short", seconds=seconds)


def _only_unix(address: str) -> str:
    if not address.startswith("unix:"):
        raise ConfigError(f"{address}: without [tls] a server listens on a unix: socket only")
    return address
