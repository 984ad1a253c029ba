"""The verifier finds whatever was done to a journal, and nothing where nothing was done."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.transparency.export import (
    MISSING,
    ExportHeader,
    ExportRefused,
    other_caisse_entry,
    purged_entry,
)
from services.kit.transparency.merkle import leaf_hash
from services.kit.transparency.verification import verify_export
from tests.unit.kit.transparency.exports import BEGIN, NOW, Export, entry, head, told, verify

COUNT = 20
SEALED = [entry(number) for number in range(COUNT)]
# The header is line 1.
LINE = 2


def test_an_export_that_nobody_touched_is_intact() -> None:
    result = verify(SEALED, SEALED, [head(SEALED[:7], "monday"), head(SEALED[:1], "sunday")])
    assert told(result) == []
    assert result.is_intact
    assert (result.told_count, result.other_caisse_count, result.purged_count) == (COUNT, 0, 0)


def test_the_lines_of_other_caisses_and_those_that_were_purged_count_by_their_hashes() -> None:
    shown = [
        purged_entry(leaf_hash(SEALED[0])),
        *SEALED[1:5],
        other_caisse_entry(leaf_hash(entry(5, caisse_code="12"))),
        *SEALED[6:],
    ]
    result = verify(shown, shown)
    assert told(result) == []
    assert (result.told_count, result.other_caisse_count, result.purged_count) == (COUNT - 2, 1, 1)


def tampered(data: st.DataObject) -> list[bytes]:
    """The journal with one line edited, dropped, inserted, copied, or two of them in each other's place."""
    place = data.draw(st.integers(0, COUNT - 1))
    other = data.draw(st.integers(0, COUNT - 1).filter(lambda number: number != place))
    before, line, after = SEALED[:place], SEALED[place], SEALED[place + 1 :]
    swapped = list(SEALED)
    swapped[place], swapped[other] = swapped[other], swapped[place]
    ways = [
        [*before, line.replace(b"AVAILABLE", b"OPPOSED"), *after],
        [*before, line.replace(b"CANTEEN", b"PRICING"), *after],
        [*before, line.replace(b'"v":1', b'"v":1 '), *after],
        [*before, *after],
        [*before, entry(COUNT), line, *after],
        [*before, line, line, *after],
        swapped,
        SEALED[:place],
        [*before, purged_entry(bytes(32)), *after],
        [*before, other_caisse_entry(bytes(32)), *after],
        [*before, MISSING, *after],
        [*before, b"", *after],
        [*before, b"other:rubbish", *after],
        [*before, b"something else", *after],
    ]
    return data.draw(st.sampled_from(ways))


@given(st.data())
def test_whatever_was_done_to_a_line_is_found(data: st.DataObject) -> None:
    assert not verify(tampered(data), SEALED).is_intact


@given(st.data())
def test_whatever_is_altered_in_the_file_is_found(data: st.DataObject) -> None:
    content = b"".join(Export(SEALED, COUNT).lines())
    begin = content.index(b"\n") + 1
    place = data.draw(st.integers(begin, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != content[place]))
    altered = content[:place] + bytes([byte]) + content[place + 1 :]
    assert not verify_export(altered.splitlines(keepends=True), head(SEALED), [], NOW).is_intact


@given(st.integers(0, COUNT - 1), st.integers(1, COUNT), st.integers(1, COUNT))
def test_an_edit_is_bounded_by_the_checkpoints_that_were_kept(place: int, one: int, other: int) -> None:
    shown = [*SEALED]
    shown[place] = shown[place].replace(b"AVAILABLE", b"OPPOSED")
    kept = [head(SEALED[:size], f"kept{size}") for size in (one, other)]
    result = verify(shown, SEALED, kept)
    [(line, reason)] = told(result)
    assert line is None
    first, last = map(int, re.findall(r"lines ([0-9]+) to ([0-9]+)", reason)[0])
    assert first <= place + LINE <= last
    assert first == max((size for size in (one, other) if size <= place), default=0) + LINE
    assert last == min(size for size in (one, other, COUNT) if size > place) + LINE - 1


def test_a_journal_that_was_rewritten_and_sealed_anew_is_found_by_a_checkpoint_from_before() -> None:
    rewritten = [SEALED[0].replace(b"AVAILABLE", b"OPPOSED"), *SEALED[1:]]
    assert verify(rewritten, rewritten).is_intact
    [(_, reason)] = told(verify(rewritten, rewritten, [head(SEALED[:7], "monday")]))
    assert "as FILE.checkpoint signs it, not as monday does" in reason


def test_a_journal_that_was_cut_and_sealed_anew_is_found_by_a_checkpoint_from_before() -> None:
    shorter = SEALED[:15]
    assert verify(shorter, shorter).is_intact
    [(_, reason)] = told(verify(shorter, shorter, [head(SEALED, "monday")]))
    assert "is cut: monday signs 20 leaves, this export has 15" in reason


def test_a_file_that_was_cut_is_found() -> None:
    assert (None, "Lines were dropped: the file has 15 of 20 leaves.") in told(verify(SEALED[:15], SEALED))
    lines = Export(SEALED, COUNT).lines()
    lines[-1] = lines[-1].removesuffix(b"\n")
    assert told(verify_export(lines, head(SEALED), [], NOW)) == [(21, "is cut: it has no end")]


def test_a_line_that_the_tree_does_not_know_is_told_by_its_number() -> None:
    [(line, reason)] = told(verify([*SEALED, entry(COUNT)], SEALED))
    assert line == COUNT + LINE
    assert "inserted" in reason


@pytest.mark.parametrize(
    ("place", "line", "reason"),
    [
        (3, SEALED[3].replace(b'"v":1', b'"v":2'), "no canonical leaf"),
        (3, SEALED[2], "was copied"),
        (3, entry(3, caisse_code="12"), "another caisse"),
        (3, SEALED[3].replace(b"T08:00:03", b"T07:54:03"), "older than a line before it"),
        (3, SEALED[3].replace(b"2026-11-24T08", b"2026-11-31T08"), "later than the export"),
        (3, SEALED[3].replace(b"2026-11-24T08", b"2025-02-30T08"), "older than a line before it"),
        (3, MISSING, "was deleted"),
        (3, b"purged:AAAA", "no line of an export"),
        (3, b"", "no line of an export"),
        (3, purged_entry(leaf_hash(SEALED[3])), "purged too early"),
    ],
)
def test_what_a_line_gives_away_by_itself_is_told_by_its_number(place: int, line: bytes, reason: str) -> None:
    shown = [*SEALED]
    shown[place] = line
    found = [said for number, said in told(verify(shown, SEALED)) if number == place + LINE]
    assert len(found) == 1
    assert reason in found[0]


def test_lines_that_servers_wrote_out_of_order_by_seconds_are_in_order() -> None:
    shown = [SEALED[1], SEALED[0], *SEALED[2:]]
    assert verify(shown, shown).is_intact


def test_a_line_whose_time_is_over_may_have_been_purged() -> None:
    shown = [SEALED[0], purged_entry(leaf_hash(SEALED[1])), *SEALED[2:]]
    assert not verify(shown, shown).is_intact
    later = BEGIN + timedelta(days=366)
    assert verify_export(Export(shown, COUNT, later).lines(), head(shown), [], later).is_intact


def test_an_export_does_not_make_itself_younger_or_older() -> None:
    shown = [SEALED[0], purged_entry(leaf_hash(SEALED[1])), *SEALED[2:]]
    pretended = Export(shown, COUNT, NOW + timedelta(days=400))
    assert not verify_export(pretended.lines(), head(shown), [], NOW).is_intact


def test_a_header_of_another_tree_is_found() -> None:
    lines = Export(SEALED, COUNT + 1).lines()
    assert (1, "is not the header of what FILE.checkpoint signs") in told(
        verify_export(lines, head(SEALED), [], NOW)
    )


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"[]\n",
        b"rubbish\n",
        b"\xff\n",
        ExportHeader("o", 1, "21", NOW).encode().replace(b"export-1", b"export-2"),
        ExportHeader("o", 0, "21", NOW).encode(),
        ExportHeader("o", 1, "210", NOW).encode(),
        ExportHeader("o", 1, "21", NOW).encode().replace(b"2026-11", b"2026-13"),
    ],
)
def test_what_is_no_export_is_refused(line: bytes) -> None:
    with pytest.raises(ExportRefused):
        verify_export([line], head(SEALED), [], NOW)


def test_findings_are_all_counted_and_the_first_are_told() -> None:
    result = verify([b"rubbish"] * 2000, SEALED)
    assert len(result.findings) == 1000
    assert result.finding_count == 2000 + 2000 - COUNT


def test_progress_is_told_in_bytes_and_leaves() -> None:
    entries = [entry(number) for number in range(5000)]
    lines = Export(entries, 5000).lines()
    progress: list[tuple[int, int]] = []
    result = verify_export(
        lines, head(entries), [], NOW, lambda size, leaves: progress.append((size, leaves))
    )
    assert result.is_intact
    assert progress == [(sum(map(len, lines[:4096])), 4095)]
