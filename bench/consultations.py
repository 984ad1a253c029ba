"""Consultations through the whole suite, beside a bare grpc.aio TLS echo, in one run: `python -m bench consultations`.

Starts a stack of its own on free ports, with one session that may call as often as it likes, and stops it again.
"""

import argparse
import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from time import monotonic, sleep

from rich.console import Console
from rich.table import Table

from bench import echo
from bench.consulting import consultation, unlimited_stack
from bench.h2load import BenchError, Figures, Target, grpc_frame, program, run
from deploy.local.certificates import certificate_file, private_key_file
from tests.stack import Stack, StackFailed

TRACED = ("edge", "gateway", "identity", "partners", "quotient")
ECHO_START_SECONDS = 10.0
MESSAGE_BYTES = 100

console = Console(stderr=True)


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench consultations", description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 64], help="connections at once")
    parser.add_argument("--seconds", type=int, default=10, help="length of each measurement")
    parser.add_argument(
        "--sample-ratio", type=float, default=1.0, help="share of the consultations that are traced, 0 to 1"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    chosen = parser.parse_args(arguments)
    try:
        figures = measure(chosen.clients, chosen.seconds, chosen.sample_ratio)
    except (BenchError, StackFailed) as error:
        sys.exit(f"bench consultations: {error}")
    if chosen.json:
        json.dump([asdict(one) for one in figures], sys.stdout, indent=2)
    else:
        Console().print(table(figures))


def measure(clients: Sequence[int], seconds: int, sample_ratio: float) -> list[Figures]:
    """Every target with every number of clients, one after the other."""
    # Before anything is started for nothing.
    program()
    figures = []
    with started_stack(sample_ratio) as stack, started_echo(stack) as echo_target:
        targets = (echo_target, asyncio.run(consultation(stack)))
        for count in clients:
            for target in targets:
                console.print(f"{target.name}, {count} clients, {seconds} s …")
                figures.append(run(target, count, seconds))
    return figures


def started_stack(sample_ratio: float) -> AbstractContextManager[Stack]:
    """A stack for this run only."""
    ratios = (f"{name}.telemetry.sample_ratio={sample_ratio}" for name in TRACED)
    return unlimited_stack(console, *ratios)


@contextmanager
def started_echo(stack: Stack) -> Iterator[Target]:
    """The peer, with the edge's certificate."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    files = (certificate_file(stack.layout, "edge"), private_key_file(stack.layout, "edge"))
    arguments = ("--port", str(port), "--certificate", str(files[0]), "--private-key", str(files[1]))
    process = subprocess.Popen((sys.executable, "-m", "bench.echo", *arguments))
    try:
        _wait_for(port)
        yield Target(
            name="bare TLS echo",
            url=f"https://127.0.0.1:{port}{echo.METHOD}",
            headers={"content-type": "application/grpc", "te": "trailers"},
            body=grpc_frame(bytes(MESSAGE_BYTES)),
        )
    finally:
        process.terminate()
        process.wait()


def table(figures: Sequence[Figures]) -> Table:
    """One row per measurement; the share is of the echo's throughput with as many clients."""
    shown = Table("target", title="Throughput and latency", title_justify="left")
    for heading in ("clients", "requests/s", "of the echo", "p50 ms", "p99 ms", "failed"):
        shown.add_column(heading, justify="right")
    echoes = {one.clients: one.requests_per_second for one in reversed(figures) if "echo" in one.target}
    for one in figures:
        share = one.requests_per_second / echoes[one.clients]
        shown.add_row(
            one.target,
            str(one.clients),
            f"{one.requests_per_second:,.0f}",
            f"{share:.0%}",
            f"{one.p50_ms:.2f}",
            f"{one.p99_ms:.2f}",
            str(one.failed),
        )
    return shown


def _wait_for(port: int) -> None:
    deadline = monotonic() + ECHO_START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if monotonic() > deadline:
                raise BenchError(f"the echo does not listen on port {port}") from None
            sleep(0.05)
        else:
            return
