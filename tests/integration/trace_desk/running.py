"""A real trace desk in a process of its own, and traces sent to it as the services send theirs."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, set_span_in_context

START_SECONDS = 20
STOP_SECONDS = 10
MS = 10**6
# 2026-11-23 19:00:00 UTC
EPOCH = 1_795_460_400 * 10**9


@dataclass(frozen=True)
class Desk:
    """Where it is."""

    otlp_endpoint: str
    url: str
    process: subprocess.Popen[bytes]
    log: Path


class Sender:
    """Sends spans at given times in the name of several services; each arrives before the call returns."""

    def __init__(self, otlp_endpoint: str) -> None:
        self._endpoint = otlp_endpoint
        self._providers: dict[str, TracerProvider] = {}

    def span(
        self,
        service: str,
        name: str,
        *,
        parent: Span | None = None,
        start_ms: float = 0,
        duration_ms: float = 1,
        error: bool = False,
        link: Span | None = None,
        attributes: Mapping[str, str | int] | None = None,
    ) -> Span:
        start = EPOCH + round(start_ms * MS)
        sent = (
            self._provider(service)
            .get_tracer("tests")
            .start_span(
                name,
                context=set_span_in_context(parent) if parent else None,
                kind=SpanKind.SERVER,
                attributes=dict(attributes or {}),
                links=[Link(link.get_span_context())] if link else None,
                start_time=start,
            )
        )
        if error:
            sent.set_status(Status(StatusCode.ERROR))
        sent.end(start + round(duration_ms * MS))
        return sent

    def close(self) -> None:
        for provider in self._providers.values():
            provider.shutdown()

    def _provider(self, service: str) -> TracerProvider:
        if service not in self._providers:
            provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
            exporter = OTLPSpanExporter(endpoint=self._endpoint, insecure=True, timeout=5)
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            self._providers[service] = provider
        return self._providers[service]


def trace_id_of(span: Span) -> str:
    return f"{span.get_span_context().trace_id:032x}"


@contextmanager
def running_desk(folder: Path, more_settings: str = "") -> Iterator[Desk]:
    otlp_port, web_port = free_ports()
    config = folder / "trace_desk.toml"
    config.write_text(
        f'otlp_address = "127.0.0.1:{otlp_port}"\nweb_address = "127.0.0.1:{web_port}"\n{more_settings}'
    )
    log = folder / "trace_desk.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command(config), stdout=output, stderr=subprocess.STDOUT)
    desk = Desk(f"http://127.0.0.1:{otlp_port}", f"http://127.0.0.1:{web_port}", process, log)
    try:
        _wait_until_it_answers(desk)
        yield desk
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)


def command(config: Path) -> list[str]:
    return [sys.executable, "-m", "deploy.trace_desk", "--config", str(config)]


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def _wait_until_it_answers(desk: Desk) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and desk.process.poll() is None:
        try:
            if httpx.get(desk.url, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"The trace desk does not start:\n{desk.log.read_text()}")
