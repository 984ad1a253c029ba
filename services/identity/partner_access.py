"""From where, and with what, the users of a partner may call: the networks and client certificates it named. Pure.

What a caisse set holds for each call (art. 7-2); nothing named: from anywhere, without a certificate.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from services.identity.domain import ClientContext
from services.kit.errors import DomainError, FieldViolation, InvalidField, Reason

MAXIMUM_NETWORKS = 64
MAXIMUM_CERTIFICATES = 16

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_IPV4_IN_IPV6 = IPv6Network("::ffff:0:0/96")
_IPV6_SITE_BITS = 64
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class AccessRefused(DomainError):
    """The credentials or the session are right; from where, or with what, they are used is not."""


class NetworkNotAllowed(AccessRefused):
    """The partner named the networks that its users call from, and this is none of them."""

    reason = Reason.NETWORK_NOT_ALLOWED
    message = "Your organisation's users call from the networks that it named only; ask your caisse."


class ClientCertificateRequired(AccessRefused):
    """The partner named its client certificates, and the connection showed none of them."""

    reason = Reason.CLIENT_CERTIFICATE_REQUIRED
    message = "Your organisation's users call with a client certificate that it named only; present it."


def read_address(text: str) -> Address | None:
    """The address in `text`, IPv4 inside IPv6 as IPv4; None for what is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


def address_block(text: str) -> bytes:
    """What counts as one address: an IPv4 address, the /64 of an IPv6 one; empty for all that are none."""
    address = read_address(text)
    if address is None:
        return b""
    return address.packed if isinstance(address, IPv4Address) else address.packed[: _IPV6_SITE_BITS // 8]


def is_network_allowed(networks: Sequence[str], client: ClientContext) -> bool:
    """Whether the call comes from one of `networks`, where there are any. One from nowhere known does not."""
    if not networks:
        return True
    address = read_address(client.address)
    return address is not None and any(address in network for network in _parsed(tuple(networks)))


def shows_certificate(certificates: Sequence[str], client: ClientContext) -> bool:
    """Whether the connection showed one of `certificates`, by their SHA-256, where there are any."""
    return not certificates or client.certificate_sha256.lower() in certificates


def require_access(networks: Sequence[str], certificates: Sequence[str], client: ClientContext) -> None:
    """Raises NetworkNotAllowed or ClientCertificateRequired, in this order, where the client may not call."""
    if not is_network_allowed(networks, client):
        raise NetworkNotAllowed
    if not shows_certificate(certificates, client):
        raise ClientCertificateRequired


def read_networks(field: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Networks in CIDR notation, each once. Raises InvalidField naming each that is none, by its position."""
    networks = [_network(text) for text in texts]
    _require(
        field,
        "NETWORK",
        "must be a network in CIDR notation whose host bits are zero, IPv4 written as IPv4",
        networks,
    )
    return _few(field, MAXIMUM_NETWORKS, networks)


def read_certificates(field: str, texts: Sequence[str]) -> tuple[str, ...]:
    """SHA-256 of certificates in small letters, each once. Raises InvalidField naming each that is none."""
    digests = [text.lower() if _SHA256.fullmatch(text) else None for text in texts]
    _require(field, "CERTIFICATE_SHA256", "must be 64 hexadecimal digits", digests)
    return _few(field, MAXIMUM_CERTIFICATES, digests)


def _network(text: str) -> str | None:
    # A zone ("%eth0") names an interface of the caller, not a network.
    if "%" in text:
        return None
    try:
        network = ip_network(text)
    except ValueError:
        return None
    # Callers' addresses are compared as IPv4: such a network would hold nobody.
    if isinstance(network, IPv6Network) and network.subnet_of(_IPV4_IN_IPV6):
        return None
    return str(network)


def _require(field: str, rule: str, description: str, values: Sequence[str | None]) -> None:
    violations = [
        FieldViolation(f"{field}[{position}]", rule, description)
        for position, value in enumerate(values)
        if value is None
    ]
    if violations:
        raise InvalidField(*violations)


def _few(field: str, maximum: int, values: Sequence[str | None]) -> tuple[str, ...]:
    distinct = tuple(dict.fromkeys(value for value in values if value is not None))
    if len(distinct) > maximum:
        raise InvalidField(FieldViolation(field, "LIST_SIZE", f"must be at most {maximum}"))
    return distinct


# Reading 64 networks anew for each call would cost more than all else about it. The same texts mean the same networks.
@lru_cache(maxsize=1024)
def _parsed(networks: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(map(ip_network, networks))
