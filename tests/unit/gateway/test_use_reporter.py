"""The gateway tells identity how accounts are used: beside the consultations, and nothing is lost while it runs."""

# ruff: noqa: N802 - the protos name the methods

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from gateway.use import reporter as reporter_module
from gateway.use.reporter import UseReporter
from msa.identity.v1 import use_service_pb2 as pb
from msa.identity.v1.use_service_pb2_grpc import UseServiceServicer, add_UseServiceServicer_to_server
from services.kit.client import Upstream
from services.kit.errors import Reason
from services.kit.interceptors import abort
from services.kit.status import new_status
from services.kit.telemetry import server_span

NETWORK = "198.51.100.0/24"
FIRST, LAST = "4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c"


class UseService(UseServiceServicer):
    """An identity that adds up what it is told, or is away, or refuses."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.consultations: Counter[tuple[str, str]] = Counter()
        self.not_found: Counter[tuple[str, str]] = Counter()
        self.traces: dict[tuple[str, str], str] = {}
        self.refusal: Reason | None = None
        self.delay_seconds = 0.0
        self.called = asyncio.Event()

    async def RecordUse(self, request: pb.RecordUseRequest, context: Any) -> pb.RecordUseResponse:
        """Adds up."""
        self.called.set()
        await asyncio.sleep(self.delay_seconds)
        if self.refusal is not None:
            await abort(context, new_status(self.refusal, "as told"))
        self.batches.append(len(request.counts))
        for count in request.counts:
            key = (count.account_id, count.network_prefix)
            self.consultations[key] += count.consultation_count
            self.not_found[key] += count.not_found_count
            self.traces[key] = count.trace_id
        return pb.RecordUseResponse()

    async def ListUnusualUses(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    async def LiftUseSuspension(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    async def GetUsePolicy(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    async def SetUsePolicy(self, request: Any, context: Any) -> Any:
        raise NotImplementedError


@pytest.fixture
async def identity() -> UseService:
    return UseService()


@pytest.fixture
async def reporter(identity: UseService) -> AsyncIterator[UseReporter]:
    server = grpc.aio.server()
    add_UseServiceServicer_to_server(identity, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield UseReporter(Upstream("identity", channel, 1.0))
    await server.stop(None)


async def test_consultations_are_added_up_by_account_and_network(
    identity: UseService, reporter: UseReporter
) -> None:
    for number in range(10):
        reporter.note("a", NETWORK, not_found=number % 5 == 0)
    reporter.note("a", "", not_found=False)
    reporter.note("b", NETWORK, not_found=True)
    await reporter.send()
    assert identity.batches == [3]
    assert identity.consultations == {("a", NETWORK): 10, ("a", ""): 1, ("b", NETWORK): 1}
    assert identity.not_found == {("a", NETWORK): 2, ("a", ""): 0, ("b", NETWORK): 1}


async def test_what_was_told_is_told_once_and_nothing_is_told_of_nothing(
    identity: UseService, reporter: UseReporter
) -> None:
    reporter.note("a", NETWORK, not_found=False)
    await reporter.send()
    await reporter.send()
    assert identity.consultations == {("a", NETWORK): 1}
    assert identity.batches == [1]


async def test_at_most_100_counts_travel_at_once(identity: UseService, reporter: UseReporter) -> None:
    for number in range(230):
        reporter.note(f"account-{number}", NETWORK, not_found=False)
    await reporter.send()
    assert identity.batches == [100, 100, 30]
    assert identity.consultations.total() == 230


@pytest.mark.parametrize("reason", [Reason.DEPENDENCY_UNAVAILABLE, Reason.INTERNAL])
async def test_what_identity_could_not_take_is_kept_and_told_later(
    identity: UseService, reporter: UseReporter, reason: Reason
) -> None:
    identity.refusal = reason
    with capture_logs() as lines:
        for _ in range(3):
            reporter.note("a", NETWORK, not_found=True)
            await reporter.send()
        identity.refusal = None
        await reporter.send()
    assert identity.consultations == {("a", NETWORK): 3}
    assert identity.not_found == {("a", NETWORK): 3}
    told = [line["event"] for line in lines if line["event"].startswith("use_report")]
    assert told == ["use_report_behind", "use_report_caught_up"]


async def test_what_identity_refuses_as_wrong_is_logged_and_holds_nothing_up(
    identity: UseService, reporter: UseReporter
) -> None:
    identity.refusal = Reason.INVALID_FIELD
    reporter.note("a", NETWORK, not_found=False)
    with capture_logs() as lines:
        await reporter.send()
    identity.refusal = None
    reporter.note("b", NETWORK, not_found=False)
    await reporter.send()
    assert identity.consultations == {("b", NETWORK): 1}
    assert {"event": "use_report_refused", "log_level": "error", "consultations": 1} in lines


def note_within(reporter: UseReporter, trace_id: str, network: str = NETWORK) -> None:
    """A consultation of the trace that the edge began."""
    with server_span("ConsultQuotient", [f"00-{trace_id}-00f067aa0ba902b7-01"], {}):
        reporter.note("a", network, not_found=True)


async def test_a_count_is_led_back_to_its_last_call(identity: UseService, reporter: UseReporter) -> None:
    for trace_id in (FIRST, LAST):
        note_within(reporter, trace_id)
    note_within(reporter, FIRST, "")
    reporter.note("b", NETWORK, not_found=False)
    await reporter.send()
    assert identity.traces == {("a", NETWORK): LAST, ("a", ""): FIRST, ("b", NETWORK): ""}


async def test_what_was_noted_since_is_the_last_call_of_what_is_told_again(
    identity: UseService, reporter: UseReporter
) -> None:
    identity.refusal = Reason.DEPENDENCY_UNAVAILABLE
    identity.delay_seconds = 0.1
    for network in (NETWORK, ""):
        note_within(reporter, FIRST, network)
    sending = asyncio.ensure_future(reporter.send())
    await identity.called.wait()
    note_within(reporter, LAST)
    await sending
    identity.refusal = None
    await reporter.send()
    assert identity.traces == {("a", NETWORK): LAST, ("a", ""): FIRST}
    assert identity.consultations.total() == 3


async def test_it_reports_by_itself_and_a_last_time_at_the_end(
    identity: UseService, reporter: UseReporter
) -> None:
    async with reporter.reporting(every_seconds=0.02):
        reporter.note("a", NETWORK, not_found=False)
        await asyncio.wait_for(identity.called.wait(), 5)
    async with reporter.reporting(every_seconds=60):
        await asyncio.sleep(0.05)
        reporter.note("a", NETWORK, not_found=False)
    # The first may have been cut short when the block ended, and told again.
    assert identity.consultations.total() >= 2


async def test_what_is_under_way_at_the_end_is_not_lost(identity: UseService, reporter: UseReporter) -> None:
    identity.delay_seconds = 0.2
    reporter.note("a", NETWORK, not_found=False)
    async with reporter.reporting(every_seconds=60):
        await asyncio.sleep(0.05)
    assert identity.consultations.total() >= 1


async def test_what_is_lost_at_the_end_is_said(identity: UseService, reporter: UseReporter) -> None:
    identity.refusal = Reason.DEPENDENCY_UNAVAILABLE
    with capture_logs() as lines:
        async with reporter.reporting(every_seconds=60):
            reporter.note("a", NETWORK, not_found=False)
            reporter.note("b", NETWORK, not_found=False)
    assert {"event": "use_not_reported", "log_level": "error", "consultations": 2} in lines


async def test_memory_is_bounded_and_no_consultation_is_forgotten(
    identity: UseService, reporter: UseReporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter_module, "MAXIMUM_KEYS", 10)
    for number in range(1000):
        reporter.note("a", f"network-{number}", not_found=False)
    await reporter.send()
    assert sum(identity.batches) == 11
    assert identity.consultations.total() == 1000


async def test_noting_waits_for_nothing(identity: UseService, reporter: UseReporter) -> None:
    identity.delay_seconds = 0.5
    reporter.note("a", NETWORK, not_found=False)
    sending: Awaitable[None] = asyncio.ensure_future(reporter.send())
    await asyncio.sleep(0.05)
    begun = asyncio.get_running_loop().time()
    for _ in range(1000):
        reporter.note("a", NETWORK, not_found=False)
    assert asyncio.get_running_loop().time() - begun < 0.1
    await sending
    await reporter.send()
    assert identity.consultations.total() == 1001
