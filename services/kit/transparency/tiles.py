"""How the hashes of a tree are kept: in tiles of 256 (C2SP tlog-tiles), so that a proof reads a few of them.

A tile of level 0 holds hashes of leaves, one of level L the roots of complete subtrees of 256^L leaves. A tile is only
ever added to, up to 256 hashes; what it says once it says for good.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from services.kit.transparency.merkle import HASH_BYTES, NodeSource, node_hash, root_of

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

_FULL_TILE_BYTES = TILE_WIDTH * HASH_BYTES


@dataclass(frozen=True, order=True)
class TileKey:
    """Which tile: its level, and its place among those of its level."""

    level: int
    index: int


Tiles = Mapping[TileKey, bytes]


class TilesDamaged(Exception):
    """A tile is missing, or has not the hashes that it must have; the text tells which."""

    def __init__(self, key: TileKey) -> None:
        super().__init__(f"tile {key.index} of level {key.level} is missing or damaged")


def edge_keys(size: int) -> Sequence[TileKey]:
    """The tiles of a tree of `size` leaves that are not full, lowest first: they hold what its root is made of."""
    keys = []
    level, hashes = 0, size
    while hashes:
        if hashes % TILE_WIDTH:
            keys.append(TileKey(level, hashes // TILE_WIDTH))
        level, hashes = level + 1, hashes // TILE_WIDTH
    return keys


def leaf_tile_keys(begin: int, end: int) -> Sequence[TileKey]:
    """The tiles that hold the hashes of the leaves from `begin` up to, without, `end`."""
    return [TileKey(0, index) for index in range(begin // TILE_WIDTH, -(-end // TILE_WIDTH))]


class TileNodes:
    """The hashes of a tree, read from tiles."""

    def __init__(self, tiles: Tiles) -> None:
        self._tiles = tiles

    def hash_of(self, height: int, index: int) -> bytes:
        """The root of a complete subtree (see `merkle`). Raises TilesDamaged."""
        key, position, width = _place(height, index)
        hashes = self._tiles.get(key, b"")[position * HASH_BYTES : (position + width) * HASH_BYTES]
        if len(hashes) != width * HASH_BYTES:
            raise TilesDamaged(key)
        return _complete_root(hashes)


def tiles_asked(prove: Callable[[NodeSource], object]) -> frozenset[TileKey]:
    """The tiles that `prove` reads; it is run on hashes that mean nothing."""
    asked = set()

    def hash_of(height: int, index: int) -> bytes:
        asked.add(_place(height, index)[0])
        return bytes(HASH_BYTES)

    prove(hash_of)
    return frozenset(asked)


class TiledTree:
    """A tree that grows by tiles: it needs those at its right edge, and tells which are written anew."""

    def __init__(self, size: int, edge: Tiles) -> None:
        """`edge`: the tiles of `edge_keys`, as they were when the tree had this size. Raises TilesDamaged."""
        self.size = size
        self._rows: dict[int, bytearray] = {}
        self._written: dict[TileKey, bytes] = {}
        for key in edge_keys(size):
            hashes = edge.get(key, b"")
            if len(hashes) != _hashes_of_level(size, key.level) % TILE_WIDTH * HASH_BYTES:
                raise TilesDamaged(key)
            self._rows[key.level] = bytearray(hashes)
        self._grown: set[int] = set()

    def append(self, leaf: bytes) -> None:
        """Adds a leaf, by its hash."""
        self.size += 1
        self._add(0, leaf)

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        return root_of(self.size, TileNodes(self._edge()).hash_of)

    def written(self) -> Tiles:
        """The tiles that are new or have more hashes than before."""
        grown = {key: hashes for key, hashes in self._edge().items() if key.level in self._grown}
        return {**self._written, **grown}

    def _add(self, level: int, added: bytes) -> None:
        row = self._rows.setdefault(level, bytearray())
        row += added
        self._grown.add(level)
        if len(row) == _FULL_TILE_BYTES:
            full = bytes(row)
            self._written[TileKey(level, _hashes_of_level(self.size, level) // TILE_WIDTH - 1)] = full
            row.clear()
            self._add(level + 1, _complete_root(full))

    def _edge(self) -> Tiles:
        return {key: bytes(self._rows[key.level]) for key in edge_keys(self.size)}


def _place(height: int, index: int) -> tuple[TileKey, int, int]:
    """Where the root of a complete subtree is found: the tile, the first hash in it, and over how many it stands."""
    level, inner_height = divmod(height, TILE_HEIGHT)
    tile, position = divmod(index << inner_height, TILE_WIDTH)
    return TileKey(level, tile), position, 1 << inner_height


def _hashes_of_level(size: int, level: int) -> int:
    return size >> TILE_HEIGHT * level


def _complete_root(hashes: bytes) -> bytes:
    """The root over a power of two of hashes."""
    row = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]
