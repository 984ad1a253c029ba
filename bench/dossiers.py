"""What ten million dossiers cost: `python -m bench dossiers`.

Starts a stack of its own on free ports with two quotient services, each on a database of its own in one PostgreSQL: a
small one and a large one. Both are asked in turn for batches of consultations, over mutual TLS, of families that were
asked for before; in the same minutes, so that a noisy machine disturbs them alike. Ends with status 1 where the median
with the large database is beyond the bound.
"""

import argparse
import asyncio
import json
import random
import secrets
import signal
import socket
import sys
import tomllib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import date
from statistics import median, quantiles
from time import monotonic, perf_counter
from typing import TYPE_CHECKING

import grpc
from psycopg import sql
from rich.console import Console
from rich.table import Table

from bench.dossiers_data import Size, lay_in
from cli.people import synthetic_nir
from deploy.local import postgres
from deploy.local.channels import internal_channel
from deploy.local.configuration import merged, toml
from deploy.local.layout import PROJECT
from deploy.local.processes import spawn
from msa.quotient.v1 import disclosure_service_pb2 as pb
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1.disclosure_service_pb2_grpc import DisclosureServiceStub
from msa.quotient.v1.dossier_service_pb2_grpc import DossierServiceStub
from services.kit.clock import SystemClock, paris_date
from services.kit.messages import to_date
from services.kit.migrate import OwnerSettings, migrate
from tests.stack import Stack, StackFailed, empty_stack

if TYPE_CHECKING:  # in the stubs only
    from msa.quotient.v1.disclosure_service_pb2_grpc import DisclosureServiceAsyncStub

BATCH = 20
SMALL_DOSSIERS = 10_000
# A database of ten million answers within so many times what one of ten thousand takes.
BOUND = 1.5
WARM_UP_ROUNDS = 3
CHUNK = 500
CAISSE = "21"
SMALL_DATABASE = "quotient_small"
START_SECONDS = 30.0
SEED = 20261124
IDENTIFIER = "01a209fd-d041-7dd5-9623-9678f9f06898"

console = Console(stderr=True)


@dataclass(frozen=True)
class Sizes:
    """How much is laid in, and how often it is asked."""

    dossiers: int
    small_dossiers: int
    sample: int
    calls: int


@dataclass(frozen=True)
class SizeFigures:
    """Milliseconds of a batch, in one run."""

    small: Size
    large: Size
    fill_seconds: float
    small_p50_ms: float
    large_p50_ms: float
    small_p99_ms: float
    large_p99_ms: float

    @property
    def p50_ratio(self) -> float:
        """What a batch costs with the large database, in that of the small one."""
        return self.large_p50_ms / self.small_p50_ms

    @property
    def p99_ratio(self) -> float:
        """The same, of the slowest in a hundred."""
        return self.large_p99_ms / self.small_p99_ms


@dataclass(frozen=True)
class Quotient:
    """A quotient service with the database behind it."""

    stack: Stack
    database: str
    port: int
    nirs: Sequence[str]

    def channel(self, client: str) -> grpc.aio.Channel:
        """A channel to it, with the certificate of `client`; close it after use."""
        ports = self.stack.ports.model_copy(update={"quotient_port": self.port})
        return internal_channel(self.stack.layout, ports, "quotient", client)


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench dossiers", description=__doc__)
    parser.add_argument(
        "--dossiers", type=int, default=10_000_000, help="of the large database (default: 10000000)"
    )
    parser.add_argument(
        "--sample",
        type=int,
        default=2000,
        help="families that are asked for, of each database (default: 2000)",
    )
    parser.add_argument("--calls", type=int, default=2000, help="of each database (default: 2000)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    chosen = parser.parse_args(arguments)
    sizes = Sizes(chosen.dossiers, SMALL_DOSSIERS, chosen.sample, chosen.calls)
    try:
        figures = asyncio.run(measure(sizes))
    except StackFailed as error:
        sys.exit(f"bench dossiers: {error}")
    if chosen.json:
        ratios = {"p50_ratio": figures.p50_ratio, "p99_ratio": figures.p99_ratio, "bound": BOUND}
        json.dump(asdict(figures) | ratios, sys.stdout, indent=2)
    else:
        Console().print(table(figures))
    sys.exit(int(figures.p50_ratio > BOUND))


async def measure(sizes: Sizes) -> SizeFigures:
    """Fills both databases and asks both in turn. Raises StackFailed."""
    console.print("Starting the stack …")
    async with AsyncExitStack() as opened:
        stack = opened.enter_context(empty_stack(["quotient"], ["quotient.telemetry.sample_ratio=0"]))
        nirs = [synthetic_nir(number, 2) for number in range(1, sizes.sample + 1)]
        port = await opened.enter_async_context(_second_service(stack))
        small = Quotient(stack, SMALL_DATABASE, port, nirs)
        large = Quotient(stack, "quotient", stack.ports.quotient_port, nirs)
        small_size = await _filled(small, sizes.small_dossiers)
        start = monotonic()
        large_size = await _filled(large, sizes.dossiers)
        fill_seconds = monotonic() - start
        stubs = [
            DisclosureServiceStub(await opened.enter_async_context(one.channel("gateway")))
            for one in (small, large)
        ]
        console.print(f"Asking {sizes.calls} times for batches of {BATCH} …")
        taken_small, taken_large = await _asked_in_turn(stubs, nirs, sizes.calls)
    return SizeFigures(
        small_size,
        large_size,
        fill_seconds,
        median(taken_small),
        median(taken_large),
        _p99(taken_small),
        _p99(taken_large),
    )


def table(figures: SizeFigures) -> Table:
    """One row per database."""
    shown = Table("database", title=f"Disclose, {BATCH} families, warm", title_justify="left")
    for heading in ("dossiers", "on disk", "p50 ms", "p99 ms"):
        shown.add_column(heading, justify="right")
    for name, size, p50_ms, p99_ms in (
        ("small", figures.small, figures.small_p50_ms, figures.small_p99_ms),
        ("large", figures.large, figures.large_p50_ms, figures.large_p99_ms),
    ):
        disk = f"{size.disk_bytes / 1e9:.2f} GB"
        shown.add_row(name, f"{size.dossiers:,}", disk, f"{p50_ms:.2f}", f"{p99_ms:.2f}")
    shown.add_row(f"ratio (bound {BOUND})", "", "", f"{figures.p50_ratio:.2f}", f"{figures.p99_ratio:.2f}")
    return shown


@asynccontextmanager
async def _second_service(stack: Stack) -> AsyncIterator[int]:
    """Another quotient, with its own database and the same keys; its port."""
    async with await postgres.connect(stack.layout, stack.ports.postgres_port, "postgres") as superuser:
        create = sql.SQL("CREATE DATABASE {} OWNER quotient_owner").format(sql.Identifier(SMALL_DATABASE))
        await superuser.execute(create)
    owner = stack.settings("quotient_owner", OwnerSettings).database
    migrations = PROJECT / "services" / "quotient" / "migrations"
    await asyncio.to_thread(migrate, owner.model_copy(update={"name": SMALL_DATABASE}), migrations)
    port = _free_port()
    configured = tomllib.loads((stack.layout.config / "quotient.toml").read_text())
    own = {"listen_address": f"127.0.0.1:{port}", "database": {"name": SMALL_DATABASE}}
    configuration = stack.layout.config / "quotient_small.toml"
    configuration.write_text(toml(merged(configured, own)))
    command = (sys.executable, "-m", "services.quotient", "--config", str(configuration))
    process = await spawn(command, stack.layout.logs / "quotient_small.log", signal.SIGTERM)
    try:
        await _wait_until_ready(Quotient(stack, SMALL_DATABASE, port, ()))
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _wait_until_ready(quotient: Quotient) -> None:
    async with quotient.channel("gateway") as channel:
        try:
            await asyncio.wait_for(channel.channel_ready(), START_SECONDS)
        except TimeoutError:
            raise StackFailed("the second quotient does not start; see its log") from None


async def _filled(quotient: Quotient, dossiers: int) -> Size:
    """Publishes those who will be asked for, and lays the others in around them."""
    async with quotient.channel("qf") as channel:
        stub = DossierServiceStub(channel)
        records = [record for nir in quotient.nirs for record in _records(nir)]
        requests = [
            dossier_pb.PublishDossiersRequest(records=records[first : first + CHUNK])
            for first in range(0, len(records), CHUNK)
        ]
        results = [result async for reply in stub.PublishDossiers(iter(requests)) for result in reply.results]
        if any(result.outcome == dossier_pb.PUBLICATION_OUTCOME_REFUSED for result in results):
            raise StackFailed("an invented dossier was refused")
    ports = quotient.stack.ports
    async with await postgres.connect(
        quotient.stack.layout, ports.postgres_port, quotient.database
    ) as superuser:
        with console.status(f"Laying in {dossiers:,} dossiers …") as status:
            return await lay_in(
                superuser,
                dossiers,
                lambda done: status.update(f"Laying in {dossiers:,} dossiers: {done:,} …"),
            )


def _records(nir: str) -> Sequence[dossier_pb.DossierRecord]:
    """A family with a QF of last year and one of this year."""
    year = paris_date(SystemClock().now()).year
    return [
        dossier_pb.DossierRecord(
            caisse_code=CAISSE,
            numero_dossier=f"D{nir[:13]}",
            nir=nir,
            coordonnees=dossier_pb.Coordonnees(
                allocataires=[dossier_pb.Allocataire(nom_naissance="Mirabelle", prenoms="Capucine Marie")],
                destinataire="Madame Capucine Mirabelle",
                numero_libelle_voie="3 chemin des Orties",
                code_postal_ville="21999 VALLOMBREUSE",
                pays="FRANCE",
            ),
            quotient_period=dossier_pb.QuotientPeriod(
                valid_from=to_date(date(first_year, 1, 1)), amount_cents=amount_cents
            ),
        )
        for first_year, amount_cents in ((year - 1, 58_400), (year, 61_250))
    ]


async def _asked_in_turn(
    stubs: "Sequence[DisclosureServiceAsyncStub]", nirs: Sequence[str], calls: int
) -> Sequence[Sequence[float]]:
    """How long each batch took, in milliseconds, of each service; all families were asked for before."""
    for stub in [*stubs] * WARM_UP_ROUNDS:
        for first in range(0, len(nirs), BATCH):
            await _timed(stub, nirs[first : first + BATCH])
    draw = random.Random(SEED)  # noqa: S311  # repeatable on purpose
    taken: Sequence[list[float]] = [[] for _ in stubs]
    for _ in range(calls):
        for stub, times in zip(stubs, taken, strict=True):
            times.append(await _timed(stub, draw.sample(nirs, BATCH)))
    return taken


async def _timed(stub: "DisclosureServiceAsyncStub", nirs: Sequence[str]) -> float:
    """How long a batch took, in milliseconds. Raises StackFailed where a family of it is not shown."""
    request = pb.DiscloseRequest(items=map(_item, nirs))
    start = perf_counter()
    reply = await stub.Disclose(request)
    taken = (perf_counter() - start) * 1000
    if any(result.outcome != pb.DISCLOSURE_OUTCOME_AVAILABLE for result in reply.results):
        raise StackFailed("an invented family is not shown")
    return taken


def _item(nir: str) -> pb.DiscloseItem:
    return pb.DiscloseItem(
        nir=nir,
        caisse_code=CAISSE,
        month=to_date(paris_date(SystemClock().now()).replace(day=1)),
        purpose=pb.PURPOSE_PRICING,
        account_id=IDENTIFIER,
        habilitation_id=IDENTIFIER,
        partner_id=IDENTIFIER,
        convention_id=IDENTIFIER,
        traceparent=f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00",
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100)[98]
