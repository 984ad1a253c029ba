"""gRPC channels to the internal services: mutual TLS, whoever calls; and the agent who acts (art. 4-1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from deploy.local.certificates import ca_file, certificate_file, private_key_file
from deploy.local.configuration import server_name, service_address
from deploy.local.layout import Layout
from deploy.local.people import AGENT_NAME
from deploy.local.settings import Ports
from services.kit.acting_agent import AGENT_METADATA


def internal_channel(
    layout: Layout, ports: Ports, service: str, client: str | None = "qf"
) -> grpc.aio.Channel:
    """A channel to `service` that shows the certificate of `client`, or none; close it after use.

    As `qf`, an internal system, its calls name the demo's agent, unless a call names another one (`acting_as`).
    """
    own = client and (
        private_key_file(layout, client).read_bytes(),
        certificate_file(layout, client).read_bytes(),
    )
    return grpc.aio.secure_channel(
        service_address(ports, service),
        grpc.ssl_channel_credentials(ca_file(layout).read_bytes(), *(own or ())),
        options=[
            ("grpc.ssl_target_name_override", server_name(service)),
            ("grpc.enable_http_proxy", 0),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 500),
        ],
        interceptors=[_NamesAgent()] if client == "qf" else None,
    )


def acting_as(agent_name: str) -> tuple[tuple[str, str], ...]:
    """The metadata of a call that this agent makes; an empty name stands for none."""
    return ((AGENT_METADATA, agent_name),)


class _NamesAgent(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc, unused-ignore]  # Any in some stubs
    """Names the agent in each call that does not."""

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[Any]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        """Passes the call on, with the agent's name in its metadata."""
        given = tuple(client_call_details.metadata or ())
        named = () if any(key == AGENT_METADATA for key, _ in given) else acting_as(AGENT_NAME)
        details = grpc.aio.ClientCallDetails(
            client_call_details.method,
            client_call_details.timeout,
            grpc.aio.Metadata(*given, *named),
            client_call_details.credentials,
            client_call_details.wait_for_ready,
        )
        return await continuation(details, request)
