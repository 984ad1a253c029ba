"""What a person asks to be erased is gone as far as the law allows; what stays is told (art. 6-3, RGPD art. 17)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta

import grpc
import pytest
from psycopg import errors

from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from services.kit.clock import SystemClock, paris_date
from tests.integration.quotient.caller import ELSEWHERE, Caller, item, period
from tests.integration.quotient.database import connected_as_owner, connected_as_service
from tests.integration.quotient.person_caller import (
    LONG_AGO,
    PersonCaller,
    amounts,
    family,
    kept,
    numero,
    numeros,
    violated_fields,
)
from tests.people import new_nir
from tests.stack import Stack

JANUARY = date(2026, 1, 1)
QF = period(JANUARY, amount_cents=61234)
CORRECTED = period(JANUARY, amount_cents=57000)
ROUNDS = 25


@pytest.fixture(scope="module")
async def persons(stack: Stack) -> AsyncIterator[PersonCaller]:
    async with stack.channel("quotient", "qf") as channel:
        yield PersonCaller(channel)


async def closed_dossier(caller: Caller, *nirs: str) -> None:
    """A dossier with a QF in two versions, closed long ago."""
    await caller.publish(family(*nirs, closed_from=LONG_AGO, qf=QF))
    await caller.publish(family(*nirs, closed_from=LONG_AGO, qf=CORRECTED))


async def rows(stack: Stack, nir: str) -> dict[str, int]:
    """How many rows are left of the dossier that `family` published."""
    async with connected_as_owner(stack) as connection:
        found = await connection.execute(
            "SELECT count(DISTINCT dossier_id), count(DISTINCT period_id) FROM dossiers "
            "LEFT JOIN quotient_periods USING (dossier_id) WHERE numero_dossier = %s",
            (numero(nir),),
        )
        row = await found.fetchone()
    assert row is not None
    return {"dossiers": row[0], "periods": row[1]}


async def test_a_closed_dossier_is_gone_with_all_versions_of_its_qfs(
    caller: Caller, persons: PersonCaller, stack: Stack
) -> None:
    nir = new_nir()
    await closed_dossier(caller, nir)
    assert await rows(stack, nir) == {"dossiers": 1, "periods": 2}
    response = await persons.erase(nir, "EFF-1")
    assert (response.erasure.dossier_count, response.erasure.period_count) == (1, 2)
    assert response.erasure.reference == "EFF-1"
    assert kept(response) == {}
    assert await rows(stack, nir) == {"dossiers": 0, "periods": 0}
    record = await persons.record(nir)
    assert numeros(record) == []
    assert list(record.erasures) == [response.erasure]


async def test_an_open_dossier_stays_with_what_was_known_before(
    caller: Caller, persons: PersonCaller
) -> None:
    nir = new_nir()
    tomorrow = paris_date(SystemClock().now()) + timedelta(days=1)
    await caller.publish(family(nir, qf=QF))
    await caller.publish(family(nir, closed_from=tomorrow, qf=CORRECTED))
    response = await persons.erase(nir)
    assert (response.erasure.dossier_count, response.erasure.period_count) == (0, 0)
    assert kept(response) == {"OPEN_DOSSIER": 1}
    (dossier,) = (await persons.record(nir)).dossiers
    assert amounts(dossier) == [61234, 57000]


async def test_a_dossier_that_closes_today_goes(caller: Caller, persons: PersonCaller) -> None:
    nir = new_nir()
    await caller.publish(family(nir, closed_from=paris_date(SystemClock().now()), qf=QF))
    assert (await persons.erase(nir)).erasure.dossier_count == 1


async def test_a_dossier_of_somebody_else_stays_until_the_last_one_asks(
    caller: Caller, persons: PersonCaller, stack: Stack
) -> None:
    one, other = new_nir(), new_nir()
    await closed_dossier(caller, one, other)
    response = await persons.erase(one)
    assert kept(response) == {"SHARED_DOSSIER": 1}
    assert response.erasure.dossier_count == 0
    await caller.publish(family(other, of=one, closed_from=LONG_AGO, complete=True))
    assert kept(await persons.erase(one, "EFF-2")) == {"SHARED_DOSSIER": 1}
    assert (await persons.erase(other)).erasure.dossier_count == 1
    (left,) = (await persons.record(one)).dossiers
    assert amounts(left) == [61234, 57000]
    assert not left.HasField("coordonnees")
    assert (await persons.erase(one, "EFF-3")).erasure.period_count == 2
    assert await rows(stack, one) == {"dossiers": 0, "periods": 0}


async def test_what_was_known_while_another_held_it_is_not_erased_for_one_who_asks(
    caller: Caller, persons: PersonCaller
) -> None:
    stays, leaves = new_nir(), new_nir()
    await caller.publish(family(stays, leaves, qf=QF))
    await caller.publish(family(stays, complete=True, closed_from=LONG_AGO))
    later = period(date(2026, 3, 1), amount_cents=33333)
    await caller.publish(family(stays, closed_from=LONG_AGO, qf=later))
    assert (await persons.erase(stays)).erasure.period_count == 1
    assert numeros(await persons.record(stays)) == []
    (left,) = (await persons.record(leaves)).dossiers
    assert amounts(left) == [61234]
    assert not left.HasField("coordonnees")


async def test_a_dossier_that_nobody_holds_goes_for_who_held_it_last_only(
    caller: Caller, persons: PersonCaller
) -> None:
    first, last = new_nir(), new_nir()
    await caller.publish(family(first))
    await caller.publish(family(last, of=first, complete=True, closed_from=LONG_AGO, qf=QF))
    await caller.publish(family(last, qf=QF))
    assert kept(await persons.erase(first)) == {"SHARED_DOSSIER": 1}
    response = await persons.erase(last)
    assert (response.erasure.dossier_count, response.erasure.period_count) == (1, 1)
    assert kept(response) == {"OPEN_DOSSIER": 1}


async def test_after_the_acknowledgement_a_consultation_finds_nobody(
    caller: Caller, persons: PersonCaller
) -> None:
    nir = new_nir()
    await closed_dossier(caller, nir)
    assert (await caller.consult(item(nir))).outcome == disclosure_pb.DISCLOSURE_OUTCOME_DOSSIER_CLOSED
    await persons.erase(nir)
    assert (await caller.consult(item(nir))).outcome == disclosure_pb.DISCLOSURE_OUTCOME_NOT_FOUND


async def test_lines_of_the_journal_and_oppositions_stay_and_are_counted(
    caller: Caller, persons: PersonCaller
) -> None:
    nir = new_nir()
    await caller.publish(family(nir, qf=QF))
    shown = await caller.consult(item(nir))
    await caller.publish(family(nir, closed_from=LONG_AGO))
    await caller.record_opposition(nir)
    await caller.withdraw_opposition(nir)
    await caller.record_opposition(nir)
    before = await caller.journal(nir)
    assert [each.amount_cents for line in before for each in line.shown_periods] == [61234]
    response = await persons.erase(nir)
    assert kept(response) == {"JOURNAL_LINE": 1, "OPPOSITION": 2}
    (line,) = await caller.journal(nir)
    assert line.consultation_id == shown.consultation_id
    assert list(line.period_starts) == [QF.valid_from]
    assert list(line.shown_periods) == []
    assert len(await caller.list_oppositions(nir)) == 2


async def test_the_same_request_again_changes_nothing_and_another_one_is_recorded(
    caller: Caller, persons: PersonCaller
) -> None:
    nir = new_nir()
    await closed_dossier(caller, nir)
    first = await persons.erase(nir, "EFF-1")
    assert await persons.erase(nir, "EFF-1") == first
    second = await persons.erase(nir, "EFF-2")
    assert (second.erasure.dossier_count, second.erasure.period_count) == (0, 0)
    assert list((await persons.record(nir)).erasures) == [second.erasure, first.erasure]


async def test_the_same_request_erases_what_may_go_since(caller: Caller, persons: PersonCaller) -> None:
    nir = new_nir()
    await caller.publish(family(nir, qf=QF))
    waiting = await persons.erase(nir)
    await caller.publish(family(nir, closed_from=LONG_AGO))
    done = await persons.erase(nir)
    assert done.erasure.erasure_id != waiting.erasure.erasure_id
    assert done.erasure.period_count == 1


async def test_somebody_unknown_has_nothing_to_erase_and_the_request_on_record(persons: PersonCaller) -> None:
    nir = new_nir()
    response = await persons.erase(nir)
    assert (response.erasure.dossier_count, kept(response)) == (0, {})
    assert list((await persons.record(nir)).erasures) == [response.erasure]


async def test_another_caisse_s_dossier_stays(caller: Caller, persons: PersonCaller) -> None:
    nir = new_nir()
    await closed_dossier(caller, nir)
    assert kept(await persons.erase(nir, caisse_code=ELSEWHERE)) == {}
    assert len((await persons.record(nir)).dossiers) == 1


async def test_a_later_publication_brings_the_dossier_back(caller: Caller, persons: PersonCaller) -> None:
    nir = new_nir()
    await closed_dossier(caller, nir)
    await persons.erase(nir)
    (result,) = await caller.publish(family(nir, qf=QF))
    assert result.outcome == dossier_pb.PUBLICATION_OUTCOME_CREATED
    shown = await caller.consult(item(nir))
    assert [each.amount_cents for each in shown.periods] == [61234]
    (dossier,) = (await persons.record(nir)).dossiers
    assert amounts(dossier) == [61234]


async def test_a_later_publication_fills_a_dossier_of_which_another_s_past_is_left(
    caller: Caller, persons: PersonCaller
) -> None:
    stays, leaves = new_nir(), new_nir()
    await caller.publish(family(stays, leaves, qf=QF))
    await caller.publish(family(stays, complete=True, closed_from=LONG_AGO, qf=QF))
    await persons.erase(stays)
    (result,) = await caller.publish(family(stays, qf=QF))
    assert result.outcome == dossier_pb.PUBLICATION_OUTCOME_UPDATED
    assert (await caller.consult(item(stays))).coordonnees.destinataire


async def test_publishing_and_erasing_at_once_leave_the_whole_dossier_or_none(
    caller: Caller, persons: PersonCaller
) -> None:
    """Whichever comes first: never a dossier that lacks what its publication says."""
    for _ in range(ROUNDS):
        nir = new_nir()
        await closed_dossier(caller, nir)
        back = family(nir, qf=CORRECTED)
        await asyncio.gather(persons.erase(nir), caller.publish(back))
        (dossier,) = (await persons.record(nir)).dossiers
        assert amounts(dossier)[-1] == 57000
        assert dossier.coordonnees == back.coordonnees
        assert (await caller.consult(item(nir))).outcome == disclosure_pb.DISCLOSURE_OUTCOME_AVAILABLE


async def test_consulting_while_erasing_shows_what_was_there_or_finds_nobody(
    caller: Caller, persons: PersonCaller
) -> None:
    for _ in range(ROUNDS):
        nir = new_nir()
        await caller.publish(family(nir, closed_from=date(2026, 10, 1), qf=QF))
        erasing = asyncio.create_task(persons.erase(nir))
        met = await asyncio.gather(*(caller.consult(item(nir, month=date(2026, 9, 1))) for _ in range(4)))
        await erasing
        for each in met:
            assert each.outcome in {
                disclosure_pb.DISCLOSURE_OUTCOME_AVAILABLE,
                disclosure_pb.DISCLOSURE_OUTCOME_NOT_FOUND,
            }
            assert bool(each.coordonnees.destinataire) == bool(each.periods)


@pytest.mark.parametrize("reference", ["", "x" * 65, "a\nb"])
async def test_a_request_needs_a_reference(persons: PersonCaller, reference: str) -> None:
    nir = new_nir()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await persons.erase(nir, reference)
    assert violated_fields(refused.value) == ["reference"]
    assert (await persons.record(nir)).ByteSize() == 0


async def test_a_nir_is_no_reference(persons: PersonCaller) -> None:
    nir = new_nir()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await persons.erase(nir, nir)
    assert nir not in str(refused.value)


# The database checks the rule itself.

ERASE = """
SELECT erase_dossier(dossiers.dossier_id, person_id, current_date, '\\x', '\\x', 1)
FROM dossiers, dossier_holders
WHERE dossiers.numero_dossier = %s AND dossier_holders.dossier_id = dossiers.dossier_id
LIMIT 1
"""
OF_A_STRANGER = ERASE.replace("person_id,", "gen_random_uuid(),")


@pytest.mark.parametrize("statement", [ERASE, OF_A_STRANGER])
async def test_the_service_s_role_cannot_erase_an_open_dossier(
    caller: Caller, persons: PersonCaller, stack: Stack, statement: str
) -> None:
    nir = new_nir()
    await caller.publish(family(nir, qf=QF))
    async with connected_as_service(stack) as connection:
        with pytest.raises(errors.RestrictViolation):
            await connection.execute(statement.encode(), (numero(nir),))
    assert len((await persons.record(nir)).dossiers) == 1


@pytest.mark.parametrize("statement", [ERASE, OF_A_STRANGER])
async def test_the_service_s_role_cannot_erase_a_dossier_for_one_of_two_or_for_a_stranger(
    caller: Caller, persons: PersonCaller, stack: Stack, statement: str
) -> None:
    nir, other = new_nir(), new_nir()
    await closed_dossier(caller, nir, other)
    async with connected_as_service(stack) as connection:
        with pytest.raises(errors.RestrictViolation):
            await connection.execute(statement.encode(), (numero(nir),))
    assert len((await persons.record(other)).dossiers) == 1


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM dossier_holders", "DELETE FROM erasures", "UPDATE erasures SET reference = ''"],
)
async def test_the_service_s_role_erases_in_no_other_way(stack: Stack, statement: str) -> None:
    async with connected_as_service(stack) as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            await connection.execute(statement.encode())
