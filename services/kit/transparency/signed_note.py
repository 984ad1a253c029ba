"""Signed notes (C2SP signed-note) with Ed25519, and the checkpoints that they sign (C2SP tlog-checkpoint).

A note is text, a blank line, and one line for each signature. Signatures by other keys than ours, a witness's for
instance, are left alone.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.kit.transparency.merkle import HASH_BYTES

SEED_BYTES = 32

# The signature type of C2SP signed-note for Ed25519.
_ED25519 = b"\x01"
_KEY_HASH_BYTES = 4
_SIGNATURE_BYTES = 64
_MAXIMUM_SIGNATURES = 100
_VERIFIER_KEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")
_SIGNATURE_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/=]+)")
# What a note may not hold: control characters but the line feed.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class NoteRefused(Exception):
    """A note, a checkpoint or a verifier key is malformed, or a signature does not hold; the text tells what."""


@dataclass(frozen=True)
class VerifierKey:
    """Who signs and with which public key; its text is `name+hash+key` (C2SP signed-note, "Verifier keys")."""

    name: str
    public_key: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key in its text. Raises NoteRefused."""
        match = _VERIFIER_KEY.fullmatch(text)
        material = _base64(match[3]) if match else None
        if match is None or material is None or len(material) != len(_ED25519) + SEED_BYTES:
            raise NoteRefused("a verifier key is NAME+HASH+KEY, of Ed25519")
        if material[:1] != _ED25519:
            raise NoteRefused("the verifier key is not one of Ed25519")
        key = cls(match[1], material[1:])
        if key.key_hash.hex() != match[2]:
            raise NoteRefused("the verifier key is damaged: its hash is not that of its name and key")
        return key

    @property
    def key_hash(self) -> bytes:
        """Four bytes by which a signature names its key (C2SP signed-note, "Signatures")."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:_KEY_HASH_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_hash.hex()}+{base64.b64encode(_ED25519 + self.public_key).decode()}"


class Signer:
    """Signs notes in the name of a log."""

    def __init__(self, name: str, seed: bytes) -> None:
        """`seed`: the 32 bytes of an Ed25519 private key (RFC 8032). Raises NoteRefused for a name with space or +."""
        if not re.fullmatch(r"[^\s+]+", name):
            raise NoteRefused("the name of a signer has no space and no plus sign")
        self._private_key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier_key = VerifierKey(name, self._private_key.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """The note of `text`, which ends with a line feed."""
        key = self.verifier_key
        signature = base64.b64encode(key.key_hash + self._private_key.sign(text.encode())).decode()
        return f"{text}\n— {key.name} {signature}\n"


def open_note(note: str, key: VerifierKey) -> str:
    """The text of `note`, signed with `key`. Raises NoteRefused."""
    text, signatures = _parted(note)
    ours = [
        signature for name, key_hash, signature in signatures if (name, key_hash) == (key.name, key.key_hash)
    ]
    if not ours:
        raise NoteRefused(f"the note is not signed with the key {key.name}+{key.key_hash.hex()}")
    for signature in ours:
        _verify(key, signature, text)
    return text


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log: how many leaves its tree has, and its root (C2SP tlog-checkpoint)."""

    origin: str
    tree_size: int
    root_hash: bytes

    def encode(self) -> str:
        """The text to sign."""
        return f"{self.origin}\n{self.tree_size}\n{base64.b64encode(self.root_hash).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The checkpoint in the text of a note; extension lines are left alone. Raises NoteRefused."""
        lines = text.split("\n")
        if len(lines) < len(("origin", "size", "root", "")) or not all(lines[:-1]) or lines[-1]:
            raise NoteRefused("a checkpoint has three lines or more: origin, size, root")
        origin, size, root = lines[:3]
        if not _SIZE.fullmatch(size):
            raise NoteRefused("the size in the checkpoint is not a decimal number")
        root_hash = _base64(root)
        if root_hash is None or len(root_hash) != HASH_BYTES:
            raise NoteRefused("the root in the checkpoint is not a hash in base64")
        return cls(origin, int(size), root_hash)


def open_checkpoint(note: str, key: VerifierKey) -> Checkpoint:
    """The checkpoint that `note` signs with `key`, whose name is the origin. Raises NoteRefused."""
    checkpoint = Checkpoint.parse(open_note(note, key))
    if checkpoint.origin != key.name:
        raise NoteRefused(f"the checkpoint is of another log than {key.name}")
    return checkpoint


def _parted(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The text, and of each signature its name, key hash and rest."""
    text, blank_line, signature_lines = note.rpartition("\n\n")
    if not blank_line or not signature_lines.endswith("\n") or _CONTROL.search(note):
        raise NoteRefused("not a signed note: text, a blank line, signatures")
    lines = signature_lines.removesuffix("\n").split("\n")
    if len(lines) > _MAXIMUM_SIGNATURES:
        raise NoteRefused(f"a note has {_MAXIMUM_SIGNATURES} signatures at most")
    return f"{text}\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    match = _SIGNATURE_LINE.fullmatch(line)
    blob = _base64(match[2]) if match else None
    if match is None or blob is None or len(blob) <= _KEY_HASH_BYTES:
        raise NoteRefused("a signature line of the note is malformed")
    return match[1], blob[:_KEY_HASH_BYTES], blob[_KEY_HASH_BYTES:]


def _verify(key: VerifierKey, signature: bytes, text: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, text.encode())
    except InvalidSignature:
        raise NoteRefused("the signature of the note does not hold: its text was altered") from None


def _base64(text: str) -> bytes | None:
    """What standard base64 with padding stands for; None where it is not that, or not in its one canonical form."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return decoded if base64.b64encode(decoded).decode() == text else None
