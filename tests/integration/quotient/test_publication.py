"""Publication of dossiers through the stream: chunks, refusals, repetition, two at once, a crash."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date

import grpc
import pytest

from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import dossier_service_pb2 as pb
from services.kit.errors import Reason
from services.kit.status import reason_of
from tests.integration.quotient.caller import BOURGOGNE, ELSEWHERE, Caller, item, period, record
from tests.integration.quotient.database import connected_as_owner, connected_as_service
from tests.people import new_nir
from tests.stack import Stack

QF = period(date(2026, 1, 1), amount_cents=61234)
CREATED, UPDATED, UNCHANGED, REFUSED = (
    pb.PUBLICATION_OUTCOME_CREATED,
    pb.PUBLICATION_OUTCOME_UPDATED,
    pb.PUBLICATION_OUTCOME_UNCHANGED,
    pb.PUBLICATION_OUTCOME_REFUSED,
)
LOCK_OF_ELSEWHERE = (
    f"SELECT pg_advisory_xact_lock(hashtextextended('publish_dossiers {ELSEWHERE}', 0))".encode()
)
SLOW_PERIODS = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;
CREATE TRIGGER dawdle BEFORE INSERT ON quotient_periods EXECUTE FUNCTION dawdle();
"""


def outcomes(results: Sequence[pb.PublishedRecord]) -> list[int]:
    return [result.outcome for result in results]


async def test_the_same_file_again_changes_nothing(caller: Caller) -> None:
    nirs = [new_nir() for _ in range(6)]
    months = [period(date(2026, month, 1), amount_cents=month) for month in (1, 7)]
    chunks = [[record(nir, qf=qf) for nir in part for qf in months] for part in (nirs[:3], nirs[3:])]
    first = await caller.publish_chunks(chunks)
    before = await caller.consult(item(nirs[0]))
    second = await caller.publish_chunks(chunks)
    after = await caller.consult(item(nirs[0]))
    assert [outcomes(response.results) for response in first] == [[CREATED, UPDATED] * 3] * 2
    assert [outcomes(response.results) for response in second] == [[UNCHANGED] * 6] * 2
    assert (before.coordonnees, before.periods) == (after.coordonnees, after.periods)


async def test_what_is_published_again_replaces_what_was_known(caller: Caller) -> None:
    nir = new_nir()
    await caller.publish(record(nir, nom="Mirabelle", qf=QF))
    corrected = period(date(2026, 1, 1), date(2026, 12, 31), 70000)
    assert outcomes(await caller.publish(record(nir, nom="Quetsche", qf=corrected))) == [UPDATED]
    result = await caller.consult(item(nir))
    assert result.coordonnees.allocataires[0].nom_naissance == "Quetsche"
    assert list(result.periods) == [corrected]


async def test_a_person_moves_to_the_dossier_published_last(caller: Caller) -> None:
    one, other = new_nir(), new_nir()
    await caller.publish(record(one, numero=f"A{one[:13]}"), record(other, numero=f"A{one[:13]}"))
    await caller.publish(record(other, numero=f"B{one[:13]}", nom="Quetsche"))
    first, second = await caller.disclose(item(one), item(other))
    assert first.numero_dossier == f"A{one[:13]}"
    assert second.numero_dossier == f"B{one[:13]}"


async def test_the_same_number_with_another_caisse_is_another_dossier(caller: Caller) -> None:
    nir = new_nir()
    results = await caller.publish(
        record(nir, caisse_code=BOURGOGNE, nom="Mirabelle"),
        record(nir, caisse_code=ELSEWHERE, nom="Quetsche"),
    )
    assert outcomes(results) == [CREATED, CREATED]
    result = await caller.consult(item(nir, caisse_code=ELSEWHERE))
    assert result.coordonnees.allocataires[0].nom_naissance == "Quetsche"


async def test_a_bad_record_is_refused_alone(caller: Caller) -> None:
    good, bad = new_nir(), new_nir()
    results = await caller.publish(
        record(good, qf=QF), record(bad, qf=period(date(2026, 2, 1), date(2026, 1, 1))), record(good, qf=QF)
    )
    assert outcomes(results) == [CREATED, REFUSED, UNCHANGED]
    assert (results[1].field, results[1].rule) == ("quotient_period.valid_to", "PERIOD_ORDER")
    assert (await caller.consult(item(bad))).outcome == disclosure_pb.DISCLOSURE_OUTCOME_NOT_FOUND


async def test_a_chunk_of_bad_records_is_answered(caller: Caller) -> None:
    assert outcomes(await caller.publish(pb.DossierRecord(), pb.DossierRecord())) == [REFUSED, REFUSED]


@pytest.mark.parametrize("length", [0, 501])
async def test_a_chunk_has_1_to_500_records(caller: Caller, length: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.publish(*[record(new_nir())] * length)
    assert reason_of(refused.value) is Reason.INVALID_FIELD


async def test_a_chunk_of_a_wrong_length_leaves_those_before_it_in(caller: Caller) -> None:
    nirs = [new_nir() for _ in range(3)]
    chunks = [[record(nir)] for nir in nirs] + [[record(new_nir())] * 501]
    requests = [pb.PublishDossiersRequest(records=chunk) for chunk in chunks]
    answered: list[list[int]] = []

    async def publish() -> None:
        async for response in caller.dossiers.PublishDossiers(iter(requests), timeout=10):
            answered.append(outcomes(response.results))  # noqa: PERF401  # what came before an error stays

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await publish()
    assert reason_of(refused.value) is Reason.INVALID_FIELD
    assert answered == [[CREATED]] * 3
    assert outcomes(await caller.publish(*map(record, nirs))) == [UNCHANGED] * 3


async def test_a_chunk_is_answered_before_the_next_one_is_sent(caller: Caller) -> None:
    answered = asyncio.Event()

    async def requests() -> AsyncIterator[pb.PublishDossiersRequest]:
        yield pb.PublishDossiersRequest(records=[record(new_nir())])
        await answered.wait()
        yield pb.PublishDossiersRequest(records=[record(new_nir())])

    responses = 0
    async for _ in caller.dossiers.PublishDossiers(requests(), timeout=10):
        responses += 1
        answered.set()
    assert responses == 2


async def test_two_publications_of_the_same_people_at_once_do_not_lock_each_other_out(
    caller: Caller,
) -> None:
    nirs = [new_nir() for _ in range(200)]
    there = [record(nir, caisse_code=code, qf=QF) for nir in nirs for code in (BOURGOGNE, ELSEWHERE)]
    back = there[::-1]
    published = await asyncio.gather(*(caller.publish_chunks([chunk] * 3) for chunk in (there, back) * 2))
    everything = [
        outcome for responses in published for response in responses for outcome in outcomes(response.results)
    ]
    assert everything.count(CREATED) == len(there)
    assert everything.count(UNCHANGED) == len(everything) - len(there)


async def test_publishers_that_wait_leave_connections_to_consultations(caller: Caller, stack: Stack) -> None:
    nir = new_nir()
    await caller.publish(record(nir, qf=QF))
    async with (
        connected_as_service(stack) as connection,
        asyncio.TaskGroup() as publishers,
        connection.transaction(),
    ):
        await connection.execute(LOCK_OF_ELSEWHERE)
        for _ in range(20):
            publishers.create_task(caller.publish(record(new_nir(), caisse_code=ELSEWHERE)))
        await asyncio.sleep(0.2)
        result = await caller.consult(item(nir))
    assert result.outcome == disclosure_pb.DISCLOSURE_OUTCOME_AVAILABLE


@asynccontextmanager
async def slow_periods(stack: Stack) -> AsyncIterator[None]:
    """Most of a chunk's time passes after its dossiers are written and before its periods are."""
    async with connected_as_owner(stack) as connection:
        await connection.execute(SLOW_PERIODS)
    try:
        yield
    finally:
        await stack.wait_until_ready("postgres")
        async with connected_as_owner(stack) as connection:
            await connection.execute("DROP FUNCTION dawdle CASCADE")


async def test_a_crash_in_mid_publication_leaves_whole_chunks_or_nothing(
    caller: Caller, stack: Stack
) -> None:
    chunks = [[record(new_nir(), qf=QF) for _ in range(50)] for _ in range(12)]
    acknowledged = 0

    async def publish_and_kill() -> None:
        nonlocal acknowledged
        requests = [pb.PublishDossiersRequest(records=chunk) for chunk in chunks]
        async for _ in caller.dossiers.PublishDossiers(iter(requests), timeout=60):
            acknowledged += 1
            if acknowledged == 1:
                await asyncio.sleep(0.2)
                stack.kill("postgres")

    async with slow_periods(stack):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await publish_and_kill()
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    met = [set(outcomes(response.results)) for response in await _publish_when_back(caller, chunks)]
    assert 1 <= acknowledged < len(chunks)
    assert met[:acknowledged] == [{UNCHANGED}] * acknowledged
    assert all(outcome in ({CREATED}, {UNCHANGED}) for outcome in met[acknowledged:])


async def _publish_when_back(
    caller: Caller, chunks: list[list[pb.DossierRecord]]
) -> Sequence[pb.PublishDossiersResponse]:
    async with asyncio.timeout(20):
        while True:
            try:
                return await caller.publish_chunks(chunks)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.2)
