"""Authenticated encryption of what must be read again, under a key that the database never sees (N5)."""

import secrets
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_TAG_BYTES = 16
# Says how a ciphertext was made, so that a later way can stand beside it.
_VERSION = b"\x01"
_SHORTEST = len(_VERSION) + _NONCE_BYTES + _TAG_BYTES


class Vault:
    """Enciphers texts with AES-256-GCM, each bound to what it is for and to the row it belongs to.

    A ciphertext opens for no other purpose and no other row, so that nobody who writes to the database can pass
    one off as another.
    """

    def __init__(self, key: bytes, purpose: bytes) -> None:
        """`key`: 32 bytes. `purpose`: part of the stored format, never to change for texts already sealed."""
        self._cipher = AESGCM(key)
        self._purpose = purpose

    def seal(self, owner_id: UUID, clear: bytes) -> bytes:
        """Enciphers a text of `owner_id` under a fresh random nonce: version, nonce, ciphertext and tag."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, clear, self._bound_to(owner_id, _VERSION))

    def open(self, owner_id: UUID, sealed: bytes) -> bytes:
        """The text in clear.

        Raises cryptography's InvalidTag for one that was altered or cut, or sealed for another owner or purpose.
        """
        if len(sealed) < _SHORTEST:
            raise InvalidTag
        version, nonce, text = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        return self._cipher.decrypt(nonce, text, self._bound_to(owner_id, version))

    def _bound_to(self, owner_id: UUID, version: bytes) -> bytes:
        return self._purpose + version + owner_id.bytes
