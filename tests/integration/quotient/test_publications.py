"""The publication of a file: found again by its digest, counted once, named by the QFs that it brought."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import date
from uuid import uuid4

import grpc
import pytest

from msa.quotient.v1 import dossier_service_pb2 as pb
from msa.quotient.v1 import person_service_pb2 as person_pb
from msa.quotient.v1.person_service_pb2_grpc import PersonServiceStub
from services.kit.errors import Reason
from services.kit.status import reason_of
from tests.integration.quotient.caller import BOURGOGNE, TIMEOUT_SECONDS, Caller, item, period, record
from tests.people import new_nir
from tests.stack import Stack

REGULAR, RECTIFICATION = pb.PUBLICATION_KIND_REGULAR, pb.PUBLICATION_KIND_RECTIFICATION
CREATED, UPDATED, UNCHANGED, REFUSED = (
    pb.PUBLICATION_OUTCOME_CREATED,
    pb.PUBLICATION_OUTCOME_UPDATED,
    pb.PUBLICATION_OUTCOME_UNCHANGED,
    pb.PUBLICATION_OUTCOME_REFUSED,
)
JANUARY = date(2026, 1, 1)


def new_digest() -> bytes:
    """Of a file that nobody has."""
    return hashlib.sha256(uuid4().bytes).digest()


async def begin(
    caller: Caller,
    digest: bytes,
    kind: pb.PublicationKind.ValueType = REGULAR,
    reference: str = "",
) -> pb.Publication:
    request = pb.BeginPublicationRequest(source_digest=digest, kind=kind, reference=reference)
    return (await caller.dossiers.BeginPublication(request, timeout=TIMEOUT_SECONDS)).publication


async def finish(caller: Caller, publication_id: str) -> pb.Publication:
    request = pb.FinishPublicationRequest(publication_id=publication_id)
    return (await caller.dossiers.FinishPublication(request, timeout=TIMEOUT_SECONDS)).publication


def chunk(
    publication: pb.Publication, last_line: int, *records: pb.DossierRecord, refused: int = 0
) -> pb.PublishDossiersRequest:
    return pb.PublishDossiersRequest(
        records=records,
        publication_id=publication.publication_id,
        last_line=last_line,
        refused_count=refused,
    )


async def send(caller: Caller, *requests: pb.PublishDossiersRequest) -> list[list[int]]:
    call = caller.dossiers.PublishDossiers(iter(requests), timeout=TIMEOUT_SECONDS)
    return [[result.outcome for result in response.results] async for response in call]


def counts(publication: pb.Publication) -> tuple[int, int, int, int, int]:
    return (
        publication.last_line,
        publication.created_count,
        publication.updated_count,
        publication.unchanged_count,
        publication.refused_count,
    )


def qf(amount_cents: int) -> pb.QuotientPeriod:
    return period(JANUARY, amount_cents=amount_cents)


async def test_a_publication_counts_what_became_of_every_line(caller: Caller) -> None:
    digest = new_digest()
    begun = await begin(caller, digest)
    nirs = [new_nir() for _ in range(3)]
    met = await send(
        caller,
        chunk(begun, 4, record(nirs[0]), record(nirs[1]), record(""), refused=1),
        chunk(begun, 6, record(nirs[0]), record(nirs[1], nom="Quetsche")),
        chunk(begun, 9, refused=3),
    )
    assert met == [[CREATED, CREATED, REFUSED], [UNCHANGED, UPDATED], []]
    assert counts(await begin(caller, digest)) == (9, 2, 1, 1, 5)


async def test_the_same_file_is_found_where_it_was_cut_until_it_is_finished(caller: Caller) -> None:
    digest = new_digest()
    begun = await begin(caller, digest)
    await send(caller, chunk(begun, 7, record(new_nir())))
    found = await begin(caller, digest)
    assert (found.publication_id, found.last_line) == (begun.publication_id, 7)
    ended = await finish(caller, begun.publication_id)
    assert ended.HasField("end_time")
    assert await finish(caller, begun.publication_id) == ended
    anew = await begin(caller, digest)
    assert (anew.publication_id != begun.publication_id, anew.last_line) == (True, 0)


async def test_the_same_file_for_another_reason_is_another_publication(caller: Caller) -> None:
    digest = new_digest()
    begun = [
        await begin(caller, digest),
        await begin(caller, digest, RECTIFICATION, "RAR 2026-17"),
        await begin(caller, digest, RECTIFICATION, "RAR 2026-18"),
    ]
    assert len({each.publication_id for each in begun}) == 3
    again = await begin(caller, digest, RECTIFICATION, "RAR 2026-17")
    assert again == begun[1]


async def test_of_many_who_begin_the_same_file_at_once_all_get_the_same_publication(caller: Caller) -> None:
    digest = new_digest()
    begun = await asyncio.gather(*(begin(caller, digest) for _ in range(10)))
    assert len({each.publication_id for each in begun}) == 1


async def test_what_is_in_already_is_neither_applied_nor_counted_again(caller: Caller) -> None:
    nir, digest = new_nir(), new_digest()
    begun = await begin(caller, digest)
    old, new = chunk(begun, 1, record(nir, qf=qf(100))), chunk(begun, 2, record(nir, qf=qf(200)))
    await send(caller, old, new)
    before = await begin(caller, digest)
    await caller.publish(record(nir, qf=qf(300)))
    bad = chunk(begun, 2, record(nir, qf=qf(200)), record(""), refused=3)
    assert await send(caller, old, bad) == [[UNCHANGED], [UNCHANGED, REFUSED]]
    assert await begin(caller, digest) == before
    assert [each.amount_cents for each in (await caller.consult(item(nir))).periods] == [300]


async def test_two_who_send_the_same_file_at_once_count_each_line_once(caller: Caller) -> None:
    digest = new_digest()
    begun = await begin(caller, digest)
    requests = [chunk(begun, line, record(new_nir(), qf=qf(line))) for line in range(1, 31)]
    await asyncio.gather(*(send(caller, *requests) for _ in range(3)))
    assert counts(await begin(caller, digest)) == (30, 30, 0, 0, 0)


@pytest.mark.parametrize("is_known", [True, False])
async def test_records_of_a_publication_that_is_not_open_are_not_taken(
    caller: Caller, *, is_known: bool
) -> None:
    begun = await begin(caller, new_digest())
    await finish(caller, begun.publication_id)
    if not is_known:
        begun.publication_id = str(uuid4())
    nir = new_nir()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await send(caller, chunk(begun, 1, record(nir)))
    assert reason_of(refused.value) is Reason.RECORD_NOT_FOUND
    assert [result.outcome for result in await caller.publish(record(nir))] == [CREATED]


@pytest.mark.parametrize(
    "request_",
    [
        pb.BeginPublicationRequest(source_digest=b"x" * 31, kind=REGULAR),
        pb.BeginPublicationRequest(source_digest=b"x" * 32),
        pb.BeginPublicationRequest(source_digest=b"x" * 32, kind=RECTIFICATION, reference=" "),
        pb.BeginPublicationRequest(source_digest=b"x" * 32, kind=REGULAR, reference="269054958815780"),
        pb.FinishPublicationRequest(publication_id="1"),
        pb.ListPublicationsRequest(page_size=501),
        pb.ListPublicationsRequest(page_token="Zm9v"),
    ],
)
async def test_what_breaks_a_rule_is_refused(
    caller: Caller,
    request_: pb.BeginPublicationRequest | pb.FinishPublicationRequest | pb.ListPublicationsRequest,
) -> None:
    name = type(request_).__name__.removesuffix("Request")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await getattr(caller.dossiers, name)(request_, timeout=TIMEOUT_SECONDS)
    assert reason_of(refused.value) is Reason.INVALID_FIELD


@pytest.mark.parametrize("changes", [{"last_line": 0}, {"refused_count": -1}, {"publication_id": "1"}])
async def test_a_chunk_says_where_in_its_file_it_stands(caller: Caller, changes: dict[str, object]) -> None:
    request = chunk(await begin(caller, new_digest()), 1, record(new_nir()))
    for name, value in changes.items():
        setattr(request, name, value)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await send(caller, request)
    assert reason_of(refused.value) is Reason.INVALID_FIELD


async def test_publications_are_listed_newest_first_page_by_page(caller: Caller) -> None:
    begun = [await begin(caller, new_digest()) for _ in range(3)]
    listed: list[pb.Publication] = []
    token = ""
    while not listed or token:
        request = pb.ListPublicationsRequest(page_size=2, page_token=token)
        page = await caller.dossiers.ListPublications(request, timeout=TIMEOUT_SECONDS)
        assert len(page.publications) <= 2
        listed += page.publications
        token = page.next_page_token
    assert listed[:3] == begun[::-1]
    assert len({each.publication_id for each in listed}) == len(listed)


async def versions_of(stack: Stack, nir: str) -> Sequence[person_pb.KnownPeriod]:
    async with stack.channel("quotient", "qf") as channel:
        request = person_pb.GetPersonRecordRequest(nir=nir, caisse_code=BOURGOGNE)
        told = await PersonServiceStub(channel).GetPersonRecord(request, timeout=TIMEOUT_SECONDS)
    (dossier,) = told.dossiers
    return dossier.periods


async def test_a_qf_names_the_publication_that_brought_it(caller: Caller, stack: Stack) -> None:
    nir = new_nir()
    regular = await begin(caller, new_digest())
    rectification = await begin(caller, new_digest(), RECTIFICATION, "RAR 2026-17")
    await send(caller, chunk(regular, 1, record(nir, qf=qf(100))))
    await send(caller, chunk(rectification, 1, record(nir, qf=qf(200))))
    await caller.publish(record(nir, qf=qf(300)))
    versions = await versions_of(stack, nir)
    assert [
        (each.period.amount_cents, each.publication_id, each.publication_kind, each.publication_reference)
        for each in versions
    ] == [
        (100, regular.publication_id, REGULAR, ""),
        (200, rectification.publication_id, RECTIFICATION, "RAR 2026-17"),
        (300, "", pb.PUBLICATION_KIND_UNSPECIFIED, ""),
    ]
    assert [each.known_to for each in versions[:2]] == [each.known_from for each in versions[1:]]


async def test_several_allocataires_hold_a_dossier_with_several_qfs_and_leave_it(caller: Caller) -> None:
    one, other = new_nir(), new_nir()
    whole = record(one, qf=period(JANUARY, date(2026, 6, 30), 100))
    whole.other_nirs.append(other)
    whole.further_quotient_periods.append(period(date(2026, 7, 1), amount_cents=200))
    whole.holders_complete = whole.quotient_periods_complete = True
    assert [result.outcome for result in await caller.publish(whole, whole)] == [CREATED, UNCHANGED]
    by_each = [
        await caller.consult(item(nir, month=date(2026, month, 1)))
        for nir in (one, other)
        for month in (6, 7)
    ]
    assert [[each.amount_cents for each in result.periods] for result in by_each] == [[100], [200]] * 2
    alone = record(one, qf=period(JANUARY, amount_cents=300))
    alone.holders_complete = alone.quotient_periods_complete = True
    assert [result.outcome for result in await caller.publish(alone)] == [UPDATED]
    results = await caller.disclose(item(one), item(other))
    assert [[each.amount_cents for each in result.periods] for result in results] == [[300], []]
