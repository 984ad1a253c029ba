"""An opposition withholds from the next disclosure on (N1, art. 6-3, annexe 1): here the lock in the statement.

No item says `opposed` but where a test is about that: what the gateway's policy found plays no part.
"""

import asyncio
from datetime import date, timedelta

import grpc
import pytest

from msa.quotient.v1 import disclosure_service_pb2 as pb
from msa.quotient.v1 import opposition_service_pb2 as opposition_pb
from services.kit.clock import SystemClock, paris_date
from services.kit.errors import Reason
from services.kit.status import reason_of
from tests.integration.quotient.caller import (
    BOURGOGNE,
    ELSEWHERE,
    THIS_MONTH,
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

QF = period(date(2026, 1, 1), amount_cents=61234)
TODAY = paris_date(SystemClock().now())
LAST_YEAR = date(TODAY.year - 1, 7, 14)


async def family(caller: Caller, *caisse_codes: str) -> str:
    nir = new_nir()
    await caller.publish(*(record(nir, caisse_code=code, qf=QF) for code in caisse_codes or (BOURGOGNE,)))
    return nir


async def test_opposition_recorded_withholds_from_the_next_disclosure(caller: Caller) -> None:
    nir = await family(caller)
    assert (await caller.consult(item(nir))).outcome == pb.DISCLOSURE_OUTCOME_AVAILABLE
    await caller.record_opposition(nir)
    result = await caller.consult(item(nir, opposed=False))
    assert result.outcome == pb.DISCLOSURE_OUTCOME_OPPOSED
    assert shows_nothing(result)


async def test_the_gateway_s_verdict_withholds_without_a_recorded_opposition(caller: Caller) -> None:
    nir = await family(caller)
    result = await caller.consult(item(nir, opposed=True))
    assert result.outcome == pb.DISCLOSURE_OUTCOME_OPPOSED
    assert shows_nothing(result)


async def test_opposition_to_one_partner_withholds_from_that_one_only(caller: Caller) -> None:
    nir, opposed, other = await family(caller), new_id(), new_id()
    await caller.record_opposition(nir, partner_id=opposed)
    results = await caller.disclose(item(nir, partner_id=opposed), item(nir, partner_id=other))
    assert [result.outcome for result in results] == [
        pb.DISCLOSURE_OUTCOME_OPPOSED,
        pb.DISCLOSURE_OUTCOME_AVAILABLE,
    ]
    assert shows_nothing(results[0])


async def test_opposition_with_one_caisse_leaves_the_other_s_dossier_open(caller: Caller) -> None:
    nir = await family(caller, BOURGOGNE, ELSEWHERE)
    await caller.record_opposition(nir, caisse_code=BOURGOGNE)
    results = await caller.disclose(item(nir), item(nir, caisse_code=ELSEWHERE))
    assert [result.outcome for result in results] == [
        pb.DISCLOSURE_OUTCOME_OPPOSED,
        pb.DISCLOSURE_OUTCOME_AVAILABLE,
    ]


async def couple(caller: Caller) -> tuple[str, str]:
    """The NIRs of two allocataires of one dossier."""
    one, other = new_nir(), new_nir()
    numero = f"C{one[:13]}"
    await caller.publish(record(one, numero=numero, qf=QF), record(other, numero=numero, qf=QF))
    return one, other


async def test_the_opposition_of_one_allocataire_withholds_the_dossier_from_who_asks_by_the_other(
    caller: Caller,
) -> None:
    one, other = await couple(caller)
    assert (await caller.consult(item(other))).outcome == pb.DISCLOSURE_OUTCOME_AVAILABLE
    await caller.record_opposition(one)
    for nir in (one, other):
        result = await caller.consult(item(nir))
        assert result.outcome == pb.DISCLOSURE_OUTCOME_OPPOSED
        assert shows_nothing(result)
    await caller.withdraw_opposition(one)
    assert (await caller.consult(item(other))).outcome == pb.DISCLOSURE_OUTCOME_AVAILABLE


async def test_check_tells_the_oppositions_of_everybody_in_the_dossier(caller: Caller) -> None:
    one, other = await couple(caller)
    partner_id = new_id()
    await caller.record_opposition(one, BOURGOGNE, partner_id)
    await caller.record_opposition(one, ELSEWHERE)
    await caller.record_opposition(other, BOURGOGNE, partner_id)
    assert await caller.check(other, one) == [
        [(BOURGOGNE, partner_id)],
        [(ELSEWHERE, ""), (BOURGOGNE, partner_id)],
    ]


async def test_opposition_withdrawn_reopens(caller: Caller) -> None:
    nir = await family(caller)
    await caller.record_opposition(nir)
    await caller.withdraw_opposition(nir)
    assert (await caller.consult(item(nir))).outcome == pb.DISCLOSURE_OUTCOME_AVAILABLE


async def test_withdrawing_one_scope_leaves_the_other_standing(caller: Caller) -> None:
    nir, partner_id = await family(caller), new_id()
    await caller.record_opposition(nir)
    await caller.record_opposition(nir, partner_id=partner_id)
    await caller.withdraw_opposition(nir)
    results = await caller.disclose(item(nir, partner_id=partner_id), item(nir))
    assert [result.outcome for result in results] == [
        pb.DISCLOSURE_OUTCOME_OPPOSED,
        pb.DISCLOSURE_OUTCOME_AVAILABLE,
    ]


async def test_opposition_recorded_before_the_dossier_withholds_it(caller: Caller) -> None:
    nir = new_nir()
    await caller.record_opposition(nir)
    await caller.publish(record(nir, qf=QF))
    assert (await caller.consult(item(nir))).outcome == pb.DISCLOSURE_OUTCOME_OPPOSED


async def test_unknown_to_the_caisse_reads_not_found_whatever_the_oppositions(caller: Caller) -> None:
    nir = await family(caller, ELSEWHERE)
    await caller.record_opposition(nir, caisse_code=BOURGOGNE)
    result = await caller.consult(item(nir, opposed=True))
    assert result.outcome == pb.DISCLOSURE_OUTCOME_NOT_FOUND
    assert shows_nothing(result)


async def test_no_disclosure_that_starts_after_the_acknowledgement_shows_anything(caller: Caller) -> None:
    nirs = [await family(caller) for _ in range(20)]
    raced = await asyncio.gather(*(_results_after_the_acknowledgement(caller, nir) for nir in nirs))
    results = [result for after in raced for result in after]
    assert {result.outcome for result in results} == {pb.DISCLOSURE_OUTCOME_OPPOSED}
    assert all(shows_nothing(result) for result in results)


async def _results_after_the_acknowledgement(caller: Caller, nir: str) -> list[pb.DiscloseResult]:
    shown, acknowledged = asyncio.Event(), asyncio.Event()
    after: list[pb.DiscloseResult] = []

    async def consult_on_and_on() -> None:
        while len(after) < 5:
            starts_after = acknowledged.is_set()
            result = await caller.consult(item(nir))
            if starts_after:
                after.append(result)
            elif result.outcome == pb.DISCLOSURE_OUTCOME_AVAILABLE:
                shown.set()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(consult_on_and_on())
        await shown.wait()
        await caller.record_opposition(nir)
        acknowledged.set()
    return after


async def test_recording_one_that_stands_changes_nothing(caller: Caller) -> None:
    nir = new_nir()
    first = await caller.record_opposition(nir)
    assert await caller.record_opposition(nir) == first
    assert await caller.list_oppositions(nir) == [first]


async def test_recording_the_same_one_at_the_same_time_leaves_one(caller: Caller) -> None:
    nir = new_nir()
    recorded = await asyncio.gather(*(caller.record_opposition(nir) for _ in range(8)))
    assert len({opposition.opposition_id for opposition in recorded}) == 1
    assert await caller.check(nir) == [[(BOURGOGNE, "")]]


async def test_the_history_keeps_what_was_withdrawn(caller: Caller) -> None:
    nir = new_nir()
    first = await caller.record_opposition(nir)
    withdrawn = await caller.withdraw_opposition(nir)
    assert withdrawn.opposition_id == first.opposition_id
    assert withdrawn.HasField("withdraw_time")
    second = await caller.record_opposition(nir)
    assert second.opposition_id != first.opposition_id
    assert list(await caller.list_oppositions(nir)) == [second, withdrawn]
    assert await caller.list_oppositions(nir, ELSEWHERE) == []


async def test_withdrawing_what_does_not_stand_is_not_found(caller: Caller) -> None:
    nir = new_nir()
    await caller.record_opposition(nir, partner_id=new_id())
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.withdraw_opposition(nir)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert reason_of(refused.value) is Reason.RECORD_NOT_FOUND


async def test_check_tells_every_standing_scope_in_the_order_of_the_batch(caller: Caller) -> None:
    free, objecting, withdrawn, partner_id = new_nir(), new_nir(), new_nir(), new_id()
    await caller.record_opposition(objecting, ELSEWHERE)
    await caller.record_opposition(objecting, BOURGOGNE, partner_id)
    await caller.record_opposition(withdrawn)
    await caller.withdraw_opposition(withdrawn)
    assert await caller.check(free, objecting, withdrawn, objecting) == [
        [],
        [(ELSEWHERE, ""), (BOURGOGNE, partner_id)],
        [],
        [(ELSEWHERE, ""), (BOURGOGNE, partner_id)],
    ]


async def test_an_opposition_tells_who_asked_whom_when_and_where_it_is_filed_annexe_1(caller: Caller) -> None:
    nir, partner_id = new_nir(), new_id()
    reply = await caller.oppositions.RecordOpposition(
        objection(
            nir,
            partner_id=partner_id,
            received_on=LAST_YEAR,
            reference="GED/2025-118",
            requester=opposition_pb.OPPOSITION_REQUESTER_REPRESENTATIVE,
            declarant=opposition_pb.OPPOSITION_DECLARANT_PARTNER,
        )
    )
    assert reply.opposition == opposition_pb.Opposition(
        opposition_id=reply.opposition.opposition_id,
        scope=opposition_pb.OppositionScope(caisse_code=BOURGOGNE, partner_id=partner_id),
        channel=opposition_pb.OPPOSITION_CHANNEL_LETTER,
        record_time=reply.opposition.record_time,
        requester=opposition_pb.OPPOSITION_REQUESTER_REPRESENTATIVE,
        declarant=opposition_pb.OPPOSITION_DECLARANT_PARTNER,
        received_on=message(LAST_YEAR),
        reference="GED/2025-118",
    )
    assert list(await caller.list_oppositions(nir)) == [reply.opposition]


async def test_what_is_not_said_is_the_person_the_caisse_and_today(caller: Caller) -> None:
    opposition = await caller.record_opposition(new_nir())
    assert opposition.requester == opposition_pb.OPPOSITION_REQUESTER_PERSON
    assert opposition.declarant == opposition_pb.OPPOSITION_DECLARANT_CAISSE
    assert opposition.received_on in (message(TODAY), message(TODAY + timedelta(1)))


async def test_the_history_tells_how_an_opposition_was_withdrawn(caller: Caller) -> None:
    nir = new_nir()
    recorded = await caller.oppositions.RecordOpposition(objection(nir, received_on=LAST_YEAR))
    withdrawal = opposition_pb.WithdrawOppositionRequest(
        nir=nir,
        scope=recorded.opposition.scope,
        requester=opposition_pb.OPPOSITION_REQUESTER_REPRESENTATIVE,
        channel=opposition_pb.OPPOSITION_CHANNEL_COUNTER,
        received_on=message(LAST_YEAR + timedelta(30)),
        reference="Guichet 4",
    )
    withdrawn = (await caller.oppositions.WithdrawOpposition(withdrawal)).opposition
    assert withdrawn.withdrawal == opposition_pb.OppositionWithdrawal(
        requester=opposition_pb.OPPOSITION_REQUESTER_REPRESENTATIVE,
        channel=opposition_pb.OPPOSITION_CHANNEL_COUNTER,
        received_on=message(LAST_YEAR + timedelta(30)),
        reference="Guichet 4",
    )
    assert withdrawn.received_on == message(LAST_YEAR)
    assert list(await caller.list_oppositions(nir)) == [withdrawn]


async def test_an_older_letter_does_not_withdraw_a_newer_opposition(caller: Caller) -> None:
    nir = await family(caller)
    recorded = await caller.record_opposition(nir)
    older = opposition_pb.WithdrawOppositionRequest(
        nir=nir, scope=recorded.scope, received_on=message(THIS_MONTH - timedelta(1))
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.oppositions.WithdrawOpposition(older)
    assert reason_of(refused.value) is Reason.INVALID_FIELD
    assert (await caller.consult(item(nir))).outcome == pb.DISCLOSURE_OUTCOME_OPPOSED


async def test_recording_and_withdrawing_at_the_same_time_leaves_a_history_that_could_have_been(
    caller: Caller,
) -> None:
    nirs = [new_nir() for _ in range(10)]
    for nir in nirs:
        await caller.record_opposition(nir)

    async def withdraw(nir: str) -> int:
        try:
            await caller.withdraw_opposition(nir)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return 0
        return 1

    async def race(nir: str) -> tuple[set[str], int]:
        recording = asyncio.gather(*(caller.record_opposition(nir) for _ in range(4)))
        withdrawals = await asyncio.gather(*(withdraw(nir) for _ in range(4)))
        return {opposition.opposition_id for opposition in await recording}, sum(withdrawals)

    for nir, (acknowledged, withdrawn) in zip(
        nirs, await asyncio.gather(*(race(nir) for nir in nirs)), strict=True
    ):
        history = await caller.list_oppositions(nir)
        assert acknowledged <= {opposition.opposition_id for opposition in history}
        standing = [opposition for opposition in history if not opposition.HasField("withdraw_time")]
        assert len(history) - len(standing) == withdrawn
        assert len(standing) <= 1
        assert await caller.check(nir) == [[(BOURGOGNE, "")] * len(standing)]


@pytest.mark.parametrize(
    "request_",
    [
        opposition_pb.RecordOppositionRequest(nir="269054958815781"),
        opposition_pb.RecordOppositionRequest(nir="269054958815780"),
        opposition_pb.RecordOppositionRequest(
            nir="269054958815780",
            scope=opposition_pb.OppositionScope(caisse_code="21", partner_id="someone"),
        ),
        objection("269054958815780", received_on=TODAY + timedelta(3)),
        objection("269054958815780", reference="Famille 2 69 05 49 588 157"),
        objection("269054958815780", declarant=opposition_pb.OPPOSITION_DECLARANT_PARTNER),
    ],
    ids=["nir", "caisse_code", "partner_id", "received_on", "reference", "declarant"],
)
async def test_a_wrong_field_is_refused(
    caller: Caller, request_: opposition_pb.RecordOppositionRequest
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.oppositions.RecordOpposition(request_)
    assert reason_of(refused.value) is Reason.INVALID_FIELD


async def test_an_agent_s_certificate_does_not_check_and_the_gateway_s_does_not_withdraw(
    caller: Caller,
) -> None:
    for call in (
        caller.oppositions.CheckOppositions(opposition_pb.CheckOppositionsRequest()),
        caller.checks.WithdrawOpposition(opposition_pb.WithdrawOppositionRequest()),
        caller.checks.ListOppositions(opposition_pb.ListOppositionsRequest()),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert reason_of(refused.value) is Reason.CLIENT_NOT_ALLOWED
