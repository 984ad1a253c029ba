"""Roots and proofs of RFC 6962, against its test vectors and against its definitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.transparency.merkle import (
    EMPTY_ROOT,
    CompactRange,
    ProofRefused,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tests.unit.kit.transparency import trees

# The leaves and roots that implementations of Certificate Transparency test with.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
MOST_LEAVES = 300
HASHES = trees.numbered(MOST_LEAVES)
sizes = st.integers(1, MOST_LEAVES)


def grown(leaves: list[bytes]) -> CompactRange:
    tree = CompactRange()
    for one in leaves:
        tree.append(one)
    return tree


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_the_roots_are_those_of_the_known_vectors(size: int) -> None:
    hashes = [leaf_hash(content) for content in LEAVES[:size]]
    assert grown(hashes).root().hex() == ROOTS[size]
    assert root_of(size, trees.source(hashes)).hex() == ROOTS[size]


def test_a_tree_without_leaves_has_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex() == ROOTS[0]


@given(sizes)
def test_a_tree_that_grows_has_the_root_of_the_definition(size: int) -> None:
    assert grown(HASHES[:size]).root() == trees.root(HASHES[:size])


@given(st.data())
def test_an_inclusion_proof_is_that_of_the_definition_and_holds(data: st.DataObject) -> None:
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    leaves = HASHES[:size]
    proof = inclusion_proof(index, size, trees.source(leaves))
    assert proof == trees.path(index, leaves)
    verify_inclusion(leaves[index], index, size, proof, trees.root(leaves))


@given(st.data())
def test_a_consistency_proof_is_that_of_the_definition_and_holds(data: st.DataObject) -> None:
    second = data.draw(sizes)
    first = data.draw(st.integers(1, second))
    leaves = HASHES[:second]
    proof = consistency_proof(first, second, trees.source(leaves))
    assert proof == trees.proof(first, leaves)
    verify_consistency(first, second, trees.root(leaves[:first]), trees.root(leaves), proof)


def mutated(data: st.DataObject, proof: list[bytes]) -> list[bytes]:
    """The proof with one hash altered, dropped or added, or all of them in the wrong order."""
    place = data.draw(st.integers(0, len(proof) - 1))
    altered = bytes([proof[place][0] ^ 1]) + proof[place][1:]
    ways = [
        [*proof[:place], altered, *proof[place + 1 :]],
        [*proof[:place], *proof[place + 1 :]],
        [*proof[:place], bytes(32), *proof[place:]],
        proof[::-1] if len(proof) > 1 else [],
    ]
    return data.draw(st.sampled_from(ways))


@given(st.data())
def test_an_inclusion_proof_that_was_altered_is_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, MOST_LEAVES))
    index = data.draw(st.integers(0, size - 1))
    leaves = HASHES[:size]
    proof = mutated(data, trees.path(index, leaves))
    with pytest.raises(ProofRefused):
        verify_inclusion(leaves[index], index, size, proof, trees.root(leaves))


@given(st.data())
def test_a_consistency_proof_that_was_altered_is_refused(data: st.DataObject) -> None:
    second = data.draw(st.integers(2, MOST_LEAVES))
    first = data.draw(st.integers(1, second - 1))
    leaves = HASHES[:second]
    proof = mutated(data, trees.proof(first, leaves))
    with pytest.raises(ProofRefused):
        verify_consistency(first, second, trees.root(leaves[:first]), trees.root(leaves), proof)


@given(st.data())
def test_a_leaf_is_not_proved_at_another_place_or_in_another_tree(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, MOST_LEAVES))
    index = data.draw(st.integers(0, size - 1))
    elsewhere = data.draw(st.integers(0, size - 1).filter(lambda place: place != index))
    leaves = HASHES[:size]
    proof, head = trees.path(index, leaves), trees.root(leaves)
    with pytest.raises(ProofRefused):
        verify_inclusion(leaves[index], elsewhere, size, proof, head)
    with pytest.raises(ProofRefused):
        verify_inclusion(leaves[elsewhere], index, size, proof, head)
    with pytest.raises(ProofRefused):
        verify_inclusion(leaves[index], index, size, proof, trees.root(HASHES[: size - 1]))


@given(st.data())
def test_a_tree_whose_past_was_rewritten_is_not_consistent(data: st.DataObject) -> None:
    second = data.draw(st.integers(2, MOST_LEAVES))
    first = data.draw(st.integers(1, second - 1))
    rewritten = data.draw(st.integers(0, first - 1))
    leaves = HASHES[:second]
    other = [*leaves[:rewritten], bytes(32), *leaves[rewritten + 1 :]]
    for proof in (trees.proof(first, leaves), trees.proof(first, other)):
        with pytest.raises(ProofRefused):
            verify_consistency(first, second, trees.root(leaves[:first]), trees.root(other), proof)


def test_two_trees_of_one_size_are_the_same_or_refused() -> None:
    verify_consistency(5, 5, HASHES[0], HASHES[0], [])
    with pytest.raises(ProofRefused, match="different roots"):
        verify_consistency(5, 5, HASHES[0], HASHES[1], [])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_what_is_not_in_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="not in the tree"):
        inclusion_proof(index, size, trees.source(HASHES))
    with pytest.raises(ProofRefused, match="not within"):
        verify_inclusion(HASHES[0], index, size, [], HASHES[0])


@pytest.mark.parametrize(("first", "second"), [(0, 3), (4, 3), (-1, 3)])
def test_trees_that_do_not_follow_each_other_have_no_proof(first: int, second: int) -> None:
    with pytest.raises(ValueError, match="follow"):
        consistency_proof(first, second, trees.source(HASHES))
    with pytest.raises(ProofRefused, match="follow"):
        verify_consistency(first, second, HASHES[0], HASHES[0], [])
