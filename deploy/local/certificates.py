"""A development CA and one certificate per server and client: mutual TLS needs a name for each (art. 7-1)."""

from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from trustme import CA

from deploy.local.layout import Layout, write_private
from deploy.local.people import AGENT_NAME

LOOPBACK = ("localhost", "127.0.0.1")
SERVERS = ("identity", "partners", "quotient", "gateway")
CERTIFICATES: dict[str, tuple[str, ...]] = {
    **{name: (f"{name}.qf.internal", *LOOPBACK) for name in SERVERS},
    # An internal system of the caisses, trusted to name the agent who acts; and an agent's own.
    "qf": ("qf.qf.internal",),
    "agent": (AGENT_NAME,),
    "mailer": ("mailer.qf.internal",),
    "edge": LOOPBACK,
}

# A CA that ends within the month is replaced at start, so that no stack outlives its own trust.
RENEWAL_MARGIN = timedelta(days=30)
# As long as public CAs may issue them in 2026; each start issues them anew.
CERTIFICATE_LIFETIME = timedelta(days=198)


def ca_file(layout: Layout) -> Path:
    """What every process, and every partner, trusts."""
    return layout.tls / "ca.pem"


def certificate_file(layout: Layout, name: str) -> Path:
    """The certificate of a server or client with its chain."""
    return layout.tls / f"{name}.pem"


def private_key_file(layout: Layout, name: str) -> Path:
    """The key of a certificate."""
    return layout.tls / f"{name}.key"


def ensure_certificates(layout: Layout, now: datetime) -> None:
    """Keeps the CA over restarts (people may trust it in a browser); issues the other certificates anew."""
    ca = _kept_ca(layout, now) or _new_ca(layout)
    for name, identities in CERTIFICATES.items():
        leaf = ca.issue_cert(
            *identities,
            organization_name="QF development",
            common_name=identities[0],
            not_before=now - timedelta(days=1),
            not_after=now + CERTIFICATE_LIFETIME,
        )
        write_private(private_key_file(layout, name), leaf.private_key_pem.bytes())
        certificate_file(layout, name).write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))


def _kept_ca(layout: Layout, now: datetime) -> CA | None:
    key_file = private_key_file(layout, "ca")
    if not (ca_file(layout).exists() and key_file.exists()):
        return None
    pem = ca_file(layout).read_bytes()
    if x509.load_pem_x509_certificate(pem).not_valid_after_utc < now + RENEWAL_MARGIN:
        return None
    return CA.from_pem(pem, key_file.read_bytes())


def _new_ca(layout: Layout) -> CA:
    ca = CA(organization_name="QF development", organization_unit_name="CA of this machine only")
    write_private(private_key_file(layout, "ca"), ca.private_key_pem.bytes())
    ca_file(layout).write_bytes(ca.cert_pem.bytes())
    return ca
