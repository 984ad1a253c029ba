"""The server's chain around a real call: mutual TLS over loopback, one small handler."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from msa.identity.v1 import session_service_pb2 as pb
from msa.identity.v1 import session_service_pb2_grpc as rpc
from services.kit.client import Upstream, UpstreamSettings, open_upstream
from services.kit.config import ConfigError, InternalServerSettings, ServerSettings, TlsSettings
from services.kit.errors import DependencyUnavailable, Reason
from services.kit.interceptors import (
    AllowListInterceptor,
    DeadlineInterceptor,
    ErrorInterceptor,
    LimitInterceptor,
    TracingInterceptor,
)
from services.kit.reading import ReadingInterceptor
from services.kit.server import AccessTable, Server, allowed_names, interceptors
from services.kit.status import INTERNAL_TEXT, PeerError, reason_in, reason_of, status_of
from tests.unit.kit.conftest import Authority
from tests.unit.kit.session_handler import SECRET, Handler

SERVICE = "msa.identity.v1.SessionService"
ACCESS: AccessTable = {
    f"/{SERVICE}/SignIn": frozenset({"gateway"}),
    f"/{SERVICE}/Authenticate": frozenset({"gateway"}),
    f"/{SERVICE}/SignOut": frozenset({"agent_tools"}),
}
CLIENTS = {"gateway": ("gateway.qf.internal",), "agent_tools": ("qf.qf.internal",)}


@dataclass
class Running:
    """A server that runs, and how to reach it."""

    address: str
    handler: Handler
    stop: asyncio.Event
    ended: "asyncio.Task[None]"

    @asynccontextmanager
    async def client(self, tls: TlsSettings, timeout_seconds: float = 2.0) -> AsyncIterator[Upstream]:
        settings = UpstreamSettings(
            address=self.address, server_name="identity.qf.internal", timeout_seconds=timeout_seconds
        )
        async with open_upstream("identity", settings, tls) as upstream:
            yield upstream


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@asynccontextmanager
async def running(tls: TlsSettings, **settings: Any) -> AsyncIterator[Running]:
    address = free_address()
    server = Server(
        InternalServerSettings(listen_address=address, tls=tls, clients=CLIENTS, **settings), ACCESS
    )
    handler, stop = Handler(), asyncio.Event()
    server.serve(rpc.add_SessionServiceServicer_to_server, handler, SERVICE)
    ended = asyncio.create_task(server.run_until(stop))
    try:
        yield Running(address, handler, stop, ended)
    finally:
        stop.set()
        await ended


@pytest.fixture(scope="session")
async def server_tls(authority: Authority) -> TlsSettings:
    return authority.issue("identity.qf.internal")


@pytest.fixture(scope="session")
async def gateway_tls(authority: Authority) -> TlsSettings:
    return authority.issue("gateway.qf.internal")


@pytest.fixture(scope="session")
async def server(server_tls: TlsSettings) -> AsyncIterator[Running]:
    async with running(server_tls, default_deadline_seconds=0.4) as started:
        yield started


@pytest.fixture
async def gateway(server: Running, gateway_tls: TlsSettings) -> AsyncIterator[Upstream]:
    server.handler.calls.clear()
    async with server.client(gateway_tls) as upstream:
        await upstream.channel.channel_ready()
        yield upstream


def trace_ids(spans: InMemorySpanExporter) -> set[int]:
    contexts = [span.get_span_context() for span in spans.get_finished_spans()]
    return {context.trace_id for context in contexts if context is not None}


async def ended_spans(spans: InMemorySpanExporter) -> tuple[ReadableSpan, ...]:
    """A call that fails is answered a moment before its span ends."""
    for _ in range(200):
        if ended := spans.get_finished_spans():
            return ended
        await asyncio.sleep(0.01)
    pytest.fail("no span ended")


async def error_of(gateway: Upstream, login: str) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await rpc.SessionServiceStub(gateway.channel).SignIn(pb.SignInRequest(login=login))
    return error.value


async def test_a_listed_client_is_served(gateway: Upstream) -> None:
    response = await rpc.SessionServiceStub(gateway.channel).SignIn(pb.SignInRequest(login="x"))
    assert response.session_token == "token"


@pytest.mark.parametrize(
    ("login", "code", "reason", "details"),
    [
        ("invalid", grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_FIELD, ["ErrorInfo", "BadRequest"]),
        ("absent", grpc.StatusCode.NOT_FOUND, Reason.RECORD_NOT_FOUND, ["ErrorInfo"]),
        ("away", grpc.StatusCode.UNAVAILABLE, Reason.DEPENDENCY_UNAVAILABLE, ["ErrorInfo", "RetryInfo"]),
        ("defect", grpc.StatusCode.INTERNAL, Reason.INTERNAL, ["ErrorInfo"]),
        ("slow", grpc.StatusCode.DEADLINE_EXCEEDED, Reason.DEADLINE_EXCEEDED, ["ErrorInfo"]),
    ],
)
async def test_an_error_travels_as_one_status(
    gateway: Upstream, login: str, code: grpc.StatusCode, reason: Reason, details: list[str]
) -> None:
    error = await error_of(gateway, login)
    told = [detail.TypeName().removeprefix("google.rpc.") for detail in status_of(error).details]
    assert (error.code(), reason_of(error), told) == (code, reason, details)


async def test_the_text_of_an_unforeseen_error_goes_nowhere(
    gateway: Upstream, spans: InMemorySpanExporter
) -> None:
    with capture_logs() as logs:
        error = await error_of(gateway, "defect")
    assert error.details() == INTERNAL_TEXT
    assert SECRET not in f"{error.trailing_metadata()}{error.debug_error_string()}"
    assert SECRET not in str(logs)
    assert SECRET not in "".join(span.to_json() for span in spans.get_finished_spans())
    (line,) = [line for line in logs if line["event"] == "call_failed"]
    assert line["error_type"] == "LookupError"
    assert line["location"].endswith(" SignIn")


async def test_a_client_that_is_not_on_the_methods_list_is_refused(
    server: Running, gateway: Upstream
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await rpc.SessionServiceStub(gateway.channel).SignOut(pb.SignOutRequest())
    assert reason_of(refusal.value) is Reason.CLIENT_NOT_ALLOWED
    assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert server.handler.calls == []


async def test_a_method_without_a_list_admits_nobody(server: Running, gateway: Upstream) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await rpc.SessionServiceStub(gateway.channel).GetSession(pb.GetSessionRequest())
    assert reason_of(refusal.value) is Reason.CLIENT_NOT_ALLOWED
    assert server.handler.calls == []


async def test_a_client_that_shows_no_certificate_is_not_heard(server: Running, authority: Authority) -> None:
    credentials = grpc.ssl_channel_credentials(root_certificates=authority.file.read_bytes())
    options = (("grpc.ssl_target_name_override", "identity.qf.internal"),)
    async with grpc.aio.secure_channel(server.address, credentials, options) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await rpc.SessionServiceStub(channel).SignIn(pb.SignInRequest(), timeout=2)
    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_client_of_another_authority_is_not_heard(
    server: Running, authority: Authority, other_authority: Authority
) -> None:
    forged = other_authority.issue("gateway.qf.internal").model_copy(update={"ca_file": authority.file})
    async with server.client(forged) as upstream:
        stub = rpc.SessionServiceStub(upstream.channel)
        with pytest.raises(DependencyUnavailable):
            await upstream.call(f"{SERVICE}/SignIn", stub.SignIn, pb.SignInRequest())


async def test_a_server_with_another_name_is_not_trusted(server: Running, gateway_tls: TlsSettings) -> None:
    settings = UpstreamSettings(address=server.address, server_name="partners.qf.internal")
    async with open_upstream("partners", settings, gateway_tls) as upstream:
        stub = rpc.SessionServiceStub(upstream.channel)
        with pytest.raises(DependencyUnavailable):
            await upstream.call(f"{SERVICE}/SignIn", stub.SignIn, pb.SignInRequest())


async def test_the_callers_deadline_is_kept_when_it_is_shorter(server: Running, gateway: Upstream) -> None:
    stub = rpc.SessionServiceStub(gateway.channel)
    await stub.SignIn(pb.SignInRequest(), timeout=0.1)
    assert server.handler.remaining_seconds is not None
    assert 0 < server.handler.remaining_seconds < 0.2
    await stub.SignIn(pb.SignInRequest(), timeout=60)
    assert 0.2 < server.handler.remaining_seconds <= 0.4
    await stub.SignIn(pb.SignInRequest())
    assert 0.2 < server.handler.remaining_seconds <= 0.4


async def test_a_call_is_one_span_in_its_callers_trace(
    gateway: Upstream, spans: InMemorySpanExporter
) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    metadata = (("traceparent", f"00-{trace_id}-00f067aa0ba902b7-01"),)
    await rpc.SessionServiceStub(gateway.channel).SignIn(pb.SignInRequest(), metadata=metadata)
    (span,) = spans.get_finished_spans()
    assert trace_ids(spans) == {int(trace_id, 16)}
    assert (span.name, dict(span.attributes or {})) == (
        f"{SERVICE}/SignIn",
        {"rpc.system": "grpc", "rpc.service": SERVICE, "rpc.method": "SignIn", "rpc.grpc.status_code": 0},
    )


async def test_a_refused_client_leaves_a_failed_span(gateway: Upstream, spans: InMemorySpanExporter) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await rpc.SessionServiceStub(gateway.channel).SignOut(pb.SignOutRequest())
    (span,) = await ended_spans(spans)
    attributes = dict(span.attributes or {})
    assert attributes["error.type"] == "CLIENT_NOT_ALLOWED"
    assert attributes["rpc.grpc.status_code"] == grpc.StatusCode.PERMISSION_DENIED.value[0]


async def test_a_batch_is_one_span_in_the_trace_of_each_item(
    gateway: Upstream, spans: InMemorySpanExporter
) -> None:
    items = [
        pb.AuthenticateItem(traceparent=f"00-{number:032x}-00f067aa0ba902b7-01") for number in range(1, 4)
    ]
    await rpc.SessionServiceStub(gateway.channel).Authenticate(pb.AuthenticateRequest(items=items))
    found = spans.get_finished_spans()
    assert trace_ids(spans) == {1, 2, 3}
    assert [dict(span.attributes or {})["qf.batch.size"] for span in found] == [3, 3, 3]


async def test_the_callers_refusal_comes_back_as_a_peers(gateway: Upstream) -> None:
    stub = rpc.SessionServiceStub(gateway.channel)
    with pytest.raises(PeerError) as refusal:
        await gateway.call(f"{SERVICE}/SignIn", stub.SignIn, pb.SignInRequest(login="invalid"))
    bad_request = error_details_pb2.BadRequest()
    assert reason_in(refusal.value.status) is Reason.INVALID_FIELD
    assert refusal.value.status.details[1].Unpack(bad_request)
    assert bad_request.field_violations[0].field == "login"


@pytest.mark.parametrize("login", ["away", "slow"])
async def test_a_service_that_cannot_answer_is_unavailable(gateway: Upstream, login: str) -> None:
    stub = rpc.SessionServiceStub(gateway.channel)
    with pytest.raises(DependencyUnavailable):
        await gateway.call(f"{SERVICE}/SignIn", stub.SignIn, pb.SignInRequest(login=login))


async def test_a_service_that_is_away_is_unavailable_within_two_seconds(gateway_tls: TlsSettings) -> None:
    settings = UpstreamSettings(address=free_address(), server_name="identity.qf.internal")
    async with open_upstream("identity", settings, gateway_tls) as upstream:
        stub = rpc.SessionServiceStub(upstream.channel)
        start = time.monotonic()
        with pytest.raises(DependencyUnavailable):
            await upstream.call(f"{SERVICE}/SignIn", stub.SignIn, pb.SignInRequest())
    assert time.monotonic() - start < 2


async def test_a_service_that_is_back_is_used_again(
    server_tls: TlsSettings, gateway_tls: TlsSettings
) -> None:
    async with running(server_tls) as first, first.client(gateway_tls) as upstream:
        stub = rpc.SessionServiceStub(upstream.channel)
        await upstream.call(f"{SERVICE}/SignIn", stub.SignIn, pb.SignInRequest())
        first.stop.set()
        await first.ended
        with pytest.raises(DependencyUnavailable):
            await upstream.call(f"{SERVICE}/SignIn", stub.SignIn, pb.SignInRequest())
        settings = InternalServerSettings(listen_address=first.address, tls=server_tls, clients=CLIENTS)
        second, stop = Server(settings, ACCESS), asyncio.Event()
        second.serve(rpc.add_SessionServiceServicer_to_server, Handler(), SERVICE)
        ended = asyncio.create_task(second.run_until(stop))
        await asyncio.sleep(0.7)  # longer than the longest pause between attempts to connect
        response = await upstream.call(f"{SERVICE}/SignIn", stub.SignIn, pb.SignInRequest())
        stop.set()
        await ended
    assert response.session_token == "token"


async def test_every_listed_client_may_ask_for_health(gateway: Upstream) -> None:
    stub: Any = health_pb2_grpc.HealthStub(gateway.channel)
    for name in ("", SERVICE):
        response = await stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert response.status == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_is_off_unless_set(
    gateway: Upstream, server_tls: TlsSettings, gateway_tls: TlsSettings
) -> None:
    async def services(upstream: Upstream) -> list[str]:
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        # Its types know the synchronous channel only.
        new_stub: Any = reflection_pb2_grpc.ServerReflectionStub
        call = new_stub(upstream.channel).ServerReflectionInfo(iter([request]))
        return [found.name async for reply in call for found in reply.list_services_response.service]

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await services(gateway)
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED
    async with (
        running(server_tls, reflection=True) as open_server,
        open_server.client(gateway_tls) as upstream,
    ):
        await upstream.channel.channel_ready()
        assert SERVICE in await services(upstream)


async def test_a_stop_lets_the_calls_in_flight_end(server_tls: TlsSettings, gateway_tls: TlsSettings) -> None:
    async with running(server_tls) as server, server.client(gateway_tls) as upstream:
        await upstream.channel.channel_ready()
        stub = rpc.SessionServiceStub(upstream.channel)
        call = asyncio.ensure_future(
            upstream.call(f"{SERVICE}/SignIn", stub.SignIn, pb.SignInRequest(login="slow"))
        )
        await server.handler.called.wait()
        server.stop.set()
        assert (await call).session_token == "token"
        await server.ended


async def test_resources_are_closed_after_the_last_call_last_opened_first(server_tls: TlsSettings) -> None:
    closed: list[str] = []

    @asynccontextmanager
    async def resource(name: str) -> AsyncIterator[None]:
        yield
        closed.append(name)

    server = Server(
        InternalServerSettings(listen_address=free_address(), tls=server_tls, clients=CLIENTS), ACCESS
    )
    await server.enter(resource("first"))
    await server.enter(resource("second"))
    stop = asyncio.Event()
    stop.set()
    await server.run_until(stop)
    assert closed == ["second", "first"]


async def test_a_busy_port_is_told(server: Running, server_tls: TlsSettings) -> None:
    second = Server(
        InternalServerSettings(listen_address=server.address, tls=server_tls, clients=CLIENTS), ACCESS
    )
    with pytest.raises(ConfigError, match=f"cannot listen on {server.address}"):
        await second.run_until(asyncio.Event())


async def test_a_full_server_says_so_and_tells_its_health_all_the_same(
    server_tls: TlsSettings, gateway_tls: TlsSettings
) -> None:
    async with running(server_tls, maximum_concurrent_rpcs=1) as full, full.client(gateway_tls) as upstream:
        await upstream.channel.channel_ready()
        stub = rpc.SessionServiceStub(upstream.channel)
        busy = asyncio.ensure_future(stub.SignIn(pb.SignInRequest(login="slow")))
        await full.handler.called.wait()
        with pytest.raises(DependencyUnavailable):
            await upstream.call("x/SignIn", stub.SignIn, pb.SignInRequest())
        health: Any = health_pb2_grpc.HealthStub(upstream.channel)
        answer = await health.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        await busy
        await upstream.call("x/SignIn", stub.SignIn, pb.SignInRequest())


async def test_without_tls_a_server_listens_on_a_unix_socket_only(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unix: socket only"):
        await Server(ServerSettings(listen_address="127.0.0.1:0"), {}).run_until(asyncio.Event())
    stop = asyncio.Event()
    stop.set()
    await Server(ServerSettings(listen_address=f"unix:{tmp_path}/s"), {}).run_until(stop)


def test_the_chain_is_tracing_errors_limit_allow_list_deadline_reading(server_tls: TlsSettings) -> None:
    internal = InternalServerSettings(listen_address="127.0.0.1:1", tls=server_tls, clients=CLIENTS)
    behind_the_edge = ServerSettings(listen_address="unix:/run/gateway.sock")
    assert [type(one) for one in interceptors(internal, ACCESS)] == [
        TracingInterceptor,
        ErrorInterceptor,
        LimitInterceptor,
        AllowListInterceptor,
        DeadlineInterceptor,
        ReadingInterceptor,
    ]
    assert [type(one) for one in interceptors(behind_the_edge, {})] == [
        TracingInterceptor,
        ErrorInterceptor,
        LimitInterceptor,
        DeadlineInterceptor,
        ReadingInterceptor,
    ]


def test_a_role_without_a_method_stops_the_start(server_tls: TlsSettings) -> None:
    settings = InternalServerSettings(
        listen_address="127.0.0.1:1", tls=server_tls, clients={"gatewya": ("gateway.qf.internal",)}
    )
    with pytest.raises(ConfigError, match="gatewya"):
        allowed_names(settings, ACCESS)


def test_a_role_that_nobody_has_admits_nobody(server_tls: TlsSettings) -> None:
    settings = InternalServerSettings(
        listen_address="127.0.0.1:1", tls=server_tls, clients={"gateway": ("gateway.qf.internal",)}
    )
    names = allowed_names(settings, ACCESS)
    assert names[f"/{SERVICE}/SignOut"] == frozenset()
    assert names[f"/{SERVICE}/SignIn"] == {"gateway.qf.internal"}
    assert names["/grpc.health.v1.Health/Check"] == {"gateway.qf.internal"}
