"""A tree kept in tiles: whatever the steps in which it grew, it is the same tree."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kit.transparency.merkle import (
    CompactRange,
    consistency_proof,
    inclusion_proof,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from services.kit.transparency.tiles import (
    TiledTree,
    TileKey,
    TileNodes,
    TilesDamaged,
    edge_keys,
    leaf_tile_keys,
    tiles_asked,
)
from tests.unit.kit.transparency import trees

HASHES = trees.numbered(70_000)


def grow(stored: dict[TileKey, bytes], size: int, leaves: int) -> TiledTree:
    """Grows the stored tree by so many leaves, reading no more than its edge."""
    tree = TiledTree(size, {key: stored[key] for key in edge_keys(size)})
    for leaf in HASHES[size : size + leaves]:
        tree.append(leaf)
    stored.update(tree.written())
    return tree


@pytest.fixture(scope="module")
def stored() -> dict[TileKey, bytes]:
    """All tiles of a tree of three levels."""
    tiles: dict[TileKey, bytes] = {}
    grow(tiles, 0, len(HASHES))
    return tiles


@settings(max_examples=30)
@given(st.lists(st.integers(1, 600), min_size=1, max_size=8))
def test_a_tree_that_grows_in_steps_is_the_same_tree(steps: list[int]) -> None:
    tiles: dict[TileKey, bytes] = {}
    plain, size = CompactRange(), 0
    for step in steps:
        tree = grow(tiles, size, step)
        for leaf in HASHES[size : size + step]:
            plain.append(leaf)
        size += step
        assert (tree.size, tree.root()) == (size, plain.root())
    assert root_of(size, TileNodes(tiles).hash_of) == plain.root()


def test_only_what_grew_is_written() -> None:
    tiles: dict[TileKey, bytes] = {}
    grow(tiles, 0, 300)
    assert grow(tiles, 300, 1).written().keys() == {TileKey(0, 1)}
    assert grow(tiles, 301, 211).written().keys() == {TileKey(0, 1), TileKey(1, 0)}


def test_the_levels_are_those_of_c2sp(stored: dict[TileKey, bytes]) -> None:
    assert len(stored[TileKey(0, 0)]) == 256 * 32
    assert stored[TileKey(1, 0)][:32] == trees.root(HASHES[:256])
    assert stored[TileKey(2, 0)] == trees.root(HASHES[:65536])
    assert edge_keys(70_000) == [TileKey(0, 273), TileKey(1, 1), TileKey(2, 0)]
    assert edge_keys(65_536) == [TileKey(2, 0)]


def test_a_proof_reads_a_few_tiles(stored: dict[TileKey, bytes]) -> None:
    size = len(HASHES)
    root = root_of(size, TileNodes(stored).hash_of)
    for index in (0, 255, 256, 65_535, 65_536, size - 1):
        prove = partial(inclusion_proof, index, size)
        keys = tiles_asked(prove)
        proof = prove(TileNodes({key: stored[key] for key in keys}).hash_of)
        verify_inclusion(HASHES[index], index, size, proof, root)
        assert len(keys) <= 4


@settings(max_examples=50)
@given(st.data())
def test_proofs_from_tiles_hold_for_trees_of_every_size(data: st.DataObject) -> None:
    tiles: dict[TileKey, bytes] = {}
    grow(tiles, 0, 3000)
    nodes = TileNodes(tiles).hash_of
    second = data.draw(st.integers(1, 3000))
    first = data.draw(st.integers(1, second))
    proof = consistency_proof(first, second, nodes)
    assert proof == trees.proof(first, HASHES[:second])
    verify_consistency(first, second, root_of(first, nodes), root_of(second, nodes), proof)


def test_the_tiles_of_a_range_of_leaves_are_those_that_hold_them() -> None:
    assert leaf_tile_keys(0, 256) == [TileKey(0, 0)]
    assert leaf_tile_keys(255, 257) == [TileKey(0, 0), TileKey(0, 1)]
    assert leaf_tile_keys(512, 512) == []


def test_an_edge_that_is_missing_or_damaged_is_refused(stored: dict[TileKey, bytes]) -> None:
    edge = {key: stored[key] for key in edge_keys(70_000)}
    for damaged in (
        {},
        {**edge, TileKey(0, 273): edge[TileKey(0, 273)][:-32]},
        {**edge, TileKey(2, 0): edge[TileKey(2, 0)] * 2},
    ):
        with pytest.raises(TilesDamaged):
            TiledTree(70_000, damaged)


def test_a_hash_that_is_not_there_is_refused(stored: dict[TileKey, bytes]) -> None:
    with pytest.raises(TilesDamaged, match="tile 300 of level 0"):
        TileNodes(stored).hash_of(0, 300 * 256)
