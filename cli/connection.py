"""The services that `qf` calls: its configuration, one mutual-TLS channel each, a deadline on every call."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeVar

import grpc
from pydantic import Field

from cli.errors import CommandFailed, UsageFailed, refused_call
from services.kit import telemetry
from services.kit.acting_agent import AGENT_METADATA
from services.kit.config import ConfigError, Section, TelemetrySettings, TlsSettings, load
from services.kit.tls import channel_credentials

Request = TypeVar("Request")
Response = TypeVar("Response")
Answer_co = TypeVar("Answer_co", covariant=True)

ENV_PREFIX = "QF_CLI_"
AGENT_NAME = r"[a-z0-9.-]{1,100}"
# By this metadata an internal system names the agent of the caisse who acts (art. 4-1).
Metadata = tuple[tuple[str, str], ...]


class ServiceSettings(Section):
    """Where a service listens and the name its certificate must carry."""

    address: str
    server_name: str
    timeout_seconds: float = Field(default=10, gt=0)


class ServicesSettings(Section):
    """The three services."""

    identity: ServiceSettings
    partners: ServiceSettings
    quotient: ServiceSettings


class AgentSettings(Section):
    """The agent of the caisse in whose name `qf` acts (art. 4-1), as his director habilitated him."""

    name: str = Field(pattern=f"^{AGENT_NAME}$")


class LettersSettings(Section):
    """What the letters of a caisse say of it; what is left out is a dotted line on them."""

    address: tuple[str, ...] = ()
    city: str = ""
    director_name: str = ""
    director_function: str = ""
    contact: str = ""


class QfSettings(Section):
    """What `qf` needs to know: its certificate, the services, the agent who acts, and where its spans go."""

    tls: TlsSettings
    services: ServicesSettings
    agent: AgentSettings | None = None
    telemetry: TelemetrySettings = TelemetrySettings()
    # By code of the caisse.
    letters: Mapping[str, LettersSettings] = {}


def load_settings(path: Path) -> QfSettings:
    """The configuration in `path`. Raises UsageFailed naming the key or the file."""
    if not path.is_file():
        raise UsageFailed(
            f"There is no configuration {path}.",
            "Start the local stack (`make up`), or name a file with --config or QF_CONFIG.",
        )
    try:
        return load(QfSettings, path, ENV_PREFIX)
    except ConfigError as error:
        raise _unusable(error) from None


class Answers(Protocol[Answer_co]):
    """The answers of a stream, as they come."""

    def __next__(self) -> Answer_co:
        """Waits for the next one."""
        ...

    def cancel(self) -> bool:
        """Ends the stream; who waits for an answer gets an error."""
        ...


class Service:
    """One service, reached over one channel."""

    def __init__(
        self, name: str, settings: ServiceSettings, channel: grpc.Channel, metadata: Metadata = ()
    ) -> None:
        self.name = name
        self.address = settings.address
        self.channel = channel
        self._timeout_seconds = settings.timeout_seconds
        self._metadata = metadata

    def call(self, method: grpc.UnaryUnaryMultiCallable[Request, Response], request: Request) -> Response:
        """Calls `method`. Raises CommandFailed that says what the service said."""
        try:
            return method(request, timeout=self._timeout_seconds, metadata=_traceparent() + self._metadata)
        except grpc.RpcError as error:
            raise self.explained(error) from None

    def stream(
        self, method: grpc.StreamStreamMultiCallable[Request, Response], requests: Iterator[Request]
    ) -> Answers[Response]:
        """Opens a stream. It has no deadline as a whole; its reader bounds each wait."""
        return method(requests, metadata=_traceparent() + self._metadata)

    def watch(
        self, method: grpc.UnaryStreamMultiCallable[Request, Response], request: Request
    ) -> Answers[Response]:
        """Asks once and is told again and again. It has no deadline: keepalive finds a service that is gone."""
        return method(request, metadata=_traceparent() + self._metadata)

    def explained(self, error: grpc.RpcError) -> CommandFailed:
        """What `error` means to the person at the keyboard."""
        telemetry.fail(error.code().name)
        trace_id = telemetry.trace_id_of(telemetry.current_traceparent())
        return refused_call(error, self.name, self.address, trace_id)


class Services:
    """The services of one command; a channel is opened when it is first used."""

    def __init__(self, settings: QfSettings, agent: str | None, resources: ExitStack) -> None:
        self._settings = settings
        self._agent = agent
        self._resources = resources

    @cached_property
    def identity(self) -> Service:
        """Accounts and sessions."""
        return self._open("identity", self._settings.services.identity)

    @cached_property
    def partners(self) -> Service:
        """Caisses, partners, conventions, habilitations: called in the name of the agent."""
        metadata = ((AGENT_METADATA, self._agent),) if self._agent else ()
        return self._open("partners", self._settings.services.partners, metadata)

    @cached_property
    def quotient(self) -> Service:
        """Dossiers, oppositions, the journal."""
        return self._open("quotient", self._settings.services.quotient)

    def _open(self, name: str, settings: ServiceSettings, metadata: Metadata = ()) -> Service:
        try:
            credentials = channel_credentials(self._settings.tls)
        except ConfigError as error:
            raise _unusable(error) from None
        options: tuple[tuple[str, str | int], ...] = (
            ("grpc.ssl_target_name_override", settings.server_name),
            # Internal services are reached directly, whatever the shell's http_proxy says.
            ("grpc.enable_http_proxy", 0),
            ("grpc.keepalive_time_ms", 20_000),
            ("grpc.keepalive_timeout_ms", 5_000),
            # The calendar of a large caisse is longer than gRPC's own four mebibytes.
            ("grpc.max_receive_message_length", 64 * 1024 * 1024),
        )
        channel = grpc.secure_channel(settings.address, credentials, options)
        return Service(name, settings, self._resources.enter_context(channel), metadata)


@contextmanager
def open_services(settings: QfSettings, agent: str | None, command: str) -> Iterator[Services]:
    """The services, called in the name of `agent`; what was opened is closed at the end.

    All calls are in one trace, which `command` names.
    """
    # That spans cannot be sent is nothing to the person at the keyboard.
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
    with ExitStack() as resources:
        resources.callback(telemetry.configure("qf", settings.telemetry).shutdown)
        resources.enter_context(telemetry.root_span(command))
        yield Services(settings, agent, resources)


def _traceparent() -> Metadata:
    return (("traceparent", telemetry.current_traceparent()),)


def _unusable(error: ConfigError) -> UsageFailed:
    return UsageFailed(f"The configuration cannot be used: {error}", "See docs/guides/qf.md for its keys.")
