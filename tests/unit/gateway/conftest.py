"""The policy service with its real handlers and interceptors, before an identity of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import grpc
import pytest

from gateway.admission import Admission
from gateway.clients import IdentityClient
from gateway.composition import face
from gateway.domain import (
    Caller,
    Consultation,
    Disclosure,
    OnlineService,
    OppositionScope,
    Outcome,
    QuotientPeriod,
    Right,
)
from gateway.handler import QuotientHandler, SessionHandler
from gateway.hours import OpeningHours
from gateway.second_factor.client import SecondFactorClient
from gateway.second_factor.handler import SecondFactorHandler
from gateway.second_factor.service import SecondFactors
from gateway.service import Consultations, Sessions
from msa.gateway.v1.quotient_service_pb2_grpc import (
    QuotientServiceStub,
    add_QuotientServiceServicer_to_server,
)
from msa.gateway.v1.second_factor_service_pb2_grpc import (
    SecondFactorServiceStub,
    add_SecondFactorServiceServicer_to_server,
)
from msa.gateway.v1.session_service_pb2_grpc import (
    SessionServiceStub,
    add_SessionServiceServicer_to_server,
)
from services.kit.client import Upstream
from services.kit.config import ServerSettings
from services.kit.server import interceptors
from tests.clock import FakeClock
from tests.unit.gateway.identity_service import IdentityService, identity_server

NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)
MAXIMUM_CALLS = 20


class Files:
    """Partners and quotient: every right is granted and every quotient known, unless told otherwise."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        # Of those who ask after the first disclosure.
        self.failure_after: Exception | None = None
        self.disclosed = 0
        self.disclosure: Disclosure | None = None
        self.noted: list[tuple[str, str, bool]] = []
        self.asked = asyncio.Event()
        # Cleared: the right is not told yet.
        self.release = asyncio.Event()
        self.release.set()

    async def authorize(self, habilitation_id: str, online_service: OnlineService) -> Right:
        self.asked.set()
        await self.release.wait()
        failure = self.failure or (self.failure_after if self.disclosed else None)
        if failure is not None:
            raise failure
        return Right("partner-1", "convention-1", "21")

    def note(self, account_id: str, network_prefix: str, *, not_found: bool) -> None:
        self.noted.append((account_id, network_prefix, not_found))

    async def check_oppositions(self, consultation: Consultation) -> Sequence[OppositionScope]:
        return []

    async def disclose(
        self, consultation: Consultation, caller: Caller, right: Right, *, opposed: bool
    ) -> Disclosure:
        self.disclosed += 1
        period = QuotientPeriod(date(2026, 11, 1), None, 61234)
        return self.disclosure or Disclosure(Outcome.AVAILABLE, f"line-{self.disclosed}", periods=[period])


@dataclass(frozen=True)
class Gateway:
    """What a test needs of it: the public stubs in front, what is behind, and the time."""

    channel: grpc.aio.Channel
    sessions: Any
    second_factors: Any
    quotients: Any
    upstream: Upstream
    identity: IdentityService
    files: Files
    clock: FakeClock
    maximum_calls: int = MAXIMUM_CALLS

    def close(self) -> None:
        """Turns the clock to the night."""
        self.clock.advance(timedelta(hours=12))


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    identity, files, clock = IdentityService(), Files(), FakeClock(NOON)
    behind, identity_port = identity_server(identity)
    await behind.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{identity_port}") as channel:
        upstream = Upstream("identity", channel, 5)
        front, port = policy_server(upstream, files, clock)
        await front.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as public:
            yield Gateway(
                public,
                SessionServiceStub(public),
                SecondFactorServiceStub(public),
                QuotientServiceStub(public),
                upstream,
                identity,
                files,
                clock,
            )
        await front.stop(None)
    await behind.stop(None)


def policy_server(upstream: Upstream, files: Files, clock: FakeClock) -> tuple[grpc.aio.Server, int]:
    """The policy service as it is composed, on a port."""
    hours = OpeningHours(clock, always_open=False)
    identity = IdentityClient(upstream, 5)
    admission = Admission(clock, hours, identity, files, budget_seconds=5)
    consultations = Consultations(clock, admission, files, files)
    factors = SecondFactors(hours, SecondFactorClient(upstream, 5))
    server = grpc.aio.server(
        interceptors=interceptors(ServerSettings(listen_address="unix:unused"), {}, face())
    )
    add_SessionServiceServicer_to_server(SessionHandler(Sessions(hours, identity)), server)
    add_SecondFactorServiceServicer_to_server(SecondFactorHandler(factors), server)
    add_QuotientServiceServicer_to_server(QuotientHandler(consultations), server)
    return server, server.add_insecure_port("127.0.0.1:0")
