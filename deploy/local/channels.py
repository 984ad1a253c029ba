"""gRPC channels to the internal services: mutual TLS, whoever calls."""

import grpc

from deploy.local.certificates import ca_file, certificate_file, private_key_file
from deploy.local.configuration import server_name, service_address
from deploy.local.layout import Layout
from deploy.local.settings import Ports


def internal_channel(
    layout: Layout, ports: Ports, service: str, client: str | None = "qf"
) -> grpc.aio.Channel:
    """A channel to `service` that shows the certificate of `client`, or none; close it after use."""
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
    )
