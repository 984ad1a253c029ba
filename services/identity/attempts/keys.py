"""Keys for one purpose each, derived from the one index key."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derived_key(index_key: bytes, purpose: str) -> bytes:
    """The key for `purpose` (RFC 5869, SHA-256): what is made with it means nothing where another is used."""
    return HKDF(SHA256(), length=32, salt=None, info=f"msa.identity.{purpose}".encode()).derive(index_key)
