"""An OTLP receiver that keeps the spans it is sent."""

import asyncio
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps what arrives, with the name of the service that sent it."""

    def __init__(self) -> None:
        self.resources: list[Any] = []

    async def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name that the protocol gives it
        self.resources.extend(request.resource_spans)
        return trace_service_pb2.ExportTraceServiceResponse()

    def spans(self, trace_id: str) -> list[Any]:
        every = (span for r in self.resources for scope in r.scope_spans for span in scope.spans)
        return [span for span in every if span.trace_id.hex() == trace_id]

    async def wait_for_span(self, trace_id: str) -> Any:
        async with asyncio.timeout(5):
            while True:
                if spans := self.spans(trace_id):
                    return spans[0]
                await asyncio.sleep(0.05)


async def start_collector(collector: Collector) -> tuple[grpc.aio.Server, int]:
    server = grpc.aio.server()
    add_to_server: Any = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
    add_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port
