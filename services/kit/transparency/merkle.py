"""Merkle trees over a log (RFC 6962, section 2): roots, inclusion proofs, consistency proofs.

A tree is known by the hashes of its leaves. `hash_of(height, index)` tells the root of a complete subtree of 2^height
leaves, the one at `index` among those of its height: 0, 0 is the first leaf. Where such hashes are kept is the
caller's business (see `tiles`).
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()

NodeSource = Callable[[int, int], bytes]
# From the first leaf up to, without, the last.
Range = tuple[int, int]

_LEAF = b"\x00"
_NODE = b"\x01"


class ProofRefused(Exception):
    """A proof does not prove what it is said to; the text tells why."""


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf (RFC 6962, section 2.1)."""
    return sha256(_LEAF + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side (RFC 6962, section 2.1)."""
    return sha256(_NODE + left + right).digest()


class CompactRange:
    """A tree that grows: of all its hashes it keeps the roots of the complete subtrees it is made of, largest first."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)

    def append(self, leaf: bytes) -> None:
        """Adds a leaf, by its hash."""
        node, complete, peaks = leaf, self.size, self._peaks
        while complete & 1:
            node = sha256(_NODE + peaks.pop() + node).digest()
            complete >>= 1
        peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        return folded(self._peaks)


def folded(peaks: Sequence[bytes]) -> bytes:
    """The root over complete subtrees side by side, each smaller than the one before."""
    if not peaks:
        return EMPTY_ROOT
    *before, root = peaks
    for peak in reversed(before):
        root = node_hash(peak, root)
    return root


def root_of(size: int, hash_of: NodeSource) -> bytes:
    """The root of the tree of the first `size` leaves."""
    return _range_root(0, size, hash_of)


def inclusion_proof(index: int, size: int, hash_of: NodeSource) -> Sequence[bytes]:
    """What leads from the leaf at `index` to the root of `size` leaves (RFC 6962, section 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError("the leaf is not in the tree")
    beside = [beside for _, beside in _descent(index, size)]
    return [_range_root(*leaves, hash_of) for leaves in reversed(beside)]


def consistency_proof(first: int, second: int, hash_of: NodeSource) -> Sequence[bytes]:
    """What shows that `second` leaves begin with `first` of them, unchanged (RFC 6962, section 2.1.2)."""
    if not 0 < first <= second:
        raise ValueError("the trees do not follow each other")
    if first == second:
        return []
    path, inside = [], (0, second)
    for inside, beside in _descent(first - 1, second):
        path.append(beside)
        if inside[1] == first:
            break
    # A subtree that both trees have; where it is the whole first tree, its root is known.
    if inside[0]:
        path.append(inside)
    return [_range_root(*leaves, hash_of) for leaves in reversed(path)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises ProofRefused unless `proof` leads from a leaf's hash to `root` (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofRefused("the place of the leaf is not within the tree")
    position, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofRefused("the proof is too long")
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            position, last = _above_left_edge(position, last)
        else:
            found = node_hash(found, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofRefused("the proof is too short")
    if found != root:
        raise ProofRefused("the proof leads to another root: the line is not in the tree as it is told here")


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raises ProofRefused unless `proof` shows the second tree to begin with the first (RFC 9162, section 2.1.4.2)."""
    if not 0 < first <= second:
        raise ProofRefused("the sizes of the trees do not follow each other")
    if first == second:
        if proof or first_root != second_root:
            raise ProofRefused("two trees of one size have different roots")
        return
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not path:
        raise ProofRefused("the proof is empty")
    before, after = _roots_of_consistency(first, second, path)
    if before != first_root:
        raise ProofRefused("the proof does not lead to the earlier root: the tree was changed since")
    if after != second_root:
        raise ProofRefused("the proof does not lead to the later root")


def _roots_of_consistency(first: int, second: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    position, last = first - 1, second - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofRefused("the proof is too long")
        if position & 1 or position == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            position, last = _above_left_edge(position, last)
        else:
            after = node_hash(after, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofRefused("the proof is too short")
    return before, after


def _above_left_edge(position: int, last: int) -> tuple[int, int]:
    """Skips the heights at which the subtree stands alone at the right edge, or first in its row."""
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _descent(index: int, size: int) -> Iterator[tuple[Range, Range]]:
    """The way from the root of `size` leaves down to one of them: what each step enters, and what stands beside it."""
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _largest_power_below(end - begin)
        if index < middle:
            beside, end = (middle, end), middle
        else:
            beside, begin = (begin, middle), middle
        yield (begin, end), beside


def _largest_power_below(size: int) -> int:
    """The largest power of two that is smaller than `size`, which is 2 or more."""
    return 1 << (size - 1).bit_length() - 1


def _range_root(begin: int, end: int, hash_of: NodeSource) -> bytes:
    """The root over the leaves from `begin` up to `end`; `begin` is a multiple of the largest subtree within."""
    peaks = []
    while begin < end:
        height = (end - begin).bit_length() - 1
        peaks.append(hash_of(height, begin >> height))
        begin += 1 << height
    return folded(peaks)
