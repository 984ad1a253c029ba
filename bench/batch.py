"""What single consultations feel while somebody consults 500 people at once: `python -m bench batch`.

One good caller consults a dossier at a steady pace on connections that it keeps: for some seconds alone, then while
another partner's batches of 500 run back to back, and so on in turns, all in one run. How long a batch takes when
nobody else calls is measured first. Starts a stack of its own on free ports.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from bench.abuse import Caller, Phase
from bench.consulting import consultation, unlimited_stack
from bench.h2load import BenchError, Target
from tests.portal import CONSULT_MANY, NDJSON
from tests.stack import Stack, StackFailed

PROMISED_RATIO = 2.0
QUERIES = 500
LONE_BATCHES = 5
WARM_UP_SECONDS = 3.0
KIND = "consultation"

console = Console(stderr=True)


@dataclass(frozen=True)
class BatchFigures:
    """Milliseconds of single consultations, alone and beside batches; seconds of a batch."""

    singles_per_second: float
    alone_calls: int
    alone_p50_ms: float
    alone_p99_ms: float
    beside_calls: int
    beside_p50_ms: float
    beside_p99_ms: float
    failed: int
    lone_batch_seconds: float
    batch_seconds: float
    batches: int

    @property
    def ratio(self) -> float:
        """The p99 beside batches, in those of a caller alone."""
        return self.beside_p99_ms / self.alone_p99_ms


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench batch", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=10, help="length of each turn (default: %(default)s)"
    )
    parser.add_argument(
        "--turns", type=int, default=4, help="alone and beside batches (default: %(default)s)"
    )
    parser.add_argument("--pace", type=float, default=25, help="single calls a second (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    chosen = parser.parse_args(arguments)
    try:
        figures = measure(chosen.seconds, chosen.turns, chosen.pace)
    except (BenchError, StackFailed) as error:
        sys.exit(f"bench batch: {error}")
    if chosen.json:
        json.dump(asdict(figures) | {"ratio": figures.ratio}, sys.stdout, indent=2)
    else:
        Console().print(table(figures))


def measure(seconds: float, turns: int, pace: float) -> BatchFigures:
    """Batches alone, then turns of single calls alone and beside batches."""
    with unlimited_stack(console) as stack:
        return asyncio.run(_measure(stack, seconds, turns, pace))


def table(figures: BatchFigures) -> Table:
    """One row for single calls alone, one beside batches."""
    shown = Table(
        title=f"Single consultations beside batches of {QUERIES}",
        caption=f"p99 × {figures.ratio:.2f}; promised: {PROMISED_RATIO:g} at most. {figures.failed} failed. "
        f"A batch took {figures.lone_batch_seconds:.2f} s alone, {figures.batch_seconds:.2f} s beside single calls "
        f"({figures.batches} of them).",
        title_justify="left",
        caption_justify="left",
    )
    shown.add_column(f"{figures.singles_per_second:g} single calls/s", no_wrap=True)
    for heading in ("calls", "p50 ms", "p99 ms"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for name, calls, p50, p99 in (
        ("alone", figures.alone_calls, figures.alone_p50_ms, figures.alone_p99_ms),
        ("beside batches", figures.beside_calls, figures.beside_p50_ms, figures.beside_p99_ms),
    ):
        shown.add_row(name, str(calls), f"{p50:.1f}", f"{p99:.1f}")
    return shown


async def _measure(stack: Stack, seconds: float, turns: int, pace: float) -> BatchFigures:
    ca_file = Path(stack.ca_file)
    caller = Caller(KIND, await consultation(stack), ca_file, "POST")
    batch = Batch(_many(await consultation(stack)), ca_file)
    # What is slow only once is not the batch's doing.
    await _turn(caller, WARM_UP_SECONDS, pace, Phase())
    await batch.run()
    console.print(f"{LONE_BATCHES} batches alone …")
    lone = [await batch.run() for _ in range(LONE_BATCHES)]
    alone, beside = Phase(), Phase()
    batch_seconds: list[float] = []
    for turn in range(turns):
        console.print(f"Turn {turn + 1} of {turns}: {seconds:g} s alone, {seconds:g} s beside batches …")
        await _turn(caller, seconds, pace, alone)
        async with _back_to_back(batch, batch_seconds):
            await _turn(caller, seconds, pace, beside)
    return BatchFigures(
        singles_per_second=pace,
        alone_calls=len(alone.milliseconds[KIND]),
        alone_p50_ms=alone.percentile(KIND, 50),
        alone_p99_ms=alone.percentile(KIND, 99),
        beside_calls=len(beside.milliseconds[KIND]),
        beside_p50_ms=beside.percentile(KIND, 50),
        beside_p99_ms=beside.percentile(KIND, 99),
        failed=alone.failed + beside.failed,
        lone_batch_seconds=median(lone),
        batch_seconds=median(batch_seconds),
        batches=len(batch_seconds),
    )


def _many(one: Target) -> Target:
    """The target that asks for the same person as often as a call may."""
    url = urlsplit(one.url)
    return replace(
        one,
        url=f"{url.scheme}://{url.netloc}{CONSULT_MANY}",
        headers={**one.headers, "accept": NDJSON},
        body=json.dumps({"queries": [json.loads(one.body)] * QUERIES}).encode(),
    )


class Batch:
    """Somebody who asks for many over HTTP/1.1, and reads rows as they come."""

    def __init__(self, target: Target, ca_file: Path) -> None:
        url = urlsplit(target.url)
        self._address = (url.hostname or "", url.port or 0)
        self._tls = ssl.create_default_context(cafile=ca_file)
        headers = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
        length = f"connection: close\r\ncontent-length: {len(target.body)}\r\n"
        head = f"POST {url.path} HTTP/1.1\r\nhost: {url.netloc}\r\n{headers}{length}\r\n"
        self._request = head.encode() + target.body

    async def run(self) -> float:
        """One batch; the seconds it took. Raises BenchError where a row is missing or was not answered."""
        started = perf_counter()
        reader, writer = await asyncio.open_connection(*self._address, ssl=self._tls)
        try:
            writer.write(self._request)
            answer = await reader.read()
        finally:
            writer.close()
        if answer.count(b'"consultation":') != QUERIES:
            raise BenchError("a batch was not answered whole: the machine is too busy to measure on")
        return perf_counter() - started


@asynccontextmanager
async def _back_to_back(batch: Batch, seconds: list[float]) -> AsyncIterator[None]:
    """Runs batches one after the other, the last to its end; adds how long each took."""
    stop = asyncio.Event()

    async def again_and_again() -> None:
        while not stop.is_set():
            seconds.append(await batch.run())

    running = asyncio.create_task(again_and_again())
    try:
        yield
    finally:
        stop.set()
        await running


async def _turn(caller: Caller, seconds: float, pace: float, phase: Phase) -> None:
    """Calls at the pace, whether or not the last has ended."""
    end = monotonic() + seconds
    calls = []
    while monotonic() < end:
        calls.append(asyncio.create_task(caller.call(phase)))
        await asyncio.sleep(1 / pace)
    await asyncio.gather(*calls)
