"""Art. 7-1: a caller may show a certificate, for partners that pin theirs; what it showed reaches the policy."""

import hashlib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.metadata import CLIENT_CERTIFICATE
from tests.integration.edge.running import Edge, running_edge

ISSUED = datetime(2026, 1, 1, tzinfo=UTC)
FORGED = {CLIENT_CERTIFICATE: "0" * 64}
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def self_signed(
    folder: Path, *extensions: x509.ExtensionType, key: Key | None = None, days: int = 3650
) -> tuple[Path, str]:
    """A certificate with its key in one file, and the SHA-256 of its DER, as `openssl x509 -fingerprint` says it."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "partner.example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(ISSUED).not_valid_after(ISSUED + timedelta(days=days))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    file = folder / "client.pem"
    pem_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(certificate.public_bytes(Encoding.PEM) + pem_key)
    return file, hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def context_with(edge: Edge, file: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(edge.ca_file))
    context.load_cert_chain(file)
    return context


async def told(edge: Edge, context: ssl.SSLContext, host: str = "127.0.0.1") -> str | bytes | None:
    """What the policy service learns of the caller's certificate."""
    url = f"https://{host}:{edge.port}"
    async with httpx.AsyncClient(base_url=url, verify=context, http2=True, timeout=10) as client:
        assert (await client.get("/v1/status", headers=FORGED)).status_code == 200
    return edge.policy.metadata[-1].get(CLIENT_CERTIFICATE)


def key_usage(*, signature: bool) -> x509.KeyUsage:
    return x509.KeyUsage(signature, False, not signature, False, False, False, False, False, False)


def ordinary(folder: Path) -> tuple[Path, str]:
    return self_signed(folder)


def of_rsa(folder: Path) -> tuple[Path, str]:
    return self_signed(folder, key=rsa.generate_private_key(65537, 2048))


def expired(folder: Path) -> tuple[Path, str]:
    return self_signed(folder, days=1)


def for_servers_only(folder: Path) -> tuple[Path, str]:
    return self_signed(folder, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]))


def not_for_signing(folder: Path) -> tuple[Path, str]:
    return self_signed(folder, key_usage(signature=False), key=rsa.generate_private_key(65537, 2048))


def of_a_ca(folder: Path) -> tuple[Path, str]:
    return self_signed(folder, x509.BasicConstraints(ca=True, path_length=None))


@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("made", [ordinary, of_rsa, expired, for_servers_only, of_a_ca])
async def test_any_certificate_is_taken_and_told_by_its_sha_256(
    edge: Edge, tmp_path: Path, made: Callable[[Path], tuple[Path, str]], tls: ssl.TLSVersion
) -> None:
    file, fingerprint = made(tmp_path)
    context = context_with(edge, file)
    context.minimum_version = context.maximum_version = tls
    assert await told(edge, context) == fingerprint


@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_certificate_whose_key_may_not_sign_is_refused(
    edge: Edge, tmp_path: Path, tls: ssl.TLSVersion
) -> None:
    """The one thing that is looked at: by a signature its owner proves that it has the key."""
    file, _ = not_for_signing(tmp_path)
    context = context_with(edge, file)
    context.minimum_version = context.maximum_version = tls
    async with httpx.AsyncClient(base_url=edge.url, verify=context, timeout=10) as client:
        with pytest.raises(httpx.NetworkError):
            await client.get("/v1/status")


async def test_a_caller_without_one_is_served_and_what_it_writes_there_is_removed(edge: Edge) -> None:
    assert await told(edge, ssl.create_default_context(cafile=str(edge.ca_file))) is None


async def test_what_a_caller_writes_there_does_not_stand_beside_what_it_showed(
    edge: Edge, tmp_path: Path
) -> None:
    file, fingerprint = self_signed(tmp_path)
    async with httpx.AsyncClient(base_url=edge.url, verify=context_with(edge, file), timeout=10) as client:
        headers = [(CLIENT_CERTIFICATE, "0" * 64), (CLIENT_CERTIFICATE.title(), "1" * 64)]
        assert (await client.get("/v1/status", headers=headers)).status_code == 200
    shown = edge.policy.metadata[-1]
    assert shown[CLIENT_CERTIFICATE] == fingerprint
    assert not {"0" * 64, "1" * 64} & set(map(str, shown.values()))


async def test_only_under_the_names_that_ask_a_caller_is_asked(edge: Edge, tmp_path: Path) -> None:
    """A browser with certificates of its own asks its user which to show; under the portal's name it need not."""
    file, fingerprint = self_signed(tmp_path)
    settings = 'client_certificate_names = ["localhost"]'
    async with running_edge(
        tmp_path, edge.gateway_socket, edge.policy, edge.collector, otlp_port=1, tls_settings=settings
    ) as running:
        context = context_with(running, file)
        assert await told(running, context, host="localhost") == fingerprint
        assert await told(running, context, host="127.0.0.1") is None
