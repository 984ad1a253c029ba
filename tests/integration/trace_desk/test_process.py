from __future__ import annotations  # the stubs are generic, the classes are not

import signal
import subprocess
from pathlib import Path

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from tests.integration.trace_desk.conftest import Shown
from tests.integration.trace_desk.running import (
    STOP_SECONDS,
    Sender,
    command,
    free_ports,
    running_desk,
    trace_id_of,
)
from tests.span_tree import indented, wait_for_trace


async def test_what_is_sent_over_otlp_is_told_as_a_tree(shown: Shown) -> None:
    trace = await wait_for_trace(shown.desk.url, shown.consultation, spans=4)
    assert indented(trace).splitlines() == [
        "edge: POST /v1/quotients:consult",
        "  gateway: ConsultQuotient",
        "    identity: Authenticate",
        "    quotient: Disclose",
    ]
    disclose = next(span for span in trace["spans"] if span["name"] == "Disclose")
    assert disclose["attributes"]["qf.batch.size"] == 3
    assert disclose["links"][0]["trace_id"] == shown.sign_in
    assert (disclose["status"], disclose["duration_ms"]) == ("error", 8.0)


async def test_a_span_that_is_awaited_may_come_later(shown: Shown) -> None:
    sender = Sender(shown.desk.otlp_endpoint)
    child = sender.span("gateway", "awaited", duration_ms=0.5, start_ms=-60_000)
    with pytest.raises(AssertionError, match=r"1 spans:\ngateway: awaited"):
        await wait_for_trace(shown.desk.url, trace_id_of(child), spans=2, seconds=0.3)
    sender.span("gateway", "second", parent=child, start_ms=-60_000, duration_ms=0.1)
    sender.close()
    trace = await wait_for_trace(
        shown.desk.url, trace_id_of(child), until=lambda trace: indented(trace).endswith("gateway: second")
    )
    assert trace["span_count"] == 2


async def test_the_api_filters(shown: Shown) -> None:
    async with httpx.AsyncClient(base_url=shown.desk.url, trust_env=False) as client:
        slow = (await client.get("/api/traces", params={"min_duration_ms": 100})).json()["traces"]
        failed = (await client.get("/api/traces", params={"error": "1", "service": "quotient"})).json()[
            "traces"
        ]
    assert [trace["trace_id"] for trace in slow] == [shown.sign_in]
    assert [trace["trace_id"] for trace in failed] == [shown.consultation]
    assert failed[0]["error_count"] == 2


async def test_bytes_that_are_no_message_disturb_nothing(shown: Shown) -> None:
    async with grpc.aio.insecure_channel(shown.desk.otlp_endpoint.removeprefix("http://")) as channel:
        export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
        )
        with pytest.raises(grpc.aio.AioRpcError):
            await export(b"\xff\xff no message")
        stub = TraceServiceStub(channel)  # type: ignore[no-untyped-call]  # generated without types
        reply = await stub.Export(ExportTraceServiceRequest())
    assert reply.partial_success.rejected_spans == 0


def test_sigterm_ends_it_in_good_order_even_while_a_browser_is_connected(tmp_path: Path) -> None:
    with running_desk(tmp_path) as desk, httpx.Client(base_url=desk.url, trust_env=False) as client:
        assert client.get("/").status_code == 200
        desk.process.send_signal(signal.SIGTERM)
        assert desk.process.wait(STOP_SECONDS) == 0
    assert '"server_stopped"' in desk.log.read_text()


def test_what_is_kept_is_bounded_by_the_settings(tmp_path: Path) -> None:
    with running_desk(tmp_path, "maximum_traces = 2\n") as desk:
        sender = Sender(desk.otlp_endpoint)
        sent = [trace_id_of(sender.span("edge", f"trace {number}", start_ms=number)) for number in range(3)]
        sender.close()
        kept = httpx.get(f"{desk.url}/api/traces", trust_env=False).json()["traces"]
    assert [trace["trace_id"] for trace in kept] == [sent[2], sent[1]]


@pytest.mark.parametrize("setting", ["otlp_address", "web_address"])
def test_a_busy_address_stops_the_start_and_is_named(shown: Shown, tmp_path: Path, setting: str) -> None:
    busy = {"otlp_address": shown.desk.otlp_endpoint, "web_address": shown.desk.url}[setting].removeprefix(
        "http://"
    )
    otlp_port, web_port = free_ports()
    free = {"otlp_address": f"127.0.0.1:{otlp_port}", "web_address": f"127.0.0.1:{web_port}"}
    addresses = {**free, setting: busy}
    config = tmp_path / "trace_desk.toml"
    config.write_text("".join(f'{key} = "{address}"\n' for key, address in addresses.items()))
    ended = subprocess.run(command(config), capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    remedy = f"trace_desk: cannot listen on {busy}: it is in use, or not an address of this machine\n"
    assert ended.stderr.endswith(remedy)


def test_it_refuses_to_listen_beyond_this_machine(tmp_path: Path) -> None:
    config = tmp_path / "trace_desk.toml"
    config.write_text('otlp_address = "0.0.0.0:4317"\nweb_address = "127.0.0.1:4998"\n')
    ended = subprocess.run(command(config), capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert "otlp_address: Value error, the trace desk has no authentication" in ended.stderr
