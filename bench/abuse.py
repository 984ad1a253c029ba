"""What good callers feel while someone floods the edge: `python -m bench abuse`.

One good caller asks for the status and consults a dossier, each at a steady pace on a connection that it keeps, and
asks for the status on a new connection now and then: for some seconds in peace, then beside a flood, and so on in
turns, all in one run. The attackers have a process of their own which runs only when nobody else wants the processor:
elsewhere they would have machines of their own. What they took of it all the same is shown. Starts a stack of its own
on free ports, with the limits of production.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import quantiles
from time import monotonic, perf_counter
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from bench.abuse_client import ATTACKS
from bench.consulting import consultation, unlimited_stack
from bench.h2load import Target
from bench.processes import resident_mib, worked_seconds
from tests.stack import Stack, StackFailed

PROMISED_RATIO = 2.0
SETTLE_SECONDS = 1.0
TIMEOUT_SECONDS = 5.0
WATCHED = {"edge": "edge", "gateway": "policy"}
# How many calls of each kind begin in a second.
PACES = {"status": 50, "consultation": 25, "new connection": 10}

console = Console(stderr=True)


@dataclass
class Phase:
    """What a good caller saw, in peace or beside a flood: milliseconds of each answered call, by kind."""

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: int = 0

    def percentile(self, kind: str, percent: int) -> float:
        """Of the calls of a kind."""
        return quantiles(self.milliseconds[kind], n=100, method="inclusive")[percent - 1]


@dataclass(frozen=True)
class Answer:
    """One kind of call: percentiles in milliseconds, in peace and beside the flood."""

    calls: int
    peace_p50_ms: float
    peace_p99_ms: float
    flood_p50_ms: float
    flood_p99_ms: float

    @property
    def ratio(self) -> float:
        """The p99 beside the flood, in those of peace."""
        return self.flood_p99_ms / self.peace_p99_ms


@dataclass(frozen=True)
class AbuseFigures:
    """One attack. Memory is in MiB: before the first flood, at most during one, after the last."""

    attack: str
    answers: dict[str, Answer]
    failed_in_peace: int
    failed_in_flood: int
    edge_mib: tuple[float, float, float]
    policy_mib: tuple[float, float, float]
    # Shares of one processor, while the flood went on.
    edge_processor: float
    policy_processor: float
    attacker_processor: float
    units_per_second: float
    connections: int
    ended_by_the_edge: int


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench abuse", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=12, help="length of each turn (default: %(default)s)"
    )
    parser.add_argument(
        "--turns", type=int, default=3, help="of peace and flood, per attack (default: %(default)s)"
    )
    parser.add_argument("--attacks", nargs="+", choices=ATTACKS, default=list(ATTACKS), help="default: all")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    chosen = parser.parse_args(arguments)
    try:
        figures = measure(chosen.attacks, chosen.seconds, chosen.turns)
    except StackFailed as error:
        sys.exit(f"bench abuse: {error}")
    if chosen.json:
        json.dump([asdict(one) for one in figures], sys.stdout, indent=2)
    else:
        Console().print(answers_table(figures), resources_table(figures))


def measure(attacks: Sequence[str], seconds: float, turns: int) -> list[AbuseFigures]:
    """Every attack, one after the other, each with its own turns of peace."""
    with unlimited_stack(console) as stack:
        return asyncio.run(_measure(stack, attacks, seconds, turns))


def answers_table(figures: Sequence[AbuseFigures]) -> Table:
    """One row per attack and kind of call."""
    shown = Table(
        title="Good callers beside floods",
        caption=f"Milliseconds, in peace → beside the flood. Promised: a p99 of {PROMISED_RATIO:g} × peace at most.",
        title_justify="left",
        caption_justify="left",
    )
    for heading in ("flood", "call"):
        shown.add_column(heading, no_wrap=True)
    for heading in ("calls", "p50", "p99", "ratio"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for one in figures:
        for kind, answer in one.answers.items():
            shown.add_row(
                one.attack,
                kind,
                str(answer.calls),
                f"{answer.peace_p50_ms:.1f} → {answer.flood_p50_ms:.1f}",
                f"{answer.peace_p99_ms:.1f} → {answer.flood_p99_ms:.1f}",
                f"{answer.ratio:.2f}{'' if answer.ratio <= PROMISED_RATIO else ' !'}",
            )
    return shown


def resources_table(figures: Sequence[AbuseFigures]) -> Table:
    """One row per attack."""
    shown = Table(
        title="What floods cost, and how they end",
        caption="MiB before / at most / after; per cent of one processor of edge, policy, attacker; good calls that "
        "failed in peace → beside the flood; the attacker's units a second; its connections that the edge ended.",
        title_justify="left",
        caption_justify="left",
    )
    shown.add_column("flood", no_wrap=True)
    for heading in ("edge MiB", "policy MiB", "%", "failed", "units/s", "ended"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for one in figures:
        shares = (one.edge_processor, one.policy_processor, one.attacker_processor)
        shown.add_row(
            one.attack,
            "/".join(f"{mib:.0f}" for mib in one.edge_mib),
            "/".join(f"{mib:.0f}" for mib in one.policy_mib),
            "/".join(f"{share * 100:.0f}" for share in shares),
            f"{one.failed_in_peace} → {one.failed_in_flood}",
            f"{one.units_per_second:.0f}",
            f"{one.ended_by_the_edge} of {one.connections}",
        )
    return shown


async def _measure(stack: Stack, attacks: Sequence[str], seconds: float, turns: int) -> list[AbuseFigures]:
    target = await consultation(stack)
    callers = _callers(stack, target)
    # What is slow only once is not the flood's doing.
    await _turn(callers, seconds)
    figures = []
    for attack in attacks:
        console.print(f"{attack}: {turns} turns of {seconds:g} s of peace and of flood …")
        figures.append(await _attacked(stack, callers, attack, seconds, turns))
    return figures


async def _attacked(
    stack: Stack, callers: Sequence[Caller], attack: str, seconds: float, turns: int
) -> AbuseFigures:
    peace, flood = Phase(), Phase()
    tallies: list[dict[str, Any]] = []
    before, memory, worked = _memory(stack), _Peak(stack), dict.fromkeys(WATCHED, 0.0)
    for _ in range(turns):
        await _turn(callers, seconds, peace)
        async with _flood(stack, attack, seconds) as tally:
            started = _worked(stack)
            async with memory.watched():
                await _turn(callers, seconds, flood)
            worked = {name: worked[name] + now - started[name] for name, now in _worked(stack).items()}
        tallies.append(tally)
        await asyncio.sleep(SETTLE_SECONDS)
    after, total = _memory(stack), seconds * turns
    edge_mib, policy_mib = ((before[name], memory.most[name], after[name]) for name in WATCHED)
    return AbuseFigures(
        attack=attack,
        answers={kind: _answer(kind, peace, flood) for kind in PACES},
        failed_in_peace=peace.failed,
        failed_in_flood=flood.failed,
        edge_mib=edge_mib,
        policy_mib=policy_mib,
        edge_processor=worked["edge"] / total,
        policy_processor=worked["gateway"] / total,
        attacker_processor=sum(tally["processor_seconds"] for tally in tallies) / total,
        units_per_second=sum(tally["units"] for tally in tallies) / total,
        connections=sum(tally["opened"] + tally["refused"] for tally in tallies),
        ended_by_the_edge=sum(tally["ended_by_the_edge"] + tally["refused"] for tally in tallies),
    )


def _answer(kind: str, peace: Phase, flood: Phase) -> Answer:
    return Answer(
        calls=len(flood.milliseconds[kind]),
        peace_p50_ms=peace.percentile(kind, 50),
        peace_p99_ms=peace.percentile(kind, 99),
        flood_p50_ms=flood.percentile(kind, 50),
        flood_p99_ms=flood.percentile(kind, 99),
    )


class Caller:
    """A good caller over HTTP/1.1: it writes a request and reads its answer, and does little else that takes time."""

    def __init__(self, kind: str, target: Target, ca_file: Path, method: str, *, keeps: bool = True) -> None:
        self.kind = kind
        url = urlsplit(target.url)
        self._address = (url.hostname or "", url.port or 0)
        self._tls = ssl.create_default_context(cafile=ca_file)
        headers = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
        length = f"content-length: {len(target.body)}\r\n" if target.body else ""
        head = f"{method} {url.path} HTTP/1.1\r\nhost: {url.netloc}\r\n{headers}{length}\r\n"
        self._request = head.encode() + target.body
        self._keeps = keeps
        self._connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call(self, phase: Phase) -> None:
        """One call, on a connection that is free; adds what it saw to `phase`."""
        started = perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answered = await self._ask()
        except (OSError, EOFError):
            answered = False
        if answered:
            phase.milliseconds[self.kind].append((perf_counter() - started) * 1000)
        else:
            phase.failed += 1

    async def _ask(self) -> bool:
        reader, writer = self._connections.pop() if self._connections else await self._connect()
        try:
            writer.write(self._request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        except BaseException:
            writer.close()
            raise
        if self._keeps:
            self._connections.append((reader, writer))
        else:
            writer.close()
        return head.startswith(b"http/1.1 200 ")

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self._address, ssl=self._tls)


def _callers(stack: Stack, target: Target) -> list[Caller]:
    ca_file = Path(stack.ca_file)
    status = Target("status", f"{stack.gateway_url}/v1/status", {}, b"")
    return [
        Caller("status", status, ca_file, "GET"),
        Caller("consultation", target, ca_file, "POST"),
        Caller("new connection", status, ca_file, "GET", keeps=False),
    ]


async def _turn(callers: Sequence[Caller], seconds: float, phase: Phase | None = None) -> None:
    """Every kind of call at its pace, whether or not the last has ended."""
    phase = phase or Phase()
    end = monotonic() + seconds

    async def paced(caller: Caller) -> None:
        calls = []
        while monotonic() < end:
            calls.append(asyncio.create_task(caller.call(phase)))
            await asyncio.sleep(1 / PACES[caller.kind])
        await asyncio.gather(*calls)

    await asyncio.gather(*(paced(caller) for caller in callers))


@asynccontextmanager
async def _flood(stack: Stack, attack: str, seconds: float) -> AsyncIterator[dict[str, Any]]:
    """Runs the flood in a process of its own; its tally is there at the end."""
    address = f"127.0.0.1:{stack.ports.edge_port}"
    lasting = str(seconds + 2 * SETTLE_SECONDS)
    command = (sys.executable, "-m", "bench.abuse_client", attack, address, lasting, "--idle")
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    tally: dict[str, Any] = {}
    await asyncio.sleep(SETTLE_SECONDS)
    try:
        yield tally
    finally:
        output, _ = await process.communicate()
    tally.update(json.loads(output))


def _memory(stack: Stack) -> dict[str, float]:
    return {name: resident_mib(stack.process(name).pid) for name in WATCHED}


def _worked(stack: Stack) -> dict[str, float]:
    return {name: worked_seconds(stack.process(name).pid) for name in WATCHED}


class _Peak:
    """The most that each process held while it was watched."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.most = dict.fromkeys(WATCHED, 0.0)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        while True:
            self.most = {name: max(self.most[name], mib) for name, mib in _memory(self._stack).items()}
            await asyncio.sleep(0.25)
