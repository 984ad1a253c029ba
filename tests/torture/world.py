"""A stack of its own for torture, with the families and partners that a run is about."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import grpc

from deploy.local.layout import PROJECT
from deploy.local.processes import ending_with_parent
from msa.gateway.v1.quotient_service_pb2_grpc import QuotientServiceStub
from msa.quotient.v1.disclosure_service_pb2_grpc import DisclosureServiceStub
from msa.quotient.v1.opposition_service_pb2_grpc import OppositionServiceStub
from tests.caisse import BOURGOGNE, Caisse
from tests.people import new_nir
from tests.portal import Portal
from tests.stack import Stack, StackFailed, new_root, output_file
from tests.torture.parts import PARTS
from tests.torture.supervisor import BREAKABLE_FLAG

if TYPE_CHECKING:  # in their stubs only
    from msa.gateway.v1.quotient_service_pb2_grpc import QuotientServiceAsyncStub
    from msa.quotient.v1.disclosure_service_pb2_grpc import DisclosureServiceAsyncStub
    from msa.quotient.v1.opposition_service_pb2_grpc import OppositionServiceAsyncStub

PARTNERS = 4
# Every fifth dossier is that of two people.
SHARED_EVERY = 5
PUBLISHED_AT_ONCE = 16
SETTINGS = (
    # The limits of a session are not what is tested, and its password is checked once.
    "identity.sessions.calls_per_minute=1000000000",
    "identity.sessions.partner_calls_per_minute=1000000000",
    "identity.sessions.address_calls_per_minute=1000000000",
    "identity.passwords.memory_kib=1024",
    "identity.passwords.iterations=1",
    *(f'{part}.telemetry.otlp_endpoint=""' for part in PARTS),
)


@dataclass(frozen=True)
class Person:
    """Somebody with a dossier, and what a partner may be shown of it."""

    nir: str
    numero_dossier: str
    amount_cents: int


@dataclass(frozen=True)
class Partner:
    """A partner whose agent is signed in."""

    partner_id: str
    token: str


@dataclass(frozen=True)
class World:
    """Whom a run is about, and how to reach whom. `families` holds the positions of people who share a dossier."""

    stack: Stack
    people: Sequence[Person]
    families: Sequence[Sequence[int]]
    partners: Sequence[Partner]
    quotients: QuotientServiceAsyncStub
    oppositions: OppositionServiceAsyncStub
    journal: DisclosureServiceAsyncStub


@contextmanager
def torture_stack(*, breakable: bool = False) -> Iterator[Stack]:
    """A stack with what a consultation needs; `breakable` lets mutants in.

    Raises StackFailed where it does not start, or does not come back.
    """
    stack = _launch([BREAKABLE_FLAG] * breakable)
    failed = False
    try:
        stack.wait_for_start()
        yield stack
    except (TimeoutError, grpc.aio.AioRpcError, StackFailed) as error:
        failed = True
        raise StackFailed(f"{error!r}\nThe logs are kept in {stack.layout.root}") from error
    finally:
        stack.stop()
        stack.remove(keep_logs=failed)


def _launch(flags: Sequence[str]) -> Stack:
    root = new_root()
    command = (sys.executable, "-m", "tests.torture.supervisor", *flags, "up", f"--root={root}")
    options = (
        "--ports=free",
        "--no-demo",
        *(f"--only={part}" for part in PARTS),
        *(f"--set={setting}" for setting in SETTINGS),
    )
    with output_file(root).open("wb") as output:
        process = subprocess.Popen(
            ending_with_parent((*command, *options), signal.SIGTERM),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Stack(root, process)


@asynccontextmanager
async def inhabited(stack: Stack, dossiers: int, draw: Random) -> AsyncIterator[World]:
    """New families and partners on a running stack, and connections to it."""
    async with AsyncExitStack() as opened:
        identity, partners, quotient, edge = [
            await opened.enter_async_context(channel)
            for channel in (
                *(stack.channel(name) for name in ("identity", "partners", "quotient")),
                stack.edge_channel(),
            )
        ]
        caisse = Caisse(identity, partners, quotient)
        await caisse.never_suspend_for_use()
        people, families = await _publish(caisse, dossiers, draw)
        yield World(
            stack,
            people,
            families,
            await _partners(stack, caisse),
            QuotientServiceStub(edge),
            OppositionServiceStub(quotient),
            DisclosureServiceStub(quotient),
        )


async def _publish(caisse: Caisse, dossiers: int, draw: Random) -> tuple[list[Person], list[list[int]]]:
    turns = asyncio.Semaphore(PUBLISHED_AT_ONCE)
    people: list[Person] = []
    families = []
    for number, amount in enumerate(draw.sample(range(10_000, 200_000), dossiers)):
        nirs = [new_nir() for _ in range(1 if number % SHARED_EVERY else 2)]
        holders = [Person(nir, f"T{nirs[0][:13]}", amount) for nir in nirs]
        families.append([len(people) + position for position in range(len(holders))])
        people += holders

    async def publish(family: Sequence[int]) -> None:
        async with turns:
            for person in (people[position] for position in family):
                await caisse.publish(
                    person.nir, amount_cents=person.amount_cents, numero_dossier=person.numero_dossier
                )

    await asyncio.gather(*map(publish, families))
    return people, families


async def _partners(stack: Stack, caisse: Caisse) -> list[Partner]:
    portal = Portal(stack.gateway_url, stack.ca_file)
    try:
        users = [await caisse.habilitate(BOURGOGNE) for _ in range(PARTNERS)]
        return [Partner(user.partner_id, await portal.open_session(user)) for user in users]
    finally:
        await portal.aclose()
