"""What a caisse tells a person of herself: everything, now or as known once (art. 6-3, RGPD art. 15)."""

import secrets
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import person_service_pb2 as pb
from services.kit.clock import SystemClock
from tests.integration.quotient.caller import ELSEWHERE, TIMEOUT_SECONDS, Caller, item, period, record
from tests.integration.quotient.person_caller import (
    LONG_AGO,
    PersonCaller,
    amounts,
    family,
    instant,
    numero,
    numeros,
    violated_fields,
)
from tests.people import new_nir
from tests.stack import Stack

JANUARY = date(2026, 1, 1)
A_MOMENT = timedelta(microseconds=1)


@pytest.fixture(scope="module")
async def persons(stack: Stack) -> AsyncIterator[PersonCaller]:
    async with stack.channel("quotient", "qf") as channel:
        yield PersonCaller(channel)


async def test_nobody_known_has_an_empty_record_and_that_is_no_error(persons: PersonCaller) -> None:
    response = await persons.record(new_nir())
    assert response.ByteSize() == 0


async def test_a_person_is_told_her_dossier_its_coordonnees_and_its_qf(
    caller: Caller, persons: PersonCaller
) -> None:
    nir = new_nir()
    before = SystemClock().now()
    published = record(nir, qf=period(JANUARY, date(2026, 12, 31), amount_cents=61234))
    await caller.publish(published)
    (dossier,) = (await persons.record(nir)).dossiers
    assert dossier.numero_dossier == numero(nir)
    assert dossier.coordonnees == published.coordonnees
    assert not dossier.HasField("held_to")
    assert not dossier.HasField("closed_from")
    (known,) = dossier.periods
    assert known.period == published.quotient_period
    assert before <= instant(known.known_from) == instant(dossier.held_from) <= SystemClock().now()
    assert not known.HasField("known_to")
    assert known.publication_id == ""
    assert known.publication_kind == dossier_pb.PUBLICATION_KIND_UNSPECIFIED


async def test_a_qf_that_was_corrected_is_told_in_both_times(caller: Caller, persons: PersonCaller) -> None:
    nir = new_nir()
    for cents in (61234, 57000):
        await caller.publish(record(nir, qf=period(JANUARY, amount_cents=cents)))
    (dossier,) = (await persons.record(nir)).dossiers
    first, second = dossier.periods
    assert amounts(dossier) == [61234, 57000]
    assert first.known_to == second.known_from
    assert not second.HasField("known_to")


async def test_at_an_instant_a_person_is_told_what_was_known_then_half_open(
    caller: Caller, persons: PersonCaller
) -> None:
    nir = new_nir()
    for cents in (61234, 57000):
        await caller.publish(record(nir, qf=period(JANUARY, amount_cents=cents)))
    (dossier,) = (await persons.record(nir)).dossiers
    begun, corrected = (instant(known.known_from) for known in dossier.periods)

    async def known_at(moment: datetime) -> list[int]:
        dossiers = (await persons.record(nir, known_at=moment)).dossiers
        assert all(not each.HasField("held_to") for each in dossiers)
        assert not any(known.HasField("known_to") for each in dossiers for known in each.periods)
        return [cents for each in dossiers for cents in amounts(each)]

    assert await known_at(begun - A_MOMENT) == []
    assert await known_at(begun) == [61234]
    assert await known_at(corrected - A_MOMENT) == [61234]
    assert await known_at(corrected) == [57000]
    assert await known_at(SystemClock().now() + timedelta(days=9)) == [57000]


async def test_what_a_consultation_showed_is_what_was_known_at_its_instant(
    caller: Caller, persons: PersonCaller
) -> None:
    nir = new_nir()
    for cents in (61234, 57000, 43000):
        await caller.publish(record(nir, qf=period(JANUARY, amount_cents=cents)))
        await caller.consult(item(nir))
    for line in await caller.journal(nir):
        (dossier,) = (await persons.record(nir, known_at=instant(line.disclose_time))).dossiers
        assert amounts(dossier) == [shown.amount_cents for shown in line.shown_periods]


async def test_the_publication_that_brought_a_qf_is_named(caller: Caller, persons: PersonCaller) -> None:
    nir = new_nir()
    await caller.publish(record(nir, qf=period(JANUARY, amount_cents=61234)))
    begun = await caller.dossiers.BeginPublication(
        dossier_pb.BeginPublicationRequest(
            source_digest=secrets.token_bytes(32),
            kind=dossier_pb.PUBLICATION_KIND_RECTIFICATION,
            reference="RECT-12",
        ),
        timeout=TIMEOUT_SECONDS,
    )
    publication_id = begun.publication.publication_id
    chunk = dossier_pb.PublishDossiersRequest(
        records=[record(nir, qf=period(JANUARY, amount_cents=57000))],
        publication_id=publication_id,
        last_line=1,
    )
    assert [
        answer async for answer in caller.dossiers.PublishDossiers(iter([chunk]), timeout=TIMEOUT_SECONDS)
    ]
    (dossier,) = (await persons.record(nir)).dossiers
    before, known = dossier.periods
    assert before.publication_id == ""
    assert (before.period.amount_cents, known.period.amount_cents) == (61234, 57000)
    assert known.publication_id == publication_id
    assert known.publication_kind == dossier_pb.PUBLICATION_KIND_RECTIFICATION
    assert known.publication_reference == "RECT-12"


async def test_who_moved_is_told_both_dossiers_the_one_she_holds_first(
    caller: Caller, persons: PersonCaller
) -> None:
    nir, partner = new_nir(), new_nir()
    await caller.publish(family(nir, qf=period(JANUARY, amount_cents=61234)))
    await caller.publish(family(partner, nir, qf=period(JANUARY, amount_cents=43000)))
    response = await persons.record(nir)
    assert numeros(response) == [numero(partner), numero(nir)]
    now, before = response.dossiers
    assert before.held_to == now.held_from
    assert before.coordonnees.destinataire
    at_first = await persons.record(nir, known_at=instant(before.held_from))
    assert numeros(at_first) == [numero(nir)]


async def test_what_became_known_of_others_after_a_person_left_is_not_told_her(
    caller: Caller, persons: PersonCaller
) -> None:
    stays, leaves = new_nir(), new_nir()
    await caller.publish(family(stays, leaves, qf=period(JANUARY, amount_cents=61234)))
    await caller.publish(family(stays, complete=True, qf=period(date(2026, 3, 1), amount_cents=33333)))
    (told,) = (await persons.record(leaves)).dossiers
    assert amounts(told) == [61234]
    assert told.HasField("held_to")
    assert not told.HasField("coordonnees")
    (own,) = (await persons.record(stays)).dossiers
    assert amounts(own) == [61234, 33333]
    assert own.HasField("coordonnees")


async def test_oppositions_are_told_with_their_history_and_as_they_stood(
    caller: Caller, persons: PersonCaller
) -> None:
    nir = new_nir()
    recorded = await caller.record_opposition(nir)
    withdrawn = await caller.withdraw_opposition(nir)
    assert list((await persons.record(nir)).oppositions) == [withdrawn]
    between = instant(withdrawn.withdraw_time) - A_MOMENT
    assert list((await persons.record(nir, known_at=between)).oppositions) == [recorded]
    before = instant(recorded.record_time) - A_MOMENT
    assert not (await persons.record(nir, known_at=before)).oppositions


async def test_another_caisse_tells_nothing_of_it(caller: Caller, persons: PersonCaller) -> None:
    nir = new_nir()
    await caller.publish(family(nir, closed_from=LONG_AGO, qf=period(JANUARY, amount_cents=61234)))
    await caller.record_opposition(nir)
    assert (await persons.record(nir, ELSEWHERE)).ByteSize() == 0


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"nir": "2"}, "nir"),
        ({"caisse_code": "2"}, "caisse_code"),
        ({"known_at": Timestamp(seconds=2**62)}, "known_at"),
    ],
)
async def test_a_field_that_breaks_a_rule_is_named(
    persons: PersonCaller, broken: dict[str, Any], field: str
) -> None:
    request = pb.GetPersonRecordRequest(**{"nir": new_nir(), "caisse_code": "21", **broken})
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await persons.stub.GetPersonRecord(request, timeout=TIMEOUT_SECONDS)
    assert violated_fields(refused.value) == [field]
