"""The process: an OTLP server and a web server over one store, in one event loop."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import grpc
import structlog
import uvicorn
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc

from deploy.trace_desk.receiver import TraceReceiver
from deploy.trace_desk.settings import TraceDeskSettings, parse_address
from deploy.trace_desk.store import TraceStore
from deploy.trace_desk.web import web_app
from services.kit.config import ConfigError

MAXIMUM_REQUEST_BYTES = 16 * 1024 * 1024
STOP_SECONDS = 2

_log = structlog.get_logger()


async def serve(settings: TraceDeskSettings) -> None:
    """Serves until SIGTERM or Ctrl-C, then answers what is under way and ends.

    Raises:
        ConfigError: an address is in use or not of this machine.
    """
    store = TraceStore(
        maximum_traces=settings.maximum_traces,
        maximum_spans=settings.maximum_spans,
        maximum_spans_per_trace=settings.maximum_spans_per_trace,
    )
    listener = _listener(settings.web_address)
    otlp = _otlp_server(settings.otlp_address, store)
    web = _WebServer(
        uvicorn.Config(
            web_app(store, settings.web_address.rpartition(":")[0]),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, web.stop)
    await otlp.start()
    _log.info("server_started", otlp_address=settings.otlp_address, web_address=settings.web_address)
    await web.serve(sockets=[listener])
    await otlp.stop(STOP_SECONDS)
    _log.info("server_stopped")


class _WebServer(uvicorn.Server):
    """Leaves the signals to the process, which has more than this to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True


def _otlp_server(address: str, store: TraceStore) -> grpc.aio.Server:
    server = grpc.aio.server(
        maximum_concurrent_rpcs=256,
        # Two processes never share a port unnoticed.
        options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", MAXIMUM_REQUEST_BYTES)],
    )
    add_to_server = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
    add_to_server(TraceReceiver(store), server)  # type: ignore[no-untyped-call]  # generated without types
    try:
        server.add_insecure_port(address)
    except RuntimeError:
        raise _cannot_listen(address) from None
    return server


def _listener(address: str) -> socket.socket:
    host, port = parse_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError:
        raise _cannot_listen(address) from None


def _cannot_listen(address: str) -> ConfigError:
    return ConfigError(f"cannot listen on {address}: it is in use, or not an address of this machine")
