"""Merkle trees as RFC 6962 defines them, word for word: slow, and written apart from the code that they judge."""

from collections.abc import Callable, Sequence
from hashlib import sha256


def leaf(content: bytes) -> bytes:
    return sha256(b"\x00" + content).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH over hashes of leaves."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = split_of(len(leaves))
    return sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest()


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(leaves) == 1:
        return []
    split = split_of(len(leaves))
    if index < split:
        return [*path(index, leaves[:split]), root(leaves[split:])]
    return [*path(index - split, leaves[split:]), root(leaves[:split])]


def proof(first: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PROOF(m, D[n])."""
    return _subproof(first, leaves, is_whole=True)


def _subproof(first: int, leaves: Sequence[bytes], *, is_whole: bool) -> list[bytes]:
    if first == len(leaves):
        return [] if is_whole else [root(leaves)]
    split = split_of(len(leaves))
    if first <= split:
        return [*_subproof(first, leaves[:split], is_whole=is_whole), root(leaves[split:])]
    return [*_subproof(first - split, leaves[split:], is_whole=False), root(leaves[:split])]


def split_of(size: int) -> int:
    """The largest power of two smaller than `size`."""
    split = 1
    while split * 2 < size:
        split *= 2
    return split


def source(leaves: Sequence[bytes]) -> Callable[[int, int], bytes]:
    """The roots of complete subtrees."""
    return lambda height, index: root(leaves[index << height : (index + 1) << height])


def numbered(count: int) -> list[bytes]:
    """Hashes of so many different leaves."""
    return [leaf(number.to_bytes(4, "big")) for number in range(count)]
