"""What a disclosure shows, and that its line is in the journal first (N2, art. 3, 4-7)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from uuid import UUID

import grpc
import pytest
from google.type.date_pb2 import Date

from msa.quotient.v1 import disclosure_service_pb2 as pb
from msa.quotient.v1.disclosure_service_pb2_grpc import DisclosureServiceStub
from services.kit.errors import Reason
from services.kit.status import reason_of
from tests.integration.quotient.caller import (
    BOURGOGNE,
    ELSEWHERE,
    THIS_MONTH,
    Caller,
    day,
    item,
    message,
    month_later,
    new_id,
    period,
    record,
    shows_nothing,
)
from tests.integration.quotient.database import connected_as_owner
from tests.people import new_nir
from tests.stack import Stack

QF = period(date(2026, 1, 1), amount_cents=61234)
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_available_shows_number_coordonnees_and_periods(caller: Caller) -> None:
    nir = new_nir()
    await caller.publish(record(nir, numero="D0042", nom="Framboise", qf=QF))
    result = await caller.consult(item(nir))
    assert result.outcome == pb.DISCLOSURE_OUTCOME_AVAILABLE
    assert result.numero_dossier == "D0042"
    assert result.coordonnees == record(nir, nom="Framboise").coordonnees
    assert list(result.periods) == [QF]


async def test_no_quotient_shows_the_dossier_without_a_period(caller: Caller) -> None:
    nir = new_nir()
    await caller.publish(record(nir, numero="D0043", qf=period(month_later(1), amount_cents=61234)))
    result = await caller.consult(item(nir))
    assert result.outcome == pb.DISCLOSURE_OUTCOME_NO_QUOTIENT
    assert result.numero_dossier == "D0043"
    assert result.coordonnees == record(nir).coordonnees
    assert list(result.periods) == []


async def test_another_caisse_s_family_reads_as_unknown(caller: Caller) -> None:
    nir = new_nir()
    await caller.publish(record(nir, caisse_code=ELSEWHERE, qf=QF))
    theirs, nobody = await caller.disclose(item(nir), item(new_nir()))
    assert theirs.outcome == nobody.outcome == pb.DISCLOSURE_OUTCOME_NOT_FOUND
    assert shows_nothing(theirs)
    assert shows_nothing(nobody)


async def test_each_allocataire_of_a_dossier_leads_to_it(caller: Caller) -> None:
    one, other = new_nir(), new_nir()
    await caller.publish(record(one, numero=f"S{one[:13]}", qf=QF), record(other, numero=f"S{one[:13]}"))
    first, second = await caller.disclose(item(one), item(other))
    assert first.numero_dossier == second.numero_dossier
    assert first.periods == second.periods


async def test_results_stand_in_the_order_of_the_items(caller: Caller) -> None:
    nirs = [new_nir() for _ in range(100)]
    await caller.publish(*(record(nir, qf=QF) for nir in nirs[::2]))
    asked = [*nirs, *reversed(nirs)]
    results = await caller.disclose(*(item(nir) for nir in asked))
    known = set(nirs[::2])
    assert [result.numero_dossier for result in results] == [
        f"Q{nir[:13]}" if nir in known else "" for nir in asked
    ]
    assert len({result.consultation_id for result in results}) == len(asked)


async def test_the_line_is_in_the_journal_when_the_answer_arrives(caller: Caller) -> None:
    nir, opposing = new_nir(), new_nir()
    await caller.publish(record(nir, qf=QF), record(opposing, qf=QF))
    await caller.record_opposition(opposing)
    shown = item(nir, case_reference="Cantine 12", traceparent=TRACEPARENT)
    result = await caller.consult(shown)
    (line,) = await caller.journal(nir)
    assert UUID(line.consultation_id).version == 7
    assert line == pb.Disclosure(
        consultation_id=result.consultation_id,
        disclose_time=line.disclose_time,
        account_id=shown.account_id,
        habilitation_id=shown.habilitation_id,
        partner_id=shown.partner_id,
        convention_id=shown.convention_id,
        caisse_code=BOURGOGNE,
        month=message(THIS_MONTH),
        purpose=pb.PURPOSE_PRICING,
        case_reference="Cantine 12",
        outcome=pb.DISCLOSURE_OUTCOME_AVAILABLE,
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        period_starts=[QF.valid_from],
        shown_periods=[QF],
    )


async def test_every_outcome_leaves_a_line(caller: Caller) -> None:
    available, opposed, no_quotient, closed, _, outside = nirs = [new_nir() for _ in range(6)]
    await caller.publish(
        *(record(nir, qf=QF) for nir in (available, opposed, outside)),
        record(no_quotient),
        record(closed, qf=QF, closed_from=THIS_MONTH),
    )
    await caller.record_opposition(opposed)
    results = await caller.disclose(*map(item, nirs[:-1]), item(outside, month=month_later(2)))
    assert [result.outcome for result in results] == [
        pb.DISCLOSURE_OUTCOME_AVAILABLE,
        pb.DISCLOSURE_OUTCOME_OPPOSED,
        pb.DISCLOSURE_OUTCOME_NO_QUOTIENT,
        pb.DISCLOSURE_OUTCOME_DOSSIER_CLOSED,
        pb.DISCLOSURE_OUTCOME_NOT_FOUND,
        pb.DISCLOSURE_OUTCOME_OUTSIDE_WINDOW,
    ]
    for nir, result in zip(nirs, results, strict=True):
        (line,) = await caller.journal(nir)
        assert (line.consultation_id, line.outcome) == (result.consultation_id, result.outcome)
        assert line.shown_periods == result.periods
        assert [day(start) for start in line.period_starts] == [
            day(shown.valid_from) for shown in result.periods
        ]


_RAISE = """
CREATE FUNCTION out_of_order() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'out of order'; END $$;
"""
BREAKDOWNS = {
    "the line is refused": (
        _RAISE
        + "CREATE TRIGGER out_of_order BEFORE INSERT ON disclosures"
        + " FOR EACH ROW EXECUTE FUNCTION out_of_order()",
        "DROP FUNCTION out_of_order CASCADE",
    ),
    "the line is swallowed": (
        "CREATE FUNCTION out_of_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;"
        + "CREATE TRIGGER out_of_order BEFORE INSERT ON disclosures"
        + " FOR EACH ROW EXECUTE FUNCTION out_of_order()",
        "DROP FUNCTION out_of_order CASCADE",
    ),
    "the commit fails": (
        _RAISE
        + "CREATE CONSTRAINT TRIGGER out_of_order AFTER INSERT ON disclosures INITIALLY DEFERRED"
        + " FOR EACH ROW EXECUTE FUNCTION out_of_order()",
        "DROP FUNCTION out_of_order CASCADE",
    ),
    "the right is gone": (
        "REVOKE INSERT ON disclosures FROM quotient_service",
        "GRANT INSERT ON disclosures TO quotient_service",
    ),
}


@asynccontextmanager
async def broken_journal(stack: Stack, breakdown: str) -> AsyncIterator[None]:
    damage, repair = BREAKDOWNS[breakdown]
    async with connected_as_owner(stack) as connection:
        await connection.execute(damage.encode())
        try:
            yield
        finally:
            await connection.execute(repair.encode())


@pytest.mark.parametrize("breakdown", BREAKDOWNS)
async def test_no_journal_no_answer(caller: Caller, stack: Stack, breakdown: str) -> None:
    nir = new_nir()
    await caller.publish(record(nir, qf=QF))
    async with broken_journal(stack, breakdown):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await caller.consult(item(nir))
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    assert reason_of(refused.value) is Reason.DEPENDENCY_UNAVAILABLE
    assert list(await caller.journal(nir)) == []
    assert (await caller.consult(item(nir))).outcome == pb.DISCLOSURE_OUTCOME_AVAILABLE


def broken_item(field: str, value: object) -> pb.DiscloseItem:
    broken = item(new_nir())
    broken.ClearField(field)  # type: ignore[arg-type]  # the name of a field
    broken.MergeFrom(pb.DiscloseItem(**{field: value}))  # type: ignore[arg-type]  # any field
    return broken


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("nir", "269054958815781", "NIR_KEY_MISMATCH"),
        ("caisse_code", "", "CAISSE_CODE"),
        ("month", Date(), "DATE_NOT_REAL"),
        ("month", message(THIS_MONTH.replace(day=2)), "FIRST_OF_MONTH"),
        ("purpose", 0, "PURPOSE"),
        ("case_reference", "2 69 05 49 588 157 80", "NIR_IN_REFERENCE"),
        ("purpose", pb.PURPOSE_OTHER, "PURPOSE_TEXT"),
        ("purpose_text", "Bal des pompiers", "PURPOSE_TEXT"),
        ("partner_id", "", "UUID"),
        ("account_id", "x", "UUID"),
    ],
)
async def test_a_wrong_field_refuses_the_batch_by_field_and_rule(
    caller: Caller, field: str, value: object, rule: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.disclose(item(new_nir()), broken_item(field, value))
    assert reason_of(refused.value) is Reason.INVALID_FIELD
    details = dict(refused.value.trailing_metadata() or ())["grpc-status-details-bin"]
    assert f"items[1].{field}".encode() in bytes(details)
    assert rule.encode() in bytes(details)


async def test_a_batch_has_at_most_500_items(caller: Caller) -> None:
    nir = new_nir()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.disclose(*[item(nir)] * 501)
    assert reason_of(refused.value) is Reason.INVALID_FIELD
    assert len(await caller.disclose(*[item(nir)] * 500)) == 500


async def test_an_empty_batch_shows_nothing(caller: Caller) -> None:
    assert list(await caller.disclose()) == []


async def test_an_agent_s_certificate_discloses_nothing(caller: Caller) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.journal_of.Disclose(pb.DiscloseRequest(items=[item(new_nir())]))
    assert reason_of(refused.value) is Reason.CLIENT_NOT_ALLOWED


async def test_the_journal_is_read_by_person_and_by_partner_newest_first(caller: Caller) -> None:
    nir, partner_id = new_nir(), new_id()
    first = await caller.consult(item(nir, partner_id=partner_id))
    second = await caller.consult(item(nir))
    third = await caller.consult(item(new_nir(), partner_id=partner_id))
    of_person = [line.consultation_id for line in await caller.journal(nir)]
    of_partner = [line.consultation_id for line in await caller.journal("", partner_id=partner_id)]
    of_both = [line.consultation_id for line in await caller.journal(nir, partner_id=partner_id)]
    assert of_person == [second.consultation_id, first.consultation_id]
    assert of_partner == [third.consultation_id, first.consultation_id]
    assert of_both == [first.consultation_id]
    assert list(await caller.journal(nir, caisse_code=ELSEWHERE)) == []


async def test_a_user_s_own_lines_are_his_alone_art_6_1(caller: Caller) -> None:
    account_id, partner_id = new_id(), new_id()
    own = await caller.consult(item(new_nir(), account_id=account_id, partner_id=partner_id))
    await caller.consult(item(new_nir(), partner_id=partner_id))
    for wanted in (partner_id, ""):
        lines = await caller.journal("", partner_id=wanted, account_id=account_id)
        assert [line.consultation_id for line in lines] == [own.consultation_id]
    assert list(await caller.journal("", partner_id=new_id(), account_id=account_id)) == []


async def test_the_gateway_reads_lines_for_a_partner_s_review(stack: Stack, caller: Caller) -> None:
    account_id = new_id()
    own = await caller.consult(item(new_nir(), account_id=account_id))
    async with stack.channel("quotient", "gateway") as channel:
        request = pb.ListDisclosuresRequest(caisse_code="21", account_id=account_id)
        page = await DisclosureServiceStub(channel).ListDisclosures(request, timeout=5)
    assert [line.consultation_id for line in page.disclosures] == [own.consultation_id]


async def test_pages_of_the_journal_hold_every_line_once(caller: Caller) -> None:
    partner_id = new_id()
    results = [await caller.consult(item(new_nir(), partner_id=partner_id)) for _ in range(7)]
    lines: list[pb.Disclosure] = []
    token = ""
    for _ in range(3):
        request = pb.ListDisclosuresRequest(
            caisse_code=BOURGOGNE, partner_id=partner_id, page_size=3, page_token=token
        )
        page = await caller.journal_of.ListDisclosures(request)
        lines.extend(page.disclosures)
        token = page.next_page_token
    assert token == ""
    assert [line.consultation_id for line in lines] == [
        result.consultation_id for result in reversed(results)
    ]


@pytest.mark.parametrize(
    "request_",
    [
        pb.ListDisclosuresRequest(),
        pb.ListDisclosuresRequest(caisse_code="21", nir="1"),
        pb.ListDisclosuresRequest(caisse_code="21", partner_id="1"),
        pb.ListDisclosuresRequest(caisse_code="21", page_size=501),
        pb.ListDisclosuresRequest(caisse_code="21", page_token="zz"),
    ],
    ids=["caisse_code", "nir", "partner_id", "page_size", "page_token"],
)
async def test_a_wrong_question_to_the_journal_is_refused(
    caller: Caller, request_: pb.ListDisclosuresRequest
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.journal_of.ListDisclosures(request_)
    assert reason_of(refused.value) is Reason.INVALID_FIELD
