"""The client certificates that a partner's software shows, by their SHA-256."""

import re
from pathlib import Path

from cli.errors import UsageFailed

# As `openssl x509 -fingerprint -sha256` prints it, or without its colons.
_SHA256 = re.compile(r"[0-9a-fA-F]{2}(:?[0-9a-fA-F]{2}){31}")


def certificate_sha256(given: str) -> str:
    """The SHA-256 of a certificate in 64 hexadecimal digits, of the file that is named (PEM) or typed as such.

    Of several certificates in a file the first counts: those that follow are its issuers'. Raises UsageFailed.
    """
    if _SHA256.fullmatch(given):
        return given.replace(":", "").lower()
    return _fingerprint(Path(given))


def _fingerprint(path: Path) -> str:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415  # a tenth of qf's start
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415  # it is part of the same tenth

    try:
        certificate = load_pem_x509_certificates(path.read_bytes())[0]
    except OSError:
        raise UsageFailed(
            f"Cannot read {path}.",
            "Name the certificate's file, or type its SHA-256 (64 hexadecimal digits).",
        ) from None
    except ValueError:
        raise UsageFailed(
            f"{path} holds no certificate (PEM).",
            "Ask the partner for its client certificate, not for its key.",
        ) from None
    return certificate.fingerprint(SHA256()).hex()
