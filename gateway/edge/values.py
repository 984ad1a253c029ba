"""The shapes that Envoy's configuration is made of."""

from typing import Any

Json = dict[str, Any]

_EXTENSIONS = "type.googleapis.com/envoy.extensions."


def typed(extension: str, **fields: Any) -> Json:
    """The configuration of one extension: `extension` is its type below `envoy.extensions`."""
    return {"@type": _EXTENSIONS + extension, **fields}


def seconds(duration: float) -> str:
    """A google.protobuf.Duration in JSON."""
    return f"{duration:g}s"


def address(host_and_port: str) -> Json:
    """A TCP address given as `host:port`."""
    host, _, port = host_and_port.rpartition(":")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def header(key: str, value: str) -> Json:
    """Sets one header, whatever was there before."""
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
