"""What a flood of sign-ins does to sessions: `python -m bench sign-ins`.

Asks identity, at a steady pace, whether a session lives: first while nothing else happens, then while many try to sign
in at once with logins that do not exist, from many networks. Each of them waits as long as it is told to before it
tries again. Starts a stack of its own on free ports.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from statistics import quantiles
from time import monotonic, perf_counter
from typing import TYPE_CHECKING

from msa.identity.v1 import session_service_pb2 as pb
from msa.identity.v1.session_service_pb2_grpc import SessionServiceStub
from tests.caisse import Caisse
from tests.stack import Stack, empty_stack

if TYPE_CHECKING:  # in the stubs only
    from msa.identity.v1.session_service_pb2_grpc import SessionServiceAsyncStub

AT_ONCE = 200
PACE_SECONDS = 0.01
WARM_UP_SECONDS = 2.0
# The limits would end the flood within a minute; here it is to go on.
UNBOUNDED = (
    "identity.sign_in.network_failures_per_hour=1000000",
    "identity.sign_in.global_failures_per_minute=1000000",
    "identity.sessions.calls_per_minute=1000000000",
    "identity.sessions.partner_calls_per_minute=1000000000",
    "identity.sessions.address_calls_per_minute=1000000000",
)


@dataclass(frozen=True)
class FloodFigures:
    """How long Authenticate took, in milliseconds, and what became of the sign-ins."""

    idle_p50_ms: float
    idle_p99_ms: float
    flood_p50_ms: float
    flood_p99_ms: float
    sign_ins_at_once: int
    sign_ins_answered: int
    sign_ins_told_to_wait: int

    @property
    def ratio(self) -> float:
        """The p99 under the flood, in those of the idle server."""
        return self.flood_p99_ms / self.idle_p99_ms


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench sign-ins", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="length of each of the two measurements")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="sign-ins that are tried at once")
    parser.add_argument("--sample-ratio", type=float, default=1.0, help="share of the calls that are traced")
    chosen = parser.parse_args(arguments)
    settings = (*UNBOUNDED, f"identity.telemetry.sample_ratio={chosen.sample_ratio}")
    with empty_stack(settings=settings) as stack:
        figures = asyncio.run(measure(stack, chosen.seconds, chosen.at_once))
    json.dump({**asdict(figures), "ratio": figures.ratio}, sys.stdout, indent=2)
    print()  # this is what the command is for


async def measure(stack: Stack, seconds: float, at_once: int = AT_ONCE) -> FloodFigures:
    """Idle, then under the flood, in one run."""
    channels = [stack.channel(name) for name in ("identity", "partners", "quotient")]
    user = await Caisse(*channels).habilitate()
    for channel in channels:
        await channel.close()
    async with stack.channel("identity", client="gateway") as channel:
        stub = SessionServiceStub(channel)
        signed_in = await stub.SignIn(pb.SignInRequest(login=user.login, password=user.temporary_password))
        item = pb.AuthenticateItem(session_token=signed_in.session_token)
        request = pb.AuthenticateRequest(items=[item])
        await _paced(stub, request, WARM_UP_SECONDS)
        idle = await _paced(stub, request, seconds)
        async with _flood(stack, at_once) as counts:
            await _paced(stub, request, WARM_UP_SECONDS)
            flooded = await _paced(stub, request, seconds)
    return FloodFigures(
        idle_p50_ms=_percentile(idle, 50),
        idle_p99_ms=_percentile(idle, 99),
        flood_p50_ms=_percentile(flooded, 50),
        flood_p99_ms=_percentile(flooded, 99),
        sign_ins_at_once=at_once,
        sign_ins_answered=counts.answered,
        sign_ins_told_to_wait=counts.told_to_wait,
    )


async def _paced(
    stub: SessionServiceAsyncStub, request: pb.AuthenticateRequest, seconds: float
) -> list[float]:
    """Milliseconds of each call; one begins every hundredth of a second, whether or not the last has ended."""
    calls = []
    end = monotonic() + seconds
    while monotonic() < end:
        calls.append(asyncio.create_task(_timed(stub, request)))
        await asyncio.sleep(PACE_SECONDS)
    return [*await asyncio.gather(*calls)]


async def _timed(stub: SessionServiceAsyncStub, request: pb.AuthenticateRequest) -> float:
    started = perf_counter()
    reply = await stub.Authenticate(request, timeout=10)
    if reply.results[0].decision != pb.AUTHENTICATION_DECISION_ACCEPTED:
        raise AssertionError("the session that is asked about is not alive")
    return (perf_counter() - started) * 1000


def _percentile(milliseconds: list[float], percent: int) -> float:
    return quantiles(milliseconds, n=100, method="inclusive")[percent - 1]


@dataclass
class _Counts:
    answered: int = 0
    told_to_wait: int = 0


@asynccontextmanager
async def _flood(stack: Stack, at_once: int) -> AsyncIterator[_Counts]:
    """Runs the flood in a process of its own, so that it does not slow the one who measures."""
    counts = _Counts()
    ports = stack.ports.model_dump_json()
    command = (sys.executable, "-m", "bench.sign_ins_client", str(stack.layout.root), ports, str(at_once))
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        yield counts
    finally:
        process.terminate()
        output, _ = await process.communicate()
        counts.answered, counts.told_to_wait = map(int, output.split())
