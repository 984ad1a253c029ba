"""How people and their coordonnées stand in the tables: under keys that the database never sees (N5)."""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.kit import vault
from services.kit.keys import derived_key
from services.kit.nir import Nir

FINGERPRINT_BYTES = 8
KEY_BYTES = 32

# Parts of the stored formats, never to change for what is already stored.
_FINGERPRINT = b"msa.quotient.fingerprint"
_WRAPPED_KEY = b"data_keys.wrapped_key"
_COORDONNEES = b"dossiers.coordonnees"
_COORDONNEES_BEFORE_DATA_KEYS = b"msa.quotient.coordonnees"
# What was enciphered before there were data keys stands under the first wrapping key itself.
BEFORE_DATA_KEYS = 0


class KeysOutdated(Exception):
    """Another replica has taken newer keys into use; read them, then try again."""


def fingerprint(key: bytes) -> bytes:
    """8 bytes that tell two keys apart and nothing else."""
    return derived_key(key, _FINGERPRINT)[:FINGERPRINT_BYTES]


@dataclass(frozen=True, repr=False)
class PersonIndexer:
    """Names a person without telling who it is.

    The index of the first generation is HMAC-SHA-256 of the NIR under the first key; that of each later one is
    HMAC-SHA-256 of the index before under its own key. So a person who is known by an index only, for the NIR is
    stored nowhere, can be indexed anew (docs/adr/0012).
    """

    keys: Sequence[bytes]
    # Whether some people still stand under the index before.
    rotating: bool = False

    @property
    def generation(self) -> int:
        """The newest, from 1."""
        return len(self.keys)

    def index(self, nir: Nir) -> bytes:
        """The newest index, 32 bytes: by it whoever is written is known."""
        return self.every(nir)[-1]

    def every(self, nir: Nir) -> Sequence[bytes]:
        """The index of each generation, oldest first: by one of them stands each line of the journal."""
        indexes: list[bytes] = []
        text = nir.reveal().encode()
        for key in self.keys:
            text = hmac.digest(key, text, "sha256")
            indexes.append(text)
        return indexes

    def candidates(self, nir: Nir) -> tuple[bytes, bytes | None]:
        """By which a person may stand now: the newest index and, during a rotation, the one before."""
        indexes = self.every(nir)
        return indexes[-1], indexes[-2] if self.rotating else None

    def reindexed(self, index: bytes, generation: int) -> bytes:
        """The newest index of a person who stands under that of `generation`."""
        for key in self.keys[generation:]:
            index = hmac.digest(key, index, "sha256")
        return index


class Vault:
    """Enciphers the coordonnées that must be shown again, each text bound to its table, column and row."""

    def __init__(self, data_keys: Mapping[int, bytes], first_wrapping_key: bytes) -> None:
        """`data_keys` by their ids; new texts are enciphered under the newest."""
        self._newest = max(data_keys, default=BEFORE_DATA_KEYS)
        self._vaults = {key_id: vault.Vault(key, _COORDONNEES) for key_id, key in data_keys.items()}
        self._vaults[BEFORE_DATA_KEYS] = vault.Vault(first_wrapping_key, _COORDONNEES_BEFORE_DATA_KEYS)
        self._digest_keys = {
            key_id: derived_key(key, _COORDONNEES + b" digest") for key_id, key in data_keys.items()
        }
        self._digest_keys[BEFORE_DATA_KEYS] = derived_key(
            first_wrapping_key, _COORDONNEES_BEFORE_DATA_KEYS + b" digest"
        )

    @property
    def data_key_id(self) -> int:
        """The key under which new texts are enciphered."""
        return self._newest

    def seal(self, dossier_id: UUID, clear: bytes) -> bytes:
        """Enciphers coordonnées under the newest data key."""
        return self._vaults[self._newest].seal(dossier_id, clear)

    def open(self, data_key_id: int, dossier_id: UUID, sealed: bytes) -> bytes:
        """The coordonnées in clear.

        Raises KeysOutdated where the key is not known here, cryptography's InvalidTag for a text that was altered.
        """
        if data_key_id not in self._vaults:
            raise KeysOutdated
        return self._vaults[data_key_id].open(dossier_id, sealed)

    def digest(self, data_key_id: int, dossier_id: UUID, clear: bytes) -> bytes:
        """A keyed digest, 32 bytes: equal texts of one dossier under one key, and these only, have the same.

        Raises KeysOutdated where the key is not known here.
        """
        if data_key_id not in self._digest_keys:
            raise KeysOutdated
        return hmac.digest(self._digest_keys[data_key_id], dossier_id.bytes + clear, "sha256")


@dataclass(frozen=True, repr=False)
class Keys:
    """Both, as they are in use at one moment."""

    indexer: PersonIndexer
    vault: Vault


def new_data_key() -> bytes:
    """A fresh key."""
    return secrets.token_bytes(KEY_BYTES)


def wrap(wrapping_key: bytes, data_key_id: int, data_key: bytes) -> bytes:
    """Enciphers a data key, bound to its row."""
    return vault.Vault(wrapping_key, _WRAPPED_KEY).seal(UUID(int=data_key_id), data_key)


def unwrap(wrapping_key: bytes, data_key_id: int, wrapped_key: bytes) -> bytes:
    """A data key in clear. Raises cryptography's InvalidTag where the wrapping key is another one."""
    return vault.Vault(wrapping_key, _WRAPPED_KEY).open(UUID(int=data_key_id), wrapped_key)
