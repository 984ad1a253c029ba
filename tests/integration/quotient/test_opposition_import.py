"""An existing register of oppositions, imported: it holds once acknowledged, whatever else goes on (N1, art. 6-3)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from time import monotonic

import grpc
import pytest

from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import opposition_service_pb2 as pb
from services.kit.clock import SystemClock, paris_date
from services.kit.errors import Reason
from services.kit.status import reason_of
from tests.integration.quotient.caller import (
    BOURGOGNE,
    Caller,
    item,
    message,
    new_id,
    objection,
    period,
    record,
    shows_nothing,
)
from tests.people import new_nir
from tests.stack import Stack
from tests.streams import held_open

QF = period(date(2026, 1, 1), amount_cents=61234)
TODAY = paris_date(SystemClock().now())
RECORDED, STANDING, REFUSED = (
    pb.IMPORT_OUTCOME_RECORDED,
    pb.IMPORT_OUTCOME_STANDING,
    pb.IMPORT_OUTCOME_REFUSED,
)
WHOLE_CHUNK = 500
# A sixth of the rate that was measured on two cores, so that a busy machine fails nobody.
LEAST_PER_SECOND = 500


def outcomes(results: Sequence[pb.ImportedOpposition]) -> list[int]:
    return [result.outcome for result in results]


async def test_an_imported_opposition_withholds_once_its_chunk_is_acknowledged(caller: Caller) -> None:
    nirs = [new_nir() for _ in range(20)]
    await caller.publish(*(record(nir, qf=QF) for nir in nirs))
    assert outcomes(await caller.import_oppositions(*map(objection, nirs))) == [RECORDED] * 20
    results = await caller.disclose(*map(item, nirs))
    assert {result.outcome for result in results} == {disclosure_pb.DISCLOSURE_OUTCOME_OPPOSED}
    assert all(shows_nothing(result) for result in results)
    assert await caller.check(*nirs) == [[(BOURGOGNE, "")]] * 20


async def test_every_field_of_a_record_is_kept(caller: Caller) -> None:
    nir, partner_id = new_nir(), new_id()
    asked = objection(
        nir,
        partner_id=partner_id,
        received_on=date(2024, 2, 29),
        reference="GED/2024-7",
        requester=pb.OPPOSITION_REQUESTER_REPRESENTATIVE,
        declarant=pb.OPPOSITION_DECLARANT_PARTNER,
    )
    (result,) = await caller.import_oppositions(asked)
    (standing,) = await caller.list_oppositions(nir)
    assert result == pb.ImportedOpposition(outcome=RECORDED, opposition_id=standing.opposition_id)
    assert standing == pb.Opposition(
        opposition_id=standing.opposition_id,
        scope=asked.scope,
        channel=asked.channel,
        record_time=standing.record_time,
        requester=asked.requester,
        declarant=asked.declarant,
        received_on=asked.received_on,
        reference=asked.reference,
    )


async def test_the_same_records_again_change_nothing(caller: Caller) -> None:
    nirs = [new_nir() for _ in range(10)]
    first = await caller.import_oppositions(*map(objection, nirs))
    before = [await caller.list_oppositions(nir) for nir in nirs]
    again = await caller.import_oppositions(*map(objection, nirs))
    assert outcomes(again) == [STANDING] * 10
    assert [result.opposition_id for result in again] == [result.opposition_id for result in first]
    assert [await caller.list_oppositions(nir) for nir in nirs] == before


async def test_a_record_that_stands_twice_in_a_chunk_is_one_opposition(caller: Caller) -> None:
    nir, partner_id = new_nir(), new_id()
    results = await caller.import_oppositions(
        objection(nir, reference="1"),
        objection(nir, partner_id=partner_id),
        objection(nir, reference="2"),
    )
    assert outcomes(results) == [RECORDED, RECORDED, STANDING]
    assert results[0].opposition_id == results[2].opposition_id
    assert sorted(opposition.reference for opposition in await caller.list_oppositions(nir)) == ["", "1"]


@pytest.mark.parametrize(
    ("broken", "field", "rule"),
    [
        (objection("269054958815781"), "nir", "NIR_KEY_MISMATCH"),
        (objection("269054958815780", caisse_code="x"), "scope.caisse_code", "CAISSE_CODE"),
        (objection("269054958815780", partner_id="x"), "scope.partner_id", "UUID"),
        (
            objection("269054958815780", declarant=pb.OPPOSITION_DECLARANT_PARTNER),
            "scope.partner_id",
            "DECLARED_BY_PARTNER",
        ),
        (
            objection("269054958815780", received_on=TODAY + timedelta(3)),
            "received_on",
            "DATE_IN_FUTURE",
        ),
        (objection("269054958815780", reference="2690549588157"), "reference", "NIR_IN_REFERENCE"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_record_that_breaks_a_rule_is_refused_alone_without_its_value(
    caller: Caller, broken: pb.RecordOppositionRequest, field: str, rule: str
) -> None:
    good = [new_nir(), new_nir()]
    first, refused, last = await caller.import_oppositions(objection(good[0]), broken, objection(good[1]))
    assert outcomes([first, refused, last]) == [RECORDED, REFUSED, RECORDED]
    assert (refused.field, refused.rule, refused.opposition_id) == (field, rule, "")
    assert refused.description
    assert "2690549" not in refused.description
    assert await caller.check(*good) == [[(BOURGOGNE, "")]] * 2


async def test_a_chunk_of_nothing_but_refused_records_is_answered(caller: Caller) -> None:
    assert outcomes(await caller.import_oppositions(objection("1"), objection("2"))) == [REFUSED] * 2


async def test_an_old_register_does_not_renew_what_was_withdrawn_since(caller: Caller) -> None:
    nir, expressed = new_nir(), TODAY - timedelta(400)
    old = objection(nir, received_on=expressed)
    await caller.import_oppositions(old)
    await caller.withdraw_opposition(nir)
    before = await caller.list_oppositions(nir)
    (refused,) = await caller.import_oppositions(old)
    assert (refused.outcome, refused.field, refused.rule) == (REFUSED, "received_on", "WITHDRAWN_SINCE")
    assert await caller.list_oppositions(nir) == before
    assert await caller.check(nir) == [[]]


async def test_what_was_expressed_after_a_withdrawal_is_recorded_beside_what_came_before(
    caller: Caller,
) -> None:
    nir, expressed = new_nir(), TODAY - timedelta(400)
    recorded = await caller.oppositions.RecordOpposition(objection(nir, received_on=expressed))
    withdrawal = pb.WithdrawOppositionRequest(
        nir=nir, scope=recorded.opposition.scope, received_on=message(expressed + timedelta(100))
    )
    await caller.oppositions.WithdrawOpposition(withdrawal)
    results = await caller.import_oppositions(
        objection(nir, received_on=expressed), objection(nir, received_on=expressed + timedelta(101))
    )
    assert outcomes(results) == [STANDING, RECORDED]
    assert results[0].opposition_id == results[1].opposition_id
    standing, _ = await caller.list_oppositions(nir)
    assert standing.received_on == message(expressed + timedelta(101))


async def test_an_old_register_finds_what_was_expressed_anew_standing(caller: Caller) -> None:
    nir = new_nir()
    old = objection(nir, received_on=TODAY - timedelta(400))
    await caller.import_oppositions(old)
    await caller.withdraw_opposition(nir)
    anew = await caller.record_opposition(nir)
    (result,) = await caller.import_oppositions(old)
    assert result == pb.ImportedOpposition(outcome=STANDING, opposition_id=anew.opposition_id)


async def test_a_chunk_has_1_to_500_records(caller: Caller) -> None:
    nir = new_nir()
    for size in (0, WHOLE_CHUNK + 1):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await caller.import_oppositions(*[objection(nir)] * size)
        assert reason_of(refused.value) is Reason.INVALID_FIELD
    assert await caller.check(nir) == [[]]


async def test_the_gateway_s_certificate_imports_nothing(caller: Caller) -> None:
    nothing: Sequence[pb.ImportOppositionsRequest] = ()
    async with held_open(*nothing) as requests:
        call = caller.checks.ImportOppositions(requests)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call.read()
    assert reason_of(refused.value) is Reason.CLIENT_NOT_ALLOWED


async def test_importing_while_recording_and_importing_leaves_one_of_each_scope(caller: Caller) -> None:
    nirs = [new_nir() for _ in range(60)]
    orders = (nirs, nirs[::-1], nirs)
    imports = asyncio.gather(*(caller.import_oppositions(*map(objection, order)) for order in orders))
    recorded = await asyncio.gather(*(caller.record_opposition(nir) for nir in nirs))
    ids = {nir: {opposition.opposition_id} for nir, opposition in zip(nirs, recorded, strict=True)}
    for order, results in zip(orders, await imports, strict=True):
        for nir, result in zip(order, results, strict=True):
            ids[nir].add(result.opposition_id)
    assert {len(of_one) for of_one in ids.values()} == {1}
    assert [len(await caller.list_oppositions(nir)) for nir in nirs] == [1] * len(nirs)
    assert await caller.check(*nirs) == [[(BOURGOGNE, "")]] * len(nirs)


async def test_importing_while_withdrawing_loses_no_opposition_and_leaves_none_twice(caller: Caller) -> None:
    nirs = [new_nir() for _ in range(40)]
    expressed = TODAY - timedelta(30)
    await caller.import_oppositions(*(objection(nir, received_on=expressed) for nir in nirs))
    withdrawn, results = await asyncio.gather(
        asyncio.gather(*map(caller.withdraw_opposition, nirs)),
        caller.import_oppositions(*(objection(nir, received_on=TODAY) for nir in nirs)),
    )
    for nir, past, result in zip(nirs, withdrawn, results, strict=True):
        history = await caller.list_oppositions(nir)
        standing = [each.opposition_id for each in history if not each.HasField("withdraw_time")]
        assert len(standing) <= 1
        assert past.opposition_id in {each.opposition_id for each in history}
        # Acknowledged as recorded it stands; as standing, it was withdrawn afterwards.
        assert standing == ([result.opposition_id] if result.outcome == RECORDED else [])


async def test_a_register_that_is_killed_half_way_is_simply_imported_again(
    stack: Stack, caller: Caller
) -> None:
    nirs = [new_nir() for _ in range(6 * 50)]
    chunks = [nirs[first : first + 50] for first in range(0, len(nirs), 50)]
    acknowledged: list[str] = []

    async def requests() -> AsyncIterator[pb.ImportOppositionsRequest]:
        for chunk in chunks[:3]:
            yield pb.ImportOppositionsRequest(records=map(objection, chunk))
        stack.kill("quotient")
        await asyncio.Event().wait()

    async def import_all() -> None:
        async for response in caller.oppositions.ImportOppositions(requests(), timeout=60):
            assert outcomes(response.results) == [RECORDED] * 50
            acknowledged.extend(chunks[len(acknowledged) // 50])

    with pytest.raises(grpc.aio.AioRpcError) as cut:
        await import_all()
    assert cut.value.code() is grpc.StatusCode.UNAVAILABLE
    await stack.wait_until_ready("quotient")
    assert await caller.check(*acknowledged) == [[(BOURGOGNE, "")]] * len(acknowledged)
    again = [result for chunk in chunks for result in await caller.import_oppositions(*map(objection, chunk))]
    assert REFUSED not in outcomes(again)
    assert await caller.check(*nirs) == [[(BOURGOGNE, "")]] * len(nirs)
    assert [len(await caller.list_oppositions(nir)) for nir in nirs[::50]] == [1] * 6


async def test_a_register_goes_in_quickly_the_first_time_and_again(caller: Caller) -> None:
    chunks = [[objection(new_nir()) for _ in range(WHOLE_CHUNK)] for _ in range(4)]
    for outcome in (RECORDED, STANDING):
        start = monotonic()
        requests = iter([pb.ImportOppositionsRequest(records=chunk) for chunk in chunks])
        call = caller.oppositions.ImportOppositions(requests, timeout=60)
        results = [result async for response in call for result in response.results]
        assert len(results) / (monotonic() - start) > LEAST_PER_SECOND
        assert set(outcomes(results)) == {outcome}
