"""The one screen that stands when everything is ready."""

import json
import os
import shlex
from pathlib import Path

from deploy.local import demo
from deploy.local.certificates import ca_file, certificate_file
from deploy.local.configuration import service_address
from deploy.local.layout import PROJECT, Layout
from deploy.local.options import Options
from deploy.local.secrets import DATABASES
from deploy.local.settings import HOST


def welcome(layout: Layout, options: Options) -> tuple[str, dict[str, str]]:
    """Title and sections: addresses, the demo sign-in, commands to copy, the hours."""
    sections = {"Addresses": _addresses(layout, options)}
    users = demo.users(layout) if options.with_demo else []
    if users:
        sections["Demo sign-in (an invented agent of an invented partner)"] = _sign_in(layout, users[0])
        sections["Try it"] = _commands(layout, options, users[0])
    sections["Hours"] = _hours(options.always_open)
    return "The stack is ready. Ctrl-C stops it.", sections


def _addresses(layout: Layout, options: Options) -> str:
    ports = options.ports
    services = ", ".join(f"{name} {service_address(ports, name)}" for name in DATABASES)
    traces = (
        f"http://{HOST}:{ports.trace_desk_port}"
        if options.with_trace_desk
        else f"sent to {options.otlp_endpoint}"
    )
    return (
        f"  Partners      https://{HOST}:{ports.edge_port}  (JSON and gRPC; CA: {_short(ca_file(layout))})\n"
        f"  Traces        {traces}\n"
        f"  Internal gRPC {services}\n"
        f"                (mutual TLS; client certificate: {_short(certificate_file(layout, 'qf'))})\n"
        f"  Mail          {_short(layout.mail)}  (what would have been sent)\n"
        f"  Logs          {_short(layout.logs)}\n"
        f"  For scripts   {_short(layout.demo_file)}"
    )


def _sign_in(layout: Layout, user: demo.User) -> str:
    password = demo.password_of(layout, user)
    if password is not None:
        kind = "password" if user.password_changed else "temporary password"
        return f"  login {user.login}, {kind} {password}  ({user.partner})"
    remedy = f"{_qf(layout)} user new-password --habilitation {user.habilitation_id}"
    return f"  login {user.login}, the password you chose  ({user.partner})\n  Forgotten? {remedy}"


def _commands(layout: Layout, options: Options, user: demo.User) -> str:
    password = demo.password_of(layout, user) or "THE-PASSWORD-YOU-CHOSE"
    body = json.dumps({"login": user.login, "password": password})
    url = f"https://{HOST}:{options.ports.edge_port}/v1/sessions"
    curl = f"curl -sS --cacert {_quoted(ca_file(layout))} -H 'content-type: application/json' -d @- {url}"
    return (
        # Through a pipe, so that no password stands among the arguments of a process (N5).
        f"  echo {shlex.quote(body)} | {curl}\n"
        f"  .venv/bin/python examples/consult.py --demo {_quoted(layout.demo_file)}\n"
        f"  {_qf(layout)} journal show --caisse {user.caisse}\n"
        f"  Users and NIRs for every outcome and error: docs/guides/sandbox.md\n"
        f"  (in {PROJECT})"
    )


def _qf(layout: Layout) -> str:
    return f".venv/bin/qf --config {_quoted(layout.qf_config_file)}"


def _quoted(path: Path) -> str:
    return shlex.quote(_short(path))


def _short(path: Path) -> str:
    """Relative where it lies in the project, as the commands are typed there."""
    return os.path.relpath(path, PROJECT) if path.is_relative_to(PROJECT) else str(path)


def _hours(always_open: bool) -> str:
    if always_open:
        return (
            "  This stack is open at any hour. Production keeps 05:00–23:00 Europe/Paris, every day (art. 5);\n"
            '  to try that: make up ARGS="--hours convention"'
        )
    return "  As in production: 05:00–23:00 Europe/Paris, every day (art. 5)."
