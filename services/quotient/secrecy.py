"""How people and their coordonnées stand in the tables: under keys that the database never sees (N5)."""

import hmac
import secrets
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.kit.nir import Nir

_NONCE_BYTES = 12
# Says how a ciphertext was made, so that a later way can stand beside it.
_VERSION = b"\x01"
_PURPOSE = b"msa.quotient.coordonnees"


class PersonIndexer:
    """Names a person without telling who it is."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def index(self, nir: Nir) -> bytes:
        """HMAC-SHA-256 of the canonical NIR, 32 bytes: the key by which tables know a person."""
        return hmac.digest(self._key, nir.reveal().encode(), "sha256")


class Vault:
    """Enciphers what must be shown again, AES-256-GCM, each text bound to its dossier."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._digest_key = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE + b" digest").derive(key)

    def seal(self, dossier_id: UUID, clear: bytes) -> bytes:
        """Enciphers the coordonnées of a dossier under a fresh random nonce."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, clear, _bound_to(dossier_id, _VERSION))

    def open(self, dossier_id: UUID, sealed: bytes) -> bytes:
        """The coordonnées in clear.

        Raises cryptography's InvalidTag for a text that was altered, or taken from another dossier.
        """
        version, nonce, text = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        return self._cipher.decrypt(nonce, text, _bound_to(dossier_id, version))

    def digest(self, dossier_id: UUID, clear: bytes) -> bytes:
        """A keyed digest, 32 bytes: equal texts of one dossier, and these only, have the same."""
        return hmac.digest(self._digest_key, dossier_id.bytes + clear, "sha256")


def _bound_to(dossier_id: UUID, version: bytes) -> bytes:
    return _PURPOSE + version + dossier_id.bytes
