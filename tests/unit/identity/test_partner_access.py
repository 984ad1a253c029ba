"""From where, and with what, a partner's users may call (art. 7-2)."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain import ClientContext
from services.identity.partner_access import (
    MAXIMUM_CERTIFICATES,
    MAXIMUM_NETWORKS,
    ClientCertificateRequired,
    NetworkNotAllowed,
    address_block,
    is_network_allowed,
    read_certificates,
    read_networks,
    require_access,
)
from services.kit.errors import InvalidField

NETWORKS = ["203.0.113.0/24", "2001:db8:21::/48"]
CERTIFICATE = "0a" * 32
TOWN_HALL = ClientContext(address="203.0.113.9", certificate_sha256=CERTIFICATE)


def _from(address: str) -> ClientContext:
    return ClientContext(address=address)


@pytest.mark.parametrize(
    "address",
    ["203.0.113.0", "203.0.113.255", "::ffff:203.0.113.9", "2001:db8:21::1", "2001:DB8:21:ffff::1"],
)
def test_a_call_from_a_network_of_the_partner_is_taken(address: str) -> None:
    assert is_network_allowed(NETWORKS, _from(address))


@pytest.mark.parametrize(
    "address",
    [
        "203.0.112.255",
        "203.0.114.0",
        "2001:db8:22::1",
        "::203.0.113.9",
        "64:ff9b::203.0.113.9",
        # Where it comes from is not known: it may be from anywhere.
        "",
        "unix:",
        "203.0.113.9:443",
        "203.0.113.0/24",
        "203.0.113.009",
        "２03.0.113.9",
    ],
)
def test_a_call_from_elsewhere_or_nowhere_known_is_not(address: str) -> None:
    assert not is_network_allowed(NETWORKS, _from(address))


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::1", ""])
def test_a_partner_that_named_no_network_is_called_from_anywhere(address: str) -> None:
    assert is_network_allowed([], _from(address))


@given(address=st.ip_addresses(), network=st.ip_addresses(v=4), bits=st.integers(0, 32))
def test_every_address_is_in_or_out_as_its_first_bits_say(
    address: object, network: object, bits: int
) -> None:
    allowed = ip_network(f"{network}/{bits}", strict=False)
    known = ip_address(str(address))
    if known.version == 6 and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    inside = known.version == 4 and int(known) >> (32 - bits) == int(allowed.network_address) >> (32 - bits)
    assert is_network_allowed([str(allowed)], _from(str(address))) is inside


def test_a_connection_must_show_a_certificate_where_the_partner_named_some() -> None:
    require_access([], [CERTIFICATE, "0b" * 32], TOWN_HALL)
    require_access([], [CERTIFICATE], replace(TOWN_HALL, certificate_sha256=CERTIFICATE.upper()))
    require_access([], [], replace(TOWN_HALL, certificate_sha256=""))
    for shown in ("", "0b" * 32, CERTIFICATE[:-1]):
        with pytest.raises(ClientCertificateRequired):
            require_access([], [CERTIFICATE], replace(TOWN_HALL, certificate_sha256=shown))


def test_who_calls_from_elsewhere_is_not_told_that_a_certificate_is_wanted() -> None:
    with pytest.raises(NetworkNotAllowed):
        require_access(NETWORKS, [CERTIFICATE], ClientContext(address="198.51.100.7"))


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("203.0.113.7", "203.0.113.7/32"),
        ("203.0.113.0/255.255.255.0", "203.0.113.0/24"),
        ("2001:DB8:0::/48", "2001:db8::/48"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_a_network_is_kept_as_everybody_writes_it(typed: str, kept: str) -> None:
    assert read_networks("networks", [typed, typed]) == (kept,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "203.0.113.7/24",
        "203.0.113.0/33",
        "203.0.113.0/24 ",
        "2001:db8::1/48",
        "::ffff:203.0.113.0/120",
        "fe80::%eth0/64",
        "Valbrune",
        "20３.0.113.0/24",
    ],
)
def test_what_is_no_network_is_named_by_its_position(text: str) -> None:
    with pytest.raises(InvalidField) as refused:
        read_networks("policy.networks", ["203.0.113.0/24", text])
    [violation] = refused.value.violations
    assert (violation.field, violation.rule) == ("policy.networks[1]", "NETWORK")
    assert not text or text not in violation.description


@pytest.mark.parametrize(
    "text", ["", "0a" * 31, "0a" * 33, "0g" * 32, "0a:" * 32, "０a" * 32, "0a" * 32 + "\n"]
)
def test_what_is_no_sha_256_is_named_by_its_position(text: str) -> None:
    with pytest.raises(InvalidField) as refused:
        read_certificates("certificates", [text, CERTIFICATE])
    [violation] = refused.value.violations
    assert (violation.field, violation.rule) == ("certificates[0]", "CERTIFICATE_SHA256")


def test_certificates_are_kept_in_small_letters_and_once() -> None:
    assert read_certificates("certificates", [CERTIFICATE.upper(), CERTIFICATE]) == (CERTIFICATE,)


def test_a_partner_names_64_networks_and_16_certificates_at_most() -> None:
    networks = [f"203.0.113.{host}/32" for host in range(MAXIMUM_NETWORKS + 1)]
    assert len(read_networks("networks", networks[1:])) == MAXIMUM_NETWORKS
    certificates = [f"{number:064x}" for number in range(MAXIMUM_CERTIFICATES + 1)]
    assert len(read_certificates("certificates", certificates[1:])) == MAXIMUM_CERTIFICATES
    for read, too_many in ((read_networks, networks), (read_certificates, certificates)):
        with pytest.raises(InvalidField) as refused:
            read("list", too_many)
        assert [(one.field, one.rule) for one in refused.value.violations] == [("list", "LIST_SIZE")]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.9", "::ffff:203.0.113.9", True),
        ("203.0.113.9", "203.0.113.10", False),
        ("2001:db8::1", "2001:db8:0:0:ffff::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("", "nowhere", True),
    ],
)
def test_an_address_is_limited_as_one_and_an_ipv6_network_too(one: str, other: str, same: bool) -> None:
    assert (address_block(one) == address_block(other)) is same
