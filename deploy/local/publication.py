"""`demo.json`: where everything is and whom to be, for scripts."""

import json
from dataclasses import asdict
from typing import Any

from deploy.local import demo
from deploy.local.certificates import CERTIFICATES, ca_file, certificate_file, private_key_file
from deploy.local.configuration import server_name, service_address
from deploy.local.layout import Layout, write_private
from deploy.local.options import Options
from deploy.local.partner_certificate import partner_certificate_file, partner_private_key_file
from deploy.local.people import WRONG_NIRS, Agent
from deploy.local.secrets import DATABASES
from deploy.local.settings import HOST
from deploy.local.states import EXPECTATIONS, State


def publish(layout: Layout, options: Options) -> None:
    """Writes the file, whole or not at all. It is private, for it holds passwords of demo users."""
    ports = options.ports
    shown = {
        "gateway_url": f"https://{HOST}:{ports.edge_port}",
        "ca_file": str(ca_file(layout)),
        "client_certificates": {name: _certificate(layout, name) for name in CERTIFICATES if name != "edge"},
        "internal_addresses": {
            name: {"address": service_address(ports, name), "server_name": server_name(name)}
            for name in DATABASES
        },
        "traces_url": f"http://{HOST}:{ports.trace_desk_port}" if options.with_trace_desk else "",
        "otlp_endpoint": options.otlp_endpoint,
        "qf_config_file": str(layout.qf_config_file),
        "logs": str(layout.logs),
        "mail_folder": str(layout.mail),
        "ports": ports.model_dump(),
        "users": [_user(layout, agent, user) for agent, user in demo.agents(layout)],
        "nirs": demo.nirs(layout),
        "wrong_nirs": {kind: asdict(wrong) for kind, wrong in WRONG_NIRS.items()},
    }
    write_private(layout.demo_file, json.dumps(shown, indent=2, ensure_ascii=False).encode())


def _user(layout: Layout, agent: Agent, user: demo.User) -> dict[str, Any]:
    """The user, what he meets and where, and a NIR that his caisse knows."""
    expectation = EXPECTATIONS[agent.state]
    own_certificate = agent.state is State.CLIENT_CERTIFICATE_REQUIRED
    return {
        **asdict(user),
        "state": agent.state,
        "refused_call": expectation.refused_call,
        "expects": expectation.reason or "",
        "nir": agent.nir,
        "client_certificate": _partner_certificate(layout) if own_certificate else None,
    }


def _partner_certificate(layout: Layout) -> dict[str, str]:
    return {
        "certificate_file": str(partner_certificate_file(layout)),
        "private_key_file": str(partner_private_key_file(layout)),
    }


def _certificate(layout: Layout, name: str) -> dict[str, str]:
    return {
        "certificate_file": str(certificate_file(layout, name)),
        "private_key_file": str(private_key_file(layout, name)),
    }
