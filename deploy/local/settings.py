"""Ports of the local stack, and single settings given on the command line."""

import os
import socket
import tomllib
from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError

from deploy.local.errors import LocalStackError
from services.kit.config import Section

HOST = "127.0.0.1"
PREFIX = "QF_LOCAL_"
# Not a port: an OTLP back end that takes the place of the trace desk.
OTLP_ENDPOINT_VARIABLE = f"{PREFIX}OTLP_ENDPOINT"

Port = Annotated[int, Field(ge=1, le=65535)]
Overrides = dict[str, dict[str, Any]]


class Ports(Section):
    """TCP ports, all on 127.0.0.1; each can be set by `QF_LOCAL_<NAME>_PORT`."""

    edge_port: Port = 8443
    identity_port: Port = 7101
    partners_port: Port = 7102
    quotient_port: Port = 7103
    mailer_port: Port = 7104
    otlp_port: Port = 4317
    trace_desk_port: Port = 7180
    postgres_port: Port = 7432
    valkey_port: Port = 7379
    smtp_port: Port = 7125

    @classmethod
    def fixed(cls) -> Self:
        """The usual ports, or those of the environment.

        Raises:
            LocalStackError: a variable is unknown or not a port, or one port is given twice.
        """
        given = {
            key[len(PREFIX) :].lower(): value
            for key, value in os.environ.items()
            if key.startswith(PREFIX) and key != OTLP_ENDPOINT_VARIABLE
        }
        try:
            ports = cls.model_validate(given)
        except ValidationError as error:
            problem = error.errors(include_input=False, include_url=False)[0]
            known = ", ".join((*map(setting_name, cls.model_fields), OTLP_ENDPOINT_VARIABLE))
            wrong = setting_name(str(problem["loc"][0]))
            raise LocalStackError(f"{wrong} cannot be used: {problem['msg']}. Known are {known}.") from None
        ports.require_different()
        return ports

    def require_different(self) -> None:
        """Raises LocalStackError where one port is given twice."""
        by_port: dict[int, str] = {}
        for field, port in self.model_dump().items():
            if port in by_port:
                raise LocalStackError(
                    f"{setting_name(by_port[port])} and {setting_name(field)} are both {port}."
                )
            by_port[port] = field

    @classmethod
    def free(cls) -> Self:
        """Ports that nobody listens on, so that a second stack can run beside the first."""
        held = {field: socket.create_server((HOST, 0)) for field in cls.model_fields}
        try:
            return cls(**{field: listener.getsockname()[1] for field, listener in held.items()})
        finally:
            for listener in held.values():
                listener.close()


def setting_name(field: str) -> str:
    """The environment variable that sets a port."""
    return f"{PREFIX}{field.upper()}"


def parse_overrides(settings: Iterable[str]) -> Overrides:
    """Reads `component.key.key=value` items into one nested dict per component; values are TOML, else text.

    Raises:
        LocalStackError: an item has another shape.
    """
    overrides: Overrides = {}
    for item in settings:
        path, equals, text = item.partition("=")
        *tables, key = path.strip().split(".")
        table: Any = overrides
        for name in tables:
            table = table.setdefault(name, {}) if name and isinstance(table, dict) else None
        if not (equals and tables and key and isinstance(table, dict)):
            raise LocalStackError(
                f"--set {item}: expected COMPONENT.KEY=VALUE, as in gateway.hours.always_open=true."
            )
        table[key] = _toml_value(text)
    return overrides


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
