"""Keys for one purpose each, derived from one that a file holds."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derived_key(key: bytes, purpose: bytes) -> bytes:
    """The 32-byte key for `purpose` (RFC 5869, SHA-256): what is made with it means nothing where another is used."""
    return HKDF(SHA256(), length=32, salt=None, info=purpose).derive(key)
