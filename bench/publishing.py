"""How fast dossiers are published, and in how much memory: `python -m bench publishing`.

First an internal system publishes new dossiers over one stream, the first of them into empty tables; then `qf` imports
files of as many into another caisse. Client, service and PostgreSQL share this machine. Beside the rate of the clock
stands the time that each process worked on a dossier, which others on the machine disturb less. Starts a stack of its
own on free ports.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.processes import TICKS_A_SECOND, parent, resident_mib, ticks
from cli import people
from tests.stack import Stack, StackFailed, empty_stack

COUNTS = (100_000, 1_000_000)
FILE_CAISSE = "71"
MONTH = date(2026, 11, 1)

console = Console(stderr=True)


@dataclass(frozen=True)
class PublishingFigures:
    """Microseconds of work are those of one dossier; resident memory is in MiB, the client's at its most."""

    what: str
    dossiers: int
    in_all: int
    dossiers_per_second: float
    client_us: float
    service_us: float
    postgresql_us: float
    client_rss_mib: float
    service_rss_mib: float


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench publishing", description=__doc__)
    parser.add_argument(
        "--dossiers",
        type=int,
        nargs="+",
        default=COUNTS,
        help="in all after each step (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    chosen = parser.parse_args(arguments)
    try:
        figures = measure(chosen.dossiers)
    except StackFailed as error:
        sys.exit(f"bench publishing: {error}")
    if chosen.json:
        json.dump([asdict(one) for one in figures], sys.stdout, indent=2)
    else:
        Console().print(table(figures))


def measure(counts: Sequence[int]) -> list[PublishingFigures]:
    """Up to each count over a stream, then as many from files."""
    figures = []
    console.print("Starting a stack …")
    with empty_stack(["quotient"]) as stack:
        steps = list(zip((0, *counts), counts, strict=False))
        for first, last in steps:
            console.print(f"Publishing dossiers {first:,} to {last:,} …")
            figures.append(_streamed(stack, first, last))
        for first, last in steps:
            with _file(first, last) as file:
                console.print(f"Importing a file of {last - first:,} dossiers …")
                figures.append(_imported(stack, file, first, last))
    return figures


def table(figures: Sequence[PublishingFigures]) -> Table:
    """One row per step."""
    shown = Table(
        title="Publishing dossiers",
        caption="µs of work for a dossier, of client, service and PostgreSQL; MiB of client and service.",
        title_justify="left",
        caption_justify="left",
    )
    shown.add_column("what", no_wrap=True)
    for heading in ("new", "then in all", "a second", "µs", "MiB"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for one in figures:
        shown.add_row(
            one.what,
            f"{one.dossiers:,}",
            f"{one.in_all:,}",
            f"{one.dossiers_per_second:,.0f}",
            f"{one.client_us:.0f} / {one.service_us:.0f} / {one.postgresql_us:.0f}",
            f"{one.client_rss_mib:.0f} / {one.service_rss_mib:.0f}",
        )
    return shown


@contextmanager
def _file(first: int, last: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dossiers.ndjson"
        with path.open("w", encoding="utf-8") as file:
            for line in islice(people.dossiers(last, 1, FILE_CAISSE, MONTH, months=1), first, None):
                file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        yield path


def _streamed(stack: Stack, first: int, last: int) -> PublishingFigures:
    ports = stack.ports.model_dump_json()
    command = ("bench.publishing_client", str(stack.layout.root), ports, str(first), str(last - first))
    return _measured(stack, "one stream", command, (first, last), float)


def _imported(stack: Stack, file: Path, first: int, last: int) -> PublishingFigures:
    config = str(stack.layout.qf_config_file)
    command = ("cli", "dossiers", "import", str(file), "--json", "--config", config)
    return _measured(
        stack,
        "qf dossiers import",
        command,
        (first, last),
        lambda output: float(json.loads(output)["duration_seconds"]),
    )


def _measured(
    stack: Stack,
    what: str,
    command: Sequence[str],
    numbers: tuple[int, int],
    seconds_in: Callable[[str], float],
) -> PublishingFigures:
    """Runs a client to its end; it prints how long it took."""
    dossiers = numbers[1] - numbers[0]
    before = _worked_seconds(stack)
    with tempfile.TemporaryFile("w+") as output:
        client = subprocess.Popen((sys.executable, "-m", *command), stdout=output)
        # Unlike Popen's own wait, it tells what this one child used.
        _, status, usage = os.wait4(client.pid, 0)
        client.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        told = output.read()
    if client.returncode:
        raise StackFailed(f"the client failed with status {client.returncode}")
    service, postgresql = (
        (now - then) / dossiers * 1e6 for then, now in zip(before, _worked_seconds(stack), strict=True)
    )
    return PublishingFigures(
        what=what,
        dossiers=dossiers,
        in_all=numbers[1],
        dossiers_per_second=dossiers / seconds_in(told),
        client_us=(usage.ru_utime + usage.ru_stime) / dossiers * 1e6,
        service_us=service,
        postgresql_us=postgresql,
        client_rss_mib=usage.ru_maxrss / 1024,
        service_rss_mib=resident_mib(stack.process("quotient").pid),
    )


def _worked_seconds(stack: Stack) -> tuple[float, float]:
    """Of the service, and of PostgreSQL with all of its processes, those that have ended too."""
    service, postmaster = (stack.process(name).pid for name in ("quotient", "postgres"))
    children = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    backends = sum(ticks(pid)[0] for pid in children if parent(pid) == postmaster)
    return ticks(service)[0] / TICKS_A_SECOND, (sum(ticks(postmaster)) + backends) / TICKS_A_SECOND
