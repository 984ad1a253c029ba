"""How people and their coordonnées stand in the tables: under keys that the database never sees (N5)."""

import hmac
from uuid import UUID

from services.kit import vault
from services.kit.keys import derived_key
from services.kit.nir import Nir

_PURPOSE = b"msa.quotient.coordonnees"


class PersonIndexer:
    """Names a person without telling who it is."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def index(self, nir: Nir) -> bytes:
        """HMAC-SHA-256 of the canonical NIR, 32 bytes: the key by which tables know a person."""
        return hmac.digest(self._key, nir.reveal().encode(), "sha256")


class Vault(vault.Vault):
    """Enciphers the coordonnées that must be shown again, each text bound to its dossier."""

    def __init__(self, key: bytes) -> None:
        super().__init__(key, _PURPOSE)
        self._digest_key = derived_key(key, _PURPOSE + b" digest")

    def digest(self, dossier_id: UUID, clear: bytes) -> bytes:
        """A keyed digest, 32 bytes: equal texts of one dossier, and these only, have the same."""
        return hmac.digest(self._digest_key, dossier_id.bytes + clear, "sha256")
