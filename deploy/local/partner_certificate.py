"""The client certificate that one demo partner named: no call of its users is taken without it (art. 7-2)."""

from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from deploy.local.certificates import certificate_file, private_key_file
from deploy.local.layout import Layout, write_private

_NAME = "partner"
_LIFETIME = timedelta(days=730)
_RENEWAL_MARGIN = timedelta(days=30)


def partner_certificate_file(layout: Layout) -> Path:
    """The certificate, in PEM."""
    return certificate_file(layout, _NAME)


def partner_private_key_file(layout: Layout) -> Path:
    """Its key."""
    return private_key_file(layout, _NAME)


def ensure_partner_certificate(layout: Layout, now: datetime) -> str:
    """Keeps the certificate over restarts, issues another one near its end; returns its SHA-256, in hexadecimal digits.

    It signs itself: of the development CA, the internal services would know it.
    """
    certificate = _kept(layout, now) or _new(layout, now)
    return sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def _kept(layout: Layout, now: datetime) -> x509.Certificate | None:
    file = partner_certificate_file(layout)
    if not (file.exists() and partner_private_key_file(layout).exists()):
        return None
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    return certificate if now + _RENEWAL_MARGIN < certificate.not_valid_after_utc else None


def _new(layout: Layout, now: datetime) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "logiciel.val-serein.example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + _LIFETIME)
    certificate = builder.sign(key, hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(partner_private_key_file(layout), pem)
    partner_certificate_file(layout).write_bytes(certificate.public_bytes(Encoding.PEM))
    return certificate
