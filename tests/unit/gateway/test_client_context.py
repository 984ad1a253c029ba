"""Where a call comes from: identity hears network, address, certificate and device, and nobody else anything (N5)."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import ClientContext, network_prefix
from gateway.metadata import CLIENT_ADDRESS, CLIENT_CERTIFICATE
from tests.unit.gateway.calls import (
    ADDRESS,
    CONSULT,
    METADATA,
    NETWORK,
    SECOND_FACTOR_CALLS,
    SIGN_IN,
    SIGN_IN_CALLS,
    SIGN_OUT_CALL,
    Call,
)
from tests.unit.gateway.conftest import Gateway

CERTIFICATE = "0123456789abcdef" * 4
EVERY_CALL = {**SIGN_IN_CALLS, **SIGN_OUT_CALL, **SECOND_FACTOR_CALLS}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("203.0.113.0", "203.0.113.0/24"),
        ("255.255.255.255", "255.255.255.0/24"),
        ("2001:db8:1234:5678:9abc:def0:1234:5678", "2001:db8:1234:5600::/56"),
        ("2001:db8::1", "2001:db8::/56"),
        ("::1", "::/56"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("::ffff:cb00:714d", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/56"),
    ],
)
def test_an_address_is_cut_to_its_network(address: str, network: str) -> None:
    assert network_prefix(address) == network


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost",
        "203.0.113",
        "203.0.113.77:443",
        "[::1]",
        "203.0.113.077",
        "1",
        " 203.0.113.77",
        "/run/x",
    ],
)
def test_what_is_no_address_has_no_network(address: str) -> None:
    assert network_prefix(address) == ""


@given(st.ip_addresses())
def test_every_address_lies_in_its_network_and_a_network_does_not_tell_which(
    address: IPv4Address | IPv6Address,
) -> None:
    told = network_prefix(str(address))
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    network = ip_network(told)
    assert (mapped or address) in network
    assert network.prefixlen == {4: 24, 6: 56}[network.version]
    for mate in (network.network_address, network.broadcast_address):
        assert network_prefix(str(ip_address(mate))) == told


@pytest.mark.parametrize("call", EVERY_CALL.values(), ids=EVERY_CALL)
async def test_identity_hears_the_network_of_the_caller_and_in_one_field_his_address(
    gateway: Gateway, call: Call
) -> None:
    await call(gateway)
    (request,) = gateway.identity.requests
    assert (request.client.network_prefix, request.client.address) == (NETWORK, ADDRESS)
    request.client.ClearField("address")
    assert ADDRESS not in str(request)


async def test_identity_hears_it_with_each_session_that_it_authenticates_too(gateway: Gateway) -> None:
    metadata = (*METADATA, (CLIENT_CERTIFICATE, CERTIFICATE))
    await gateway.quotients.ConsultQuotient(CONSULT, metadata=metadata)
    [item] = gateway.identity.requests[-1].items
    client = item.client
    assert (client.network_prefix, client.address) == (NETWORK, ADDRESS)
    assert client.certificate_sha256 == CERTIFICATE
    client.ClearField("address")
    assert ADDRESS not in str(item)


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        (CERTIFICATE, CERTIFICATE),
        (CERTIFICATE.upper(), CERTIFICATE),
        (CERTIFICATE[:-1], ""),
        (f"{CERTIFICATE}0", ""),
        ("g" * 64, ""),
        ("", ""),
    ],
)
async def test_a_certificate_is_64_hexadecimal_digits_or_none(
    gateway: Gateway, told: str, heard: str
) -> None:
    await gateway.sessions.SignIn(SIGN_IN, metadata=(*METADATA, (CLIENT_CERTIFICATE, told)))
    assert gateway.identity.requests[-1].client.certificate_sha256 == heard


def test_a_client_does_not_print_its_address() -> None:
    assert ADDRESS not in repr(ClientContext(NETWORK, address=ADDRESS))


async def test_identity_hears_what_the_device_kept(gateway: Gateway) -> None:
    await SIGN_IN_CALLS["sign in"](gateway)
    assert gateway.identity.requests[-1].client.device_token == "device-1"


@pytest.mark.parametrize("metadata", [(), ((CLIENT_ADDRESS, "nobody knows"),)])
async def test_a_caller_whose_address_is_unknown_has_no_network(
    gateway: Gateway, metadata: tuple[tuple[str, str], ...]
) -> None:
    await gateway.sessions.SignIn(SIGN_IN, metadata=metadata)
    client = gateway.identity.requests[-1].client
    assert (client.network_prefix, client.certificate_sha256) == ("", "")
