"""What a large register costs: `python -m bench registry`.

Starts two stacks of its own on free ports, one with a small register and one with a large one, and asks both in turn:
whether batches of users may consult (`Authorize`), and for partners by words of their name. Both are asked in the same
minutes, so that a noisy machine disturbs them alike.
"""

import argparse
import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from time import perf_counter

from rich.console import Console
from rich.table import Table

from bench.registry_data import Filled, fill
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from msa.partners.v1.habilitation_service_pb2_grpc import HabilitationServiceStub
from msa.partners.v1.partner_service_pb2_grpc import PartnerServiceStub
from services.kit.migrate import OwnerSettings
from services.partners.caisses import load_caisses
from tests.stack import Stack, StackFailed, empty_stack

BATCH = 50
WARM_UP = 200
SMALL = (29, 1)
SEED = 20261124

console = Console(stderr=True)


@dataclass(frozen=True)
class RegistryFigures:
    """Milliseconds, in one run."""

    small_users: int
    large_users: int
    authorize_small_p50_ms: float
    authorize_large_p50_ms: float
    authorize_small_p99_ms: float
    authorize_large_p99_ms: float
    search_large_p50_ms: float
    search_large_p99_ms: float

    @property
    def authorize_ratio(self) -> float:
        """What a batch costs with the large register, in that of the small one."""
        return self.authorize_large_p50_ms / self.authorize_small_p50_ms


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench registry", description=__doc__)
    parser.add_argument(
        "--partners", type=int, default=5000, help="of each of the 35 caisses (default: 5000)"
    )
    parser.add_argument("--users", type=int, default=5, help="of each partner (default: 5)")
    parser.add_argument("--calls", type=int, default=2000, help="of each kind (default: 2000)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    chosen = parser.parse_args(arguments)
    try:
        with _stack("small") as small, _stack("large") as large:
            sizes = (SMALL, (chosen.partners, chosen.users))
            filled = [_filled(stack, *size) for stack, size in zip((small, large), sizes, strict=True)]
            figures = asyncio.run(measure((small, large), (filled[0], filled[1]), chosen.calls))
    except StackFailed as error:
        sys.exit(f"bench registry: {error}")
    if chosen.json:
        json.dump(asdict(figures) | {"authorize_ratio": figures.authorize_ratio}, sys.stdout, indent=2)
    else:
        Console().print(table(figures))


async def measure(stacks: tuple[Stack, Stack], filled: tuple[Filled, Filled], calls: int) -> RegistryFigures:
    """Asks both registers in turn."""
    draw = random.Random(SEED)  # noqa: S311  # repeatable on purpose
    async with AsyncExitStack() as opened:
        ask_small, ask_large = [
            await opened.enter_async_context(_authorizing(stack, known, draw))
            for stack, known in zip(stacks, filled, strict=True)
        ]
        search = await opened.enter_async_context(_searching(stacks[1], filled[1], draw))
        for ask in (ask_small, ask_large, search):
            await _timed(ask, WARM_UP)
        console.print(f"Asking {calls} times for batches of {BATCH}, then for partners …")
        small, large = [], []
        for _ in range(calls):
            small += await _timed(ask_small, 1)
            large += await _timed(ask_large, 1)
        searches = await _timed(search, calls)
    return RegistryFigures(
        small_users=filled[0].size,
        large_users=filled[1].size,
        authorize_small_p50_ms=median(small),
        authorize_large_p50_ms=median(large),
        authorize_small_p99_ms=_p99(small),
        authorize_large_p99_ms=_p99(large),
        search_large_p50_ms=median(searches),
        search_large_p99_ms=_p99(searches),
    )


def table(figures: RegistryFigures) -> Table:
    """One row per kind of call."""
    shown = Table("call", title="A small and a large register", title_justify="left")
    for heading in ("users", "p50 ms", "p99 ms"):
        shown.add_column(heading, justify="right")
    name = f"Authorize, {BATCH} users"
    small = (f"{figures.authorize_small_p50_ms:.2f}", f"{figures.authorize_small_p99_ms:.2f}")
    large = (f"{figures.authorize_large_p50_ms:.2f}", f"{figures.authorize_large_p99_ms:.2f}")
    found = (f"{figures.search_large_p50_ms:.2f}", f"{figures.search_large_p99_ms:.2f}")
    shown.add_row(name, f"{figures.small_users:,}", *small)
    shown.add_row(name, f"{figures.large_users:,}", *large)
    shown.add_row("ratio of the medians", "", f"{figures.authorize_ratio:.2f}", "")
    shown.add_row("Partners by name", f"{figures.large_users:,}", *found)
    return shown


def _stack(name: str) -> AbstractContextManager[Stack]:
    console.print(f"Starting the stack of the {name} register …")
    return empty_stack(["partners"], ["partners.telemetry.sample_ratio=0"])


def _filled(stack: Stack, partners_per_caisse: int, users_per_partner: int) -> Filled:
    users = 35 * partners_per_caisse * users_per_partner
    with console.status(f"Laying in {users:,} users …"):
        settings = stack.settings("partners_owner", OwnerSettings).database
        return fill(settings, partners_per_caisse, users_per_partner, SEED)


@asynccontextmanager
async def _authorizing(
    stack: Stack, filled: Filled, draw: random.Random
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    async with stack.channel("partners", "gateway") as channel:
        stub = HabilitationServiceStub(channel)

        async def ask() -> None:
            items = [
                habilitation_pb.AuthorizeItem(
                    habilitation_id=str(draw.choice(filled.habilitation_ids)),
                    online_service=habilitation_pb.ONLINE_SERVICE_QUOTIENT_CONSULTATION,
                )
                for _ in range(BATCH)
            ]
            reply = await stub.Authorize(habilitation_pb.AuthorizeRequest(items=items))
            granted = habilitation_pb.AUTHORIZATION_DECISION_GRANTED
            if any(result.decision != granted for result in reply.results):
                raise StackFailed("a user of the invented register was refused")

        yield ask


@asynccontextmanager
async def _searching(
    stack: Stack, filled: Filled, draw: random.Random
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    caisses = [caisse.code for caisse in load_caisses().all()]
    async with stack.channel("partners") as channel:
        stub = PartnerServiceStub(channel)

        async def ask() -> None:
            # Common words and rare ones, whole and begun, and some that nobody has.
            words = draw.choice((draw.choice(filled.communes), "mairie", "ccas val", "T0042", "introuvable"))
            request = partner_pb.ListPartnersRequest(caisse_code=draw.choice(caisses), query=words)
            await stub.ListPartners(request)

        yield ask


async def _timed(ask: Callable[[], Awaitable[None]], times: int) -> list[float]:
    """How long each call took, in milliseconds."""
    taken = []
    for _ in range(times):
        start = perf_counter()
        await ask()
        taken.append((perf_counter() - start) * 1000)
    return taken


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]
