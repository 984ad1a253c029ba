"""Settings of the trace desk."""

import ipaddress
import re
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from services.kit.config import Section

ENV_PREFIX = "QF_TRACE_DESK_"

_ADDRESS = re.compile(r"(?P<host>\[[^\[\]]+\]|[^:\[\]]+):(?P<port>[0-9]{1,5})")


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


def parse_address(text: str) -> Address:
    """Reads `127.0.0.1:4317` or `[::1]:4317`.

    Raises:
        ValueError: it has another shape, or the host is not a loopback address.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or not 1 <= int(match["port"]) <= 65535:
        raise ValueError("expected HOST:PORT, as in 127.0.0.1:4317")
    host = match["host"].strip("[]")
    if not _is_loopback(host):
        raise ValueError(
            "the trace desk has no authentication, so it listens on this machine only;"
            " write 127.0.0.1:PORT or [::1]:PORT"
        )
    return Address(host, int(match["port"]))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked(text: str) -> str:
    parse_address(text)
    return text


LoopbackAddress = Annotated[str, AfterValidator(_checked)]


class TraceDeskSettings(Section):
    """Two addresses, and how much is kept. What exceeds a maximum evicts the trace that grew longest ago."""

    otlp_address: LoopbackAddress
    web_address: LoopbackAddress
    maximum_traces: int = Field(default=2_000, ge=1)
    maximum_spans: int = Field(default=200_000, ge=1)
    maximum_spans_per_trace: int = Field(default=5_000, ge=1)

    @model_validator(mode="after")
    def _one_trace_fits(self) -> Self:
        if self.maximum_spans_per_trace > self.maximum_spans:
            raise ValueError("maximum_spans_per_trace is more than maximum_spans; lower it")
        return self
