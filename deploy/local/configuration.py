"""The settings file of each server, written anew at every start into `config/`."""

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from deploy.local.certificates import SERVERS, ca_file, certificate_file, private_key_file
from deploy.local.errors import LocalStackError
from deploy.local.layout import Layout
from deploy.local.options import Options
from deploy.local.people import AGENT_NAME
from deploy.local.secrets import DATABASES
from deploy.local.settings import HOST, Ports

Table = dict[str, Any]


def write_configuration(layout: Layout, options: Options, socket: str) -> None:
    """Writes every file anew; `socket` is the path of the gateway's Unix socket.

    Raises:
        LocalStackError: an override names a server that has no settings file.
    """
    ports, telemetry = options.ports, {"otlp_endpoint": options.otlp_endpoint}
    tables = {
        **{name: _service(layout, options, name) | {"telemetry": telemetry} for name in DATABASES},
        **{f"{name}_owner": {"database": _database(layout, ports, name, "owner")} for name in DATABASES},
        "gateway": _gateway(layout, options, socket) | {"telemetry": telemetry},
        "edge": _edge(layout, ports, socket) | {"telemetry": telemetry},
        "mailer": _mailer(layout, ports) | {"telemetry": telemetry},
        "mail": {"port": ports.smtp_port, "folder": str(layout.mail)},
        "trace_desk": _trace_desk(ports),
    }
    unknown = sorted(options.overrides.keys() - tables.keys())
    if unknown:
        raise LocalStackError(f"--set {unknown[0]}.…: no such server; known are {', '.join(tables)}.")
    for name, table in tables.items():
        (layout.config / f"{name}.toml").write_text(
            toml(merged(table, options.overrides.get(name, {}))), encoding="utf-8"
        )
    qf = _qf(layout, ports) | {"telemetry": telemetry}
    layout.qf_config_file.write_text(toml(qf), encoding="utf-8")


def service_address(ports: Ports, name: str) -> str:
    """Where an internal service listens."""
    return f"{HOST}:{getattr(ports, f'{name}_port')}"


def gateway_socket(layout: Layout) -> str:
    """The path of the gateway's Unix socket, as it was configured at this start."""
    with (layout.config / "edge.toml").open("rb") as file:
        return str(tomllib.load(file)["gateway_socket"])


def server_name(name: str) -> str:
    """The DNS name that a server's certificate carries, whatever its address."""
    return f"{name}.qf.internal"


def _service(layout: Layout, options: Options, name: str) -> Table:
    ports = options.ports
    own: dict[str, Table] = {
        "identity": {
            "redis": {
                "url": f"redis://{HOST}:{ports.valkey_port}/0",
                "password_file": str(layout.secret("valkey.password")),
            },
            "keys": {
                "index_key_file": str(layout.secret("identity_index.key")),
                "data_key_file": str(layout.secret("identity_data.key")),
            },
            "hours": {"always_open": options.always_open},
        },
        "partners": {"services": {"identity": _services(ports)["identity"]}},
        "quotient": {
            "keys": {
                "person_index_key_folder": str(layout.secret("person_index")),
                "wrapping_key_folder": str(layout.secret("wrapping")),
            },
            "journal": {
                "origin": "qf.internal/journal",
                "signing_key_file": str(layout.secret("journal_signing.key")),
            },
        },
    }
    return {
        "listen_address": service_address(ports, name),
        "tls": _tls(layout, name),
        "clients": _clients(name),
        "database": _database(layout, ports, name, "service"),
        **own.get(name, {}),
    }


def _clients(name: str) -> Table:
    """Who has which role; on one machine `qf` has those of every internal system."""
    roles = {"gateway": [server_name("gateway")], "agent_tools": [server_name("qf")]}
    mailer = {"mailer": [server_name("qf"), server_name("mailer")]}
    operators = {"operators": [server_name("qf")]}
    own: dict[str, dict[str, list[str]]] = {
        "identity": {**mailer, "registry": [server_name("partners")]},
        "partners": {**mailer, **operators, "agents": ["*.agents.qf.internal"]},
        "quotient": operators,
    }
    return roles | own.get(name, {})


def _gateway(layout: Layout, options: Options, socket: str) -> Table:
    return {
        "listen_address": f"unix:{socket}",
        # Both sides: as grpcurl does, a partner's developer asks the sandbox itself what it speaks.
        "reflection": True,
        "tls": _tls(layout, "gateway"),
        "hours": {"always_open": options.always_open},
        "services": _services(options.ports),
    }


def _edge(layout: Layout, ports: Ports, socket: str) -> Table:
    return {
        "listen_address": f"{HOST}:{ports.edge_port}",
        "gateway_socket": socket,
        "reflection": True,
        "tls": {
            "certificate_file": str(certificate_file(layout, "edge")),
            "private_key_file": str(private_key_file(layout, "edge")),
        },
    }


def _mailer(layout: Layout, ports: Ports) -> Table:
    services = _services(ports)
    return {
        "listen_address": service_address(ports, "mailer"),
        "caisse_address": "partenaires@caisse.example",
        "tls": _tls(layout, "mailer"),
        "clients": {"monitoring": [server_name("qf")]},
        "services": {name: services[name] for name in ("partners", "identity")},
        "smtp": {
            "host": HOST,
            "port": ports.smtp_port,
            "security": "none",
            "sender": "ne-pas-repondre@qf.example",
        },
        # At its start, and rarely then: the tests have this stack's outboxes to themselves.
        "delivery": {"every_seconds": 3600},
    }


def _trace_desk(ports: Ports) -> Table:
    return {"otlp_address": f"{HOST}:{ports.otlp_port}", "web_address": f"{HOST}:{ports.trace_desk_port}"}


def _qf(layout: Layout, ports: Ports) -> Table:
    return {"tls": _tls(layout, "qf"), "services": _services(ports), "agent": {"name": AGENT_NAME}}


def _services(ports: Ports) -> Table:
    services = (name for name in SERVERS if name != "gateway")
    return {
        name: {"address": service_address(ports, name), "server_name": server_name(name)} for name in services
    }


def _tls(layout: Layout, name: str) -> Table:
    return {
        "certificate_file": str(certificate_file(layout, name)),
        "private_key_file": str(private_key_file(layout, name)),
        "ca_file": str(ca_file(layout)),
    }


def _database(layout: Layout, ports: Ports, name: str, role: str) -> Table:
    return {
        "host": HOST,
        "port": ports.postgres_port,
        "name": name,
        "user": f"{name}_{role}",
        "password_file": str(layout.secret(f"{name}_{role}.password")),
    }


def merged(table: Mapping[str, Any], override: Mapping[str, Any]) -> Table:
    """`table` with the values of `override` laid over it, table by table."""
    both = dict(table)
    for key, value in override.items():
        both[key] = merged(both.get(key, {}), value) if isinstance(value, Mapping) else value
    return both


def toml(table: Mapping[str, Any], path: str = "") -> str:
    """Writes strings, numbers, booleans, lists of these, and tables of all: for them JSON values are TOML values."""
    plain = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
        for key, value in table.items()
        if not isinstance(value, Mapping)
    ]
    tables = [
        f"\n[{path}{key}]\n{toml(value, f'{path}{key}.')}"
        for key, value in table.items()
        if isinstance(value, Mapping)
    ]
    return "".join(plain + tables)
