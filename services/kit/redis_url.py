"""The one URL that says where Redis is: one server, behind Sentinels, or a cluster."""

import re
from dataclasses import dataclass
from enum import Enum

_FORMS = """\
expected redis://host:port/database, redis+sentinel://host:port,host:port/service_name/database or \
redis+cluster://host:port,host:port; rediss in place of redis for TLS. Ports and database may be left out."""
_NO_CREDENTIALS = (
    "must not hold a user or a password, which would end up in logs: give username, and the path of a file "
    "with the password as password_file"
)
_URL = re.compile(r"(rediss?)(?:\+(sentinel|cluster))?://([^/?#]+)((?:/[^/?#]*)*)")
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?")
# What Sentinel itself allows as the name of a service.
_SERVICE_NAME = re.compile(r"[A-Za-z0-9._-]+")
_DATABASE = re.compile(r"[0-9]{1,4}")


class RedisMode(Enum):
    """How the servers are arranged; the value is what the URL's scheme says of it."""

    STANDALONE = ""
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True)
class Address:
    """Host name or IP address, and TCP port."""

    host: str
    port: int


@dataclass(frozen=True)
class RedisUrl:
    """What a URL says. `addresses` are of the server, of the Sentinels, or of some nodes of the cluster."""

    mode: RedisMode
    tls: bool
    addresses: tuple[Address, ...]
    service_name: str = ""
    database: int = 0


def parse_redis_url(url: str) -> RedisUrl:
    """Reads a URL. Raises ValueError, whose text names the forms and never repeats the URL."""
    if "@" in url:
        raise ValueError(_NO_CREDENTIALS)
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError(_FORMS)
    scheme, kind, hosts, path = match.groups()
    mode = RedisMode(kind or "")
    addresses = _addresses(hosts, default_port=26379 if mode is RedisMode.SENTINEL else 6379)
    if mode is RedisMode.STANDALONE and len(addresses) > 1:
        raise ValueError(f"names several servers without saying how they are arranged: {_FORMS}")
    service_name, database = _path(mode, path.removeprefix("/").split("/") if path.strip("/") else [])
    return RedisUrl(mode, scheme == "rediss", addresses, service_name, database)


def _addresses(hosts: str, default_port: int) -> tuple[Address, ...]:
    matches = [_ADDRESS.fullmatch(address) for address in hosts.split(",")]
    addresses = [
        Address(match[1] or match[2], int(match[3] or default_port)) for match in matches if match is not None
    ]
    if len(addresses) < len(matches) or not all(1 <= address.port <= 65535 for address in addresses):
        raise ValueError(f"has a host or port that cannot be: {_FORMS}")
    return tuple(addresses)


def _path(mode: RedisMode, parts: list[str]) -> tuple[str, int]:
    """The Sentinels' service and the database. A cluster has one database, so nothing may stand there."""
    service_name = ""
    if mode is RedisMode.SENTINEL:
        service_name, *parts = parts or [""]
        if not _SERVICE_NAME.fullmatch(service_name):
            raise ValueError(f"lacks the name of the service that the Sentinels watch: {_FORMS}")
    if mode is RedisMode.CLUSTER and parts:
        raise ValueError(f"names a database, and a cluster has only one: {_FORMS}")
    if len(parts) > 1 or not all(map(_DATABASE.fullmatch, parts)):
        raise ValueError(f"has a database that is no number: {_FORMS}")
    return service_name, int(parts[0]) if parts else 0
