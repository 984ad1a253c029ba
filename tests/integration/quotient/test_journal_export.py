"""An export of the journal shows a caisse its own lines, and the verifier finds what was done to them (N7, N6)."""

from collections.abc import AsyncIterator

import grpc
import pytest

from services.kit.errors import Reason
from services.kit.status import reason_of
from services.kit.transparency.merkle import leaf_hash
from tests.auditor import Auditor
from tests.integration.quotient.caller import BOURGOGNE, ELSEWHERE, Caller, item
from tests.people import new_nir
from tests.stack import Stack
from tests.tampering import altered_line, inserted_line


@pytest.fixture
async def auditor(stack: Stack) -> AsyncIterator[Auditor]:
    async with stack.channel("quotient", "qf") as channel:
        yield Auditor(channel)


async def sealed(caller: Caller, auditor: Auditor, caisse_code: str = BOURGOGNE, count: int = 1) -> list[str]:
    """New lines of a caisse that are sealed, by their consultations."""
    results = await caller.disclose(*(item(new_nir(), caisse_code=caisse_code) for _ in range(count)))
    ids = [result.consultation_id for result in results]
    # What waits is sealed in the order of its identifiers.
    await auditor.wait_until_sealed(max(ids))
    return ids


async def test_an_export_holds_every_leaf_once_and_in_its_place(caller: Caller, auditor: Auditor) -> None:
    # More than one chunk of the stream.
    ids = await sealed(caller, auditor, count=500) + await sealed(caller, auditor, count=400)
    leaves = await auditor.leaves()
    assert len(leaves) == (await auditor.checkpoint()).tree_size
    for consultation_id in ids[::90]:
        proof = await auditor.prove(consultation_id)
        assert leaves[proof.leaf_index].line == proof.leaf


async def test_lines_of_other_caisses_are_hashes(caller: Caller, auditor: Auditor) -> None:
    [ours] = await sealed(caller, auditor)
    [theirs] = await sealed(caller, auditor, ELSEWHERE)
    place, other = (await auditor.prove(ours)).leaf_index, await auditor.prove(theirs)
    shown = await auditor.leaves()
    assert shown[place].line
    assert shown[other.leaf_index].other_caisse_hash == leaf_hash(other.leaf)
    assert all(b'"caisse_code":"21"' in leaf.line for leaf in shown if leaf.WhichOneof("content") == "line")


async def test_the_exports_of_all_caisses_verify_against_one_checkpoint(
    caller: Caller, auditor: Auditor
) -> None:
    for caisse_code in (BOURGOGNE, ELSEWHERE):
        before = set(await auditor.findings(caisse_code=caisse_code))
        kept = await auditor.checkpoint()
        await sealed(caller, auditor, caisse_code)
        assert set(await auditor.findings([kept], caisse_code)) == before
        assert {finding.line for finding in before}.isdisjoint({None})


async def test_an_export_goes_on_from_where_it_was_cut(caller: Caller, auditor: Auditor) -> None:
    await sealed(caller, auditor, count=3)
    leaves = await auditor.leaves()
    assert await auditor.leaves(first_leaf_index=len(leaves) - 2) == leaves[-2:]
    assert await auditor.leaves(first_leaf_index=len(leaves)) == []


@pytest.mark.parametrize(
    ("caisse_code", "first_leaf_index"), [(BOURGOGNE, -1), (BOURGOGNE, 1 << 40), ("x", 0), ("", 0)]
)
async def test_what_cannot_be_exported_is_refused(
    caller: Caller, auditor: Auditor, caisse_code: str, first_leaf_index: int
) -> None:
    await sealed(caller, auditor)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await auditor.leaves(caisse_code, first_leaf_index)
    assert reason_of(refused.value) is Reason.INVALID_FIELD


async def test_a_line_that_was_edited_makes_another_tree(
    caller: Caller, auditor: Auditor, stack: Stack
) -> None:
    [consultation_id] = await sealed(caller, auditor)
    before = set(await auditor.findings())
    async with altered_line(stack, consultation_id, "UPDATE disclosures SET outcome = 'OPPOSED'"):
        [found] = set(await auditor.findings()) - before
    assert found.line is None
    assert "edited, dropped, inserted or moved" in found.reason
    assert set(await auditor.findings()) == before


async def test_a_line_that_was_deleted_is_missing_in_its_place(
    caller: Caller, auditor: Auditor, stack: Stack
) -> None:
    [consultation_id] = await sealed(caller, auditor)
    place = (await auditor.prove(consultation_id)).leaf_index
    before = set(await auditor.findings())
    async with altered_line(stack, consultation_id, "DELETE FROM disclosures"):
        found = set(await auditor.findings()) - before
    # The header is line 1.
    assert (place + 2, "is missing: it was deleted") in {(each.line, each.reason) for each in found}


async def test_a_line_that_was_inserted_is_told_though_no_tree_has_it(
    caller: Caller, auditor: Auditor, stack: Stack
) -> None:
    [consultation_id] = await sealed(caller, auditor)
    before = set(await auditor.findings())
    async with inserted_line(stack, like=consultation_id):
        [found] = set(await auditor.findings()) - before
    assert found.line == (await auditor.checkpoint()).tree_size + 2
    assert "inserted" in found.reason


async def test_lines_that_are_written_meanwhile_are_no_insertions(caller: Caller, auditor: Auditor) -> None:
    await sealed(caller, auditor)
    before = set(await auditor.findings())
    for _ in range(8):
        await caller.consult(item(new_nir()))
        assert set(await auditor.findings()) == before
