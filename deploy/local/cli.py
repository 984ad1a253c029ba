"""The commands behind `make up`, `make down` and `make reset`."""

import asyncio
import shutil
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from deploy.local.errors import LocalStackError
from deploy.local.layout import Layout
from deploy.local.lock import holder, is_held
from deploy.local.options import Options
from deploy.local.processes import ProcessFile, end_left_overs
from deploy.local.screen import Screen
from deploy.local.settings import OTLP_ENDPOINT_VARIABLE, Ports, parse_overrides
from deploy.local.stack import run
from services.kit.clock import SystemClock

# All components stop within their own bounds well before that.
DOWN_SECONDS = 60.0
NOT_RUNNING = 3

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The embedded stack on this machine.")
console = Console()

Root = Annotated[Path, typer.Option(help="Where data, secrets, certificates and logs are kept.")]


class PortChoice(StrEnum):
    """Which ports to listen on."""

    FIXED = "fixed"
    FREE = "free"


class Hours(StrEnum):
    """When the gateway serves."""

    ALWAYS = "always"
    CONVENTION = "convention"


@app.command()
def up(
    root: Root = Path(".local"),
    ports: Annotated[
        PortChoice, typer.Option(help="The usual ones (QF_LOCAL_<NAME>_PORT), or any.")
    ] = PortChoice.FIXED,
    demo: Annotated[bool, typer.Option(help="Fill in invented partners, users and families.")] = True,
    hours: Annotated[
        Hours, typer.Option(help="Open always, or 05:00-23:00 Europe/Paris (art. 5).")
    ] = Hours.ALWAYS,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="SERVER.KEY=VALUE", help="Changes one setting.")
    ] = [],  # noqa: B006 - typer copies it
    otlp_endpoint: Annotated[
        str,
        typer.Option(
            envvar=OTLP_ENDPOINT_VARIABLE,
            metavar="URL",
            help="Sends spans there (OTLP/gRPC) instead of to the trace desk, which then does not start.",
        ),
    ] = "",
    only: Annotated[list[str], typer.Option(metavar="PART", help="Starts this part and what it needs.")] = [],  # noqa: B006 - typer copies it
) -> None:
    """Start everything and keep it running until Ctrl-C."""
    clock = SystemClock()
    options = Options(
        ports=Ports.free() if ports is PortChoice.FREE else Ports.fixed(),
        overrides=parse_overrides(set_),
        with_demo=demo,
        always_open=hours is Hours.ALWAYS,
        only=only,
        other_otlp_endpoint=otlp_endpoint,
    )
    asyncio.run(run(Layout(root.resolve()), options, Screen(console, clock), clock))


@app.command()
def down(root: Root = Path(".local")) -> None:
    """Stop a stack that runs in another terminal, and wait until it has."""
    layout = Layout(root.resolve())
    if asyncio.run(_stop(layout)):
        console.print("The stack is stopped.")
    else:
        console.print("The stack does not run.")


@app.command()
def reset(
    root: Root = Path(".local"), yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Stop the stack and remove its data: databases, sessions, accounts, journal, secrets, certificates."""
    layout = Layout(root.resolve())
    console.print(
        f"This removes {layout.root}: databases, sessions, accounts, journal, secrets, certificates, logs.",
        soft_wrap=True,
    )
    if not yes and not (sys.stdin.isatty() and typer.confirm("Remove it?")):
        raise LocalStackError("Nothing was removed. Without a terminal, say --yes.")
    asyncio.run(_stop(layout))
    for folder in (
        layout.secrets,
        layout.tls,
        layout.config,
        layout.data,
        layout.logs,
        layout.mail,
        layout.run,
    ):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (layout.qf_config_file, layout.demo_passwords_file):
        file.unlink(missing_ok=True)
    console.print("Removed. The next start begins anew.")


@app.command()
def status(root: Root = Path(".local")) -> None:
    """Tell what runs; ends with 3 when nothing does."""
    layout = Layout(root.resolve())
    other = holder(layout.lock_file)
    if not is_held(layout.lock_file) or other is None:
        console.print("The stack does not run. Start it with: make up")
        raise typer.Exit(NOT_RUNNING)
    ready = "ready" if layout.demo_file.exists() else "starting"
    console.print(f"{other.address}, {ready} (supervisor pid {other.pid})", soft_wrap=True)
    table = Table("part", "pid")
    for name, process in ProcessFile(layout.processes_file).read().items():
        table.add_row(name, str(process.pid) if process.is_alive() else "restarting")
    console.print(table)


async def _stop(layout: Layout) -> bool:
    """Ends the running stack, or what a killed one left; returns whether there was anything."""
    if not is_held(layout.lock_file):
        return bool(await end_left_overs(ProcessFile(layout.processes_file)))
    other = holder(layout.lock_file)
    if other is None or not other.process.is_alive():
        raise LocalStackError(
            f"The holder of {layout.lock_file} cannot be told; stop it in its own terminal."
        )
    other.process.send(signal.SIGTERM)
    if not await other.process.ended_within(DOWN_SECONDS):
        raise LocalStackError(f"The stack (pid {other.pid}) is still stopping after {DOWN_SECONDS:g} s.")
    return True


def main() -> None:
    """Runs a command; what stops it is one message on standard error and exit status 1."""
    try:
        app()
    except LocalStackError as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{error.filename or 'A file'} cannot be used: {error.strerror}.")


def _refuse(message: str) -> NoReturn:
    Console(stderr=True).print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)
