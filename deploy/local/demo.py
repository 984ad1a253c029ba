"""Invented partners, users and families for trying the suite, made through the services' own APIs.

What was made is remembered in `data/demo.json`, step by step, so that a later start has nothing to do.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from deploy.local.certificates import CERTIFICATES, ca_file, certificate_file, private_key_file
from deploy.local.configuration import server_name, service_address
from deploy.local.layout import Layout, write_private
from deploy.local.secrets import DATABASES
from deploy.local.settings import HOST, Ports
from services.kit.clock import Clock

# The services that the demo data live in.
NEEDS = DATABASES


@dataclass(frozen=True)
class User:
    """An invented agent of an invented partner."""

    login: str
    temporary_password: str
    partner: str
    caisse: str
    password_changed: bool = False


async def seed(layout: Layout, ports: Ports, clock: Clock) -> None:  # noqa: ARG001 - filled in with the services
    """Makes what is missing of the demo data."""


def first_user(layout: Layout) -> User | None:
    """Whom the screen shows, if the demo data were made."""
    users = _memory(layout).get("users", [])
    return User(**users[0]) if users else None


def publish(layout: Layout, ports: Ports) -> None:
    """Writes `demo.json`: where everything is and whom to be, for scripts. Private, as it holds passwords."""
    memory = _memory(layout)
    shown = {
        "gateway_url": f"https://{HOST}:{ports.edge_port}",
        "ca_file": str(ca_file(layout)),
        "client_certificates": {
            name: {
                "certificate_file": str(certificate_file(layout, name)),
                "private_key_file": str(private_key_file(layout, name)),
            }
            for name in CERTIFICATES
            if name != "edge"
        },
        "internal_addresses": {
            name: {"address": service_address(ports, name), "server_name": server_name(name)}
            for name in DATABASES
        },
        "traces_url": f"http://{HOST}:{ports.trace_desk_port}",
        "otlp_endpoint": f"http://{HOST}:{ports.otlp_port}",
        "qf_config_file": str(layout.qf_config_file),
        "ports": ports.model_dump(),
        "users": [asdict(User(**user)) for user in memory.get("users", [])],
        "nirs": memory.get("nirs", {}),
    }
    write_private(layout.demo_file, json.dumps(shown, indent=2, ensure_ascii=False).encode())


def _memory(layout: Layout) -> dict[str, Any]:
    try:
        memory: dict[str, Any] = json.loads((layout.data / "demo.json").read_text())
    except FileNotFoundError:
        return {}
    return memory
