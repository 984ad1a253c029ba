"""The one screen that stands when everything is ready."""

from deploy.local import demo
from deploy.local.certificates import ca_file
from deploy.local.configuration import service_address
from deploy.local.layout import PROJECT, Layout
from deploy.local.secrets import DATABASES
from deploy.local.settings import HOST, Ports


def welcome(layout: Layout, ports: Ports, always_open: bool, with_demo: bool) -> tuple[str, dict[str, str]]:
    """Title and sections: addresses, the demo sign-in, commands to copy, the hours."""
    sections = {"Addresses": _addresses(layout, ports)}
    if with_demo and (user := demo.first_user(layout)):
        sections["Demo sign-in (an invented agent of an invented partner)"] = _sign_in(user)
        sections["Try it"] = _commands(layout, ports, user)
    sections["Hours"] = _hours(always_open)
    return "The stack is ready. Ctrl-C stops it.", sections


def _addresses(layout: Layout, ports: Ports) -> str:
    services = ", ".join(f"{name} {service_address(ports, name)}" for name in DATABASES)
    return (
        f"  Partners      https://{HOST}:{ports.edge_port}  (JSON and gRPC; trust {layout.tls / 'ca.pem'})\n"
        f"  Traces        http://{HOST}:{ports.trace_desk_port}\n"
        f"  Internal gRPC {services}  (client certificate {layout.tls / 'qf.pem'})\n"
        f"  Logs          {layout.logs}"
    )


def _sign_in(user: demo.User) -> str:
    secret = (
        "the password you chose" if user.password_changed else f"temporary password {user.temporary_password}"
    )
    return f"  login {user.login}, {secret}  ({user.partner})"


def _commands(layout: Layout, ports: Ports, user: demo.User) -> str:
    body = f'{{"login":"{user.login}","password":"{user.temporary_password}"}}'
    ca = ca_file(layout)
    python = ".venv/bin/python"
    return (
        f"  curl --cacert {ca} https://{HOST}:{ports.edge_port}/v1/sessions -d '{body}'\n"
        f"  {python} examples/consult.py --demo {layout.demo_file}\n"
        f"  .venv/bin/qf --config {layout.qf_config_file} journal show --caisse {user.caisse}\n"
        f"  (from {PROJECT})"
    )


def _hours(always_open: bool) -> str:
    production = "production keeps 05:00–23:00 Europe/Paris, seven days a week (art. 5)"
    return (
        f"  This stack is open at any hour; {production}."
        if always_open
        else f"  As in production: {production[11:]}."
    )
