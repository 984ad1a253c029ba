"""What an export tells of a leaf: whose it is and what is left of it; nothing of another caisse's line (N6, N7)."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.kit.errors import InvalidField
from services.kit.identifiers import new_uuid7
from services.kit.transparency.leaf import CANONICAL_LEAF
from services.kit.transparency.tiles import TileKey
from services.quotient.journal.domain import (
    ExportedLeaf,
    LeafKind,
    consult_time,
    may_be_purged,
    read_first_leaf_index,
    read_tree_size,
)
from services.quotient.journal.exporting import StoredLeaves
from services.quotient.journal.store import LineRow

NOW = datetime(2026, 11, 24, 18, 2, 38, 123456, UTC)
YOUNG, OLD = new_uuid7(NOW), new_uuid7(NOW - timedelta(days=366))
HASHES = [bytes([number]) * 32 for number in range(3)]
TILES = {TileKey(0, 0): b"".join(HASHES)}


def line(consultation_id: UUID, caisse_code: str = "21") -> LineRow:
    return LineRow(
        consultation_id=consultation_id,
        disclose_time=NOW,
        account_id=uuid4(),
        habilitation_id=uuid4(),
        partner_id=uuid4(),
        convention_id=uuid4(),
        caisse_code=caisse_code,
        person_index=bytes(32),
        index_generation=1,
        month=date(2026, 11, 1),
        purpose="OTHER",
        purpose_text="colonie de vacances",
        case_reference="CLSH/118",
        outcome="AVAILABLE",
        trace_id="",
        period_ids=[],
        period_starts=[],
        period_ends=[],
        salt=bytes(16),
    )


def told(stored: StoredLeaves) -> ExportedLeaf:
    [leaf] = stored.told("21", range(1, 2), NOW)
    return leaf


def test_a_line_of_the_caisse_is_told_as_it_is_hashed() -> None:
    own = line(YOUNG)
    leaf = told(StoredLeaves({1: YOUNG}, {YOUNG: own}, TILES))
    assert leaf == ExportedLeaf(LeafKind.LINE, own.encode())
    assert CANONICAL_LEAF.fullmatch(leaf.content)
    assert b"colonie" not in leaf.content
    assert b"CLSH" not in leaf.content


def test_another_caisse_s_line_is_its_hash() -> None:
    leaf = told(StoredLeaves({1: YOUNG}, {YOUNG: line(YOUNG, "12")}, TILES))
    assert leaf == ExportedLeaf(LeafKind.OTHER_CAISSE, HASHES[1])


def test_a_line_that_is_gone_was_purged_if_its_time_was_over() -> None:
    assert told(StoredLeaves({1: OLD}, {}, TILES)) == ExportedLeaf(LeafKind.PURGED, HASHES[1])


def test_a_line_that_is_gone_before_its_time_is_missing() -> None:
    assert told(StoredLeaves({1: YOUNG}, {}, TILES)) == ExportedLeaf(LeafKind.MISSING)


def test_a_place_without_a_line_or_without_a_hash_is_missing() -> None:
    assert told(StoredLeaves({}, {}, TILES)) == ExportedLeaf(LeafKind.MISSING)
    assert told(StoredLeaves({1: OLD}, {}, {})) == ExportedLeaf(LeafKind.MISSING)


def test_the_time_of_a_line_is_read_from_its_identifier() -> None:
    assert consult_time(YOUNG) == NOW.replace(microsecond=123000)


@pytest.mark.parametrize(("days", "purged"), [(364, False), (365, True), (400, True)])
def test_no_line_is_purged_within_a_year(days: int, purged: bool) -> None:
    assert may_be_purged(new_uuid7(NOW - timedelta(days=days)), NOW) is purged


@pytest.mark.parametrize(("asked", "newest"), [(0, 5), (-1, 5), (6, 5)])
def test_a_size_that_the_tree_never_had_is_refused(asked: int, newest: int) -> None:
    assert read_tree_size("first_tree_size", newest, newest) == newest
    with pytest.raises(InvalidField) as refused:
        read_tree_size("first_tree_size", asked, newest)
    assert refused.value.violations[0].field == "first_tree_size"


@pytest.mark.parametrize("asked", [-1, 6])
def test_an_export_begins_within_the_tree(asked: int) -> None:
    assert [read_first_leaf_index(index, 5) for index in (0, 5)] == [0, 5]
    with pytest.raises(InvalidField):
        read_first_leaf_index(asked, 5)
