"""The edge's certificate is renewed while it serves, and no call notices (art. 7-1)."""

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from cryptography import x509

from tests.integration.edge.load import KINDS
from tests.integration.edge.running import Edge, running_edge, write_pair

NAMES = ("localhost", "127.0.0.1")
LOAD_SECONDS = 8.0
EXPIRED = datetime(2020, 1, 1, tzinfo=UTC)


async def serial_of(edge: Edge) -> int:
    """Of the certificate that a new connection is shown."""
    context = ssl.create_default_context(cafile=str(edge.ca_file))
    context.verify_mode = ssl.VerifyMode.CERT_REQUIRED
    _, writer = await asyncio.open_connection("127.0.0.1", edge.port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(shown).serial_number


def serial(certificate: trustme.LeafCert) -> int:
    return x509.load_pem_x509_certificate(certificate.cert_chain_pems[0].bytes()).serial_number


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)


async def is_served(edge: Edge, certificate: trustme.LeafCert) -> bool:
    """Within a moment: the edge looks when something moves, and new connections are shown what it found."""

    async def now() -> bool:
        return await serial_of(edge) == serial(certificate)

    try:
        await until(now)
    except TimeoutError:
        return False
    return True


def move_there(folder: Path, certificate: bytes, key: bytes) -> None:
    """Two plain `mv`, one after the other."""
    for name, content in (("cert.pem", certificate), ("key.pem", key)):
        new = folder / f".{name}.new"
        new.write_bytes(content)
        new.replace(folder / name)


def renew(folder: Path, ca: trustme.CA) -> trustme.LeafCert:
    certificate = ca.issue_cert(*NAMES)
    move_there(folder, certificate.cert_chain_pems[0].bytes(), certificate.private_key_pem.bytes())
    return certificate


async def test_a_pair_that_is_moved_there_is_served_from_then_on(renewed_edge: Edge) -> None:
    for _ in range(2):
        assert await is_served(renewed_edge, renew(renewed_edge.ca_file.parent, renewed_edge.ca))


def swap(volume: Path, name: str, certificate: trustme.LeafCert) -> None:
    """As a Kubernetes node renews a mounted secret: a new folder, and the link `..data` moved to it."""
    (volume / name).mkdir()
    write_pair(volume / name, certificate)
    link = volume / "..data_tmp"
    link.symlink_to(name)
    link.replace(volume / "..data")


async def test_a_kubernetes_secret_that_is_swapped_is_served_from_then_on(edge: Edge, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    swap(volume, "..first", trustme.CA().issue_cert(*NAMES))
    for file in ("cert.pem", "key.pem"):
        (volume / file).symlink_to(f"..data/{file}")
    # Writes through the links.
    async with running_edge(
        tmp_path, edge.gateway_socket, edge.policy, edge.collector, otlp_port=1, tls_folder=volume
    ) as running:
        for name in ("..second", "..third"):
            certificate = running.ca.issue_cert(*NAMES)
            swap(volume, name, certificate)
            assert await is_served(running, certificate)


def half(certificate: trustme.LeafCert, _: trustme.CA) -> tuple[bytes, bytes]:
    pem = certificate.cert_chain_pems[0].bytes()
    return pem[: len(pem) // 2], certificate.private_key_pem.bytes()


def garbage(_: trustme.LeafCert, __: trustme.CA) -> tuple[bytes, bytes]:
    return os.urandom(500), os.urandom(500)


def empty(_: trustme.LeafCert, __: trustme.CA) -> tuple[bytes, bytes]:
    return b"", b""


def other_key(certificate: trustme.LeafCert, ca: trustme.CA) -> tuple[bytes, bytes]:
    return certificate.cert_chain_pems[0].bytes(), ca.issue_cert(*NAMES).private_key_pem.bytes()


@pytest.mark.parametrize("spoil", [half, garbage, empty, other_key])
async def test_a_pair_that_cannot_be_used_is_logged_and_the_old_one_serves_on(
    renewed_edge: Edge, spoil: Callable[[trustme.LeafCert, trustme.CA], tuple[bytes, bytes]]
) -> None:
    before = await serial_of(renewed_edge)
    logged = warnings_of(renewed_edge)
    bad = renewed_edge.ca.issue_cert(*NAMES)
    move_there(renewed_edge.ca_file.parent, *spoil(bad, renewed_edge.ca))

    async def is_told() -> bool:
        return warnings_of(renewed_edge) != logged

    await until(is_told)
    for _ in range(5):
        assert await serial_of(renewed_edge) == before
        await asyncio.sleep(0.1)
    assert await is_served(renewed_edge, renew(renewed_edge.ca_file.parent, renewed_edge.ca))


def warnings_of(edge: Edge) -> list[dict[str, object]]:
    return [line for line in edge.log_lines() if line["event"] == "envoy_logged"]


async def test_a_pair_that_has_expired_is_served_as_it_is(renewed_edge: Edge) -> None:
    """The edge does not judge dates: whoever renews, watches them (docs/guides/edge.md)."""
    expired = renewed_edge.ca.issue_cert(*NAMES, not_before=EXPIRED.replace(year=2019), not_after=EXPIRED)
    move_there(
        renewed_edge.ca_file.parent, expired.cert_chain_pems[0].bytes(), expired.private_key_pem.bytes()
    )

    async def is_refused() -> bool:
        try:
            await serial_of(renewed_edge)
        except ssl.SSLCertVerificationError as error:
            return "expired" in error.verify_message
        return False

    await until(is_refused)
    assert await is_refused()


async def test_renewed_every_second_under_load_no_call_fails(renewed_edge: Edge) -> None:
    calls = dict.fromkeys(KINDS, 0)
    seen: set[int] = set()
    issued: set[int] = set()
    stop = asyncio.Event()

    async def load(kind: str) -> None:
        async with KINDS[kind](renewed_edge) as call:
            while not stop.is_set():
                await call()
                calls[kind] += 1

    loads = [asyncio.create_task(load(kind)) for kind in KINDS]
    for _ in range(round(LOAD_SECONDS)):
        issued.add(serial(renew(renewed_edge.ca_file.parent, renewed_edge.ca)))
        await asyncio.sleep(1)
        seen.add(await serial_of(renewed_edge))
    stop.set()
    await asyncio.gather(*loads)
    assert seen == issued
    assert min(calls.values()) > LOAD_SECONDS, calls
