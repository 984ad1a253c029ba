"""Which of its outcomes a consultation meets, and what the journal says of it afterwards (art. 3, 4-7, 6-3)."""

import itertools
from datetime import date, timedelta

import grpc
import pytest

from msa.quotient.v1 import disclosure_service_pb2 as pb
from services.kit.errors import Reason
from services.kit.status import reason_of
from tests.integration.quotient.caller import (
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
from tests.people import new_nir

LAST_MONTH = month_later(-1)
QF = period(month_later(-12), amount_cents=61234)
OUTSIDE = (month_later(-25), month_later(2))
AVAILABLE = pb.DISCLOSURE_OUTCOME_AVAILABLE
OPPOSED = pb.DISCLOSURE_OUTCOME_OPPOSED
NOT_FOUND = pb.DISCLOSURE_OUTCOME_NOT_FOUND
NO_QUOTIENT = pb.DISCLOSURE_OUTCOME_NO_QUOTIENT
DOSSIER_CLOSED = pb.DISCLOSURE_OUTCOME_DOSSIER_CLOSED
OUTSIDE_WINDOW = pb.DISCLOSURE_OUTCOME_OUTSIDE_WINDOW


async def closed_family(caller: Caller, closed_from: date | None) -> str:
    nir = new_nir()
    await caller.publish(record(nir, qf=QF, closed_from=closed_from))
    return nir


def last_day_shown(result: pb.DiscloseResult) -> date | None:
    """The last day of the only period shown; None where it has none."""
    (shown,) = result.periods
    return day(shown.valid_to) if shown.HasField("valid_to") else None


@pytest.mark.parametrize(
    "closed_from",
    [LAST_MONTH, LAST_MONTH.replace(day=15), THIS_MONTH - timedelta(1)],
    ids=["the first", "mid-month", "the last"],
)
async def test_a_dossier_closed_on_a_day_of_a_month_shows_its_qf_until_the_day_before(
    caller: Caller, closed_from: date
) -> None:
    nir = await closed_family(caller, closed_from)
    before, within, after = await caller.disclose(
        *(item(nir, month=month) for month in (month_later(-2), LAST_MONTH, THIS_MONTH))
    )
    assert (before.outcome, last_day_shown(before)) == (AVAILABLE, closed_from - timedelta(1))
    if closed_from == LAST_MONTH:
        assert within.outcome == DOSSIER_CLOSED
        assert shows_nothing(within)
    else:
        assert (within.outcome, last_day_shown(within)) == (AVAILABLE, closed_from - timedelta(1))
    assert after.outcome == DOSSIER_CLOSED
    assert shows_nothing(after)


async def test_a_qf_that_begins_once_the_dossier_is_closed_is_not_shown(caller: Caller) -> None:
    nir, closed_from = new_nir(), LAST_MONTH.replace(day=15)
    later = period(LAST_MONTH.replace(day=20), amount_cents=99999)
    await caller.publish(
        record(nir, qf=QF, closed_from=closed_from), record(nir, qf=later, closed_from=closed_from)
    )
    result = await caller.consult(item(nir, month=LAST_MONTH))
    assert [each.amount_cents for each in result.periods] == [QF.amount_cents]
    assert last_day_shown(result) == closed_from - timedelta(1)


async def test_a_dossier_that_will_be_closed_is_shown_until_then(caller: Caller) -> None:
    nir = await closed_family(caller, month_later(1))
    now, ahead = await caller.disclose(item(nir), item(nir, month=month_later(1)))
    assert (now.outcome, last_day_shown(now)) == (AVAILABLE, month_later(1) - timedelta(1))
    assert ahead.outcome == DOSSIER_CLOSED


async def test_a_dossier_that_is_opened_again_is_shown_from_the_next_consultation_on(caller: Caller) -> None:
    nir = await closed_family(caller, LAST_MONTH)
    assert (await caller.consult(item(nir))).outcome == DOSSIER_CLOSED
    await caller.publish(record(nir, qf=QF))
    result = await caller.consult(item(nir))
    assert (result.outcome, last_day_shown(result)) == (AVAILABLE, None)


async def test_the_window_is_24_months_back_and_one_ahead(caller: Caller) -> None:
    nir = new_nir()
    await caller.publish(record(nir, qf=period(month_later(-36), amount_cents=61234)))
    results = await caller.disclose(*(item(nir, month=month_later(months)) for months in range(-26, 4)))
    assert [result.outcome for result in results] == [
        AVAILABLE if -24 <= months <= 1 else OUTSIDE_WINDOW for months in range(-26, 4)
    ]


@pytest.mark.parametrize("month", OUTSIDE)
async def test_outside_the_window_everybody_looks_the_same(caller: Caller, month: date) -> None:
    known, opposed, closed, elsewhere, nobody = nirs = [new_nir() for _ in range(5)]
    await caller.publish(
        record(known, qf=QF),
        record(opposed, qf=QF),
        record(closed, qf=QF, closed_from=month_later(-24)),
        record(elsewhere, qf=QF, caisse_code=ELSEWHERE),
    )
    await caller.record_opposition(opposed)
    results = await caller.disclose(
        *(item(nir, month=month, opposed=verdict) for nir in nirs for verdict in (False, True))
    )
    assert {result.outcome for result in results} == {OUTSIDE_WINDOW}
    assert all(shows_nothing(result) for result in results)
    assert [line.outcome for line in await caller.journal(nobody)] == [OUTSIDE_WINDOW] * 2


def model(*, outside: bool, known: bool, opposed: bool, closed: bool, valued: bool) -> int:
    """The outcomes in the order in which they are met."""
    for holds, outcome in (
        (outside, OUTSIDE_WINDOW),
        (not known, NOT_FOUND),
        (opposed, OPPOSED),
        (closed, DOSSIER_CLOSED),
        (not valued, NO_QUOTIENT),
    ):
        if holds:
            return outcome
    return AVAILABLE


@pytest.mark.parametrize("lock", ["of the statement", "of the gateway"])
async def test_either_lock_alone_withholds_whatever_else_would_be_met(caller: Caller, lock: str) -> None:
    for outside, known, opposed, closed, valued in itertools.product([False, True], repeat=5):
        nir = new_nir()
        if known:
            closed_from = LAST_MONTH if closed else None
            await caller.publish(record(nir, qf=QF if valued else None, closed_from=closed_from))
        if opposed and lock == "of the statement":
            await caller.record_opposition(nir)
        verdict = opposed and lock == "of the gateway"
        month = OUTSIDE[0] if outside else THIS_MONTH
        result = await caller.consult(item(nir, month=month, opposed=verdict))
        assert result.outcome == model(
            outside=outside, known=known, opposed=opposed, closed=closed, valued=valued
        )
        assert shows_nothing(result) is (result.outcome not in (AVAILABLE, NO_QUOTIENT))
        (line,) = await caller.journal(nir)
        assert (line.outcome, line.shown_periods) == (result.outcome, result.periods)


async def test_another_purpose_is_said_in_words_and_stands_in_the_journal(caller: Caller) -> None:
    nir = new_nir()
    await caller.publish(record(nir, qf=QF))
    words = "Aide aux vacances : séjour à la neige"
    await caller.consult(item(nir, purpose=pb.PURPOSE_OTHER, purpose_text=f"  {words} "))
    (line,) = await caller.journal(nir)
    assert (line.purpose, line.purpose_text) == (pb.PURPOSE_OTHER, words)


@pytest.mark.parametrize(
    ("purpose", "text"),
    [
        (pb.PURPOSE_OTHER, ""),
        (pb.PURPOSE_OTHER, "  "),
        (pb.PURPOSE_CANTEEN, "Cantine"),
        (pb.PURPOSE_OTHER, "Famille 2 69 05 49 588 157"),
        (pb.PURPOSE_OTHER, "2,69;05:49(588)157"),
        (pb.PURPOSE_OTHER, "x" * 101),
        (pb.PURPOSE_OTHER, "two\nlines"),
    ],
)
async def test_a_purpose_that_breaks_a_rule_refuses_the_batch_and_leaves_no_line(
    caller: Caller, purpose: pb.Purpose.ValueType, text: str
) -> None:
    nir = new_nir()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.disclose(item(nir, purpose=purpose, purpose_text=text))
    assert reason_of(refused.value) is Reason.INVALID_FIELD
    details = bytes(dict(refused.value.trailing_metadata() or ())["grpc-status-details-bin"])
    assert b"items[0].purpose_text" in details
    assert b"588" not in details
    assert await caller.journal(nir) == []


async def test_what_was_shown_stays_in_the_journal_whatever_is_corrected_later(caller: Caller) -> None:
    nir, next_month = new_nir(), month_later(1)
    later = period(next_month, amount_cents=70000)
    await caller.publish(record(nir, qf=QF), record(nir, qf=later))
    first = await caller.consult(item(nir))
    assert last_day_shown(first) == next_month - timedelta(1)
    # Another amount, another period after it, and the dossier closed: none of it was known then.
    corrected = period(day(QF.valid_from), amount_cents=55555)
    await caller.publish(
        record(nir, qf=corrected, closed_from=next_month.replace(day=2)),
        record(
            nir, qf=period(THIS_MONTH.replace(day=2), amount_cents=1), closed_from=THIS_MONTH.replace(day=3)
        ),
    )
    second = await caller.consult(item(nir))
    newer, older = await caller.journal(nir)
    assert older.shown_periods == first.periods
    assert newer.shown_periods == second.periods
    assert [each.amount_cents for each in second.periods] == [55555, 1]
    assert [(day(each.valid_from), each.amount_cents) for each in older.shown_periods] == [
        (day(QF.valid_from), QF.amount_cents)
    ]


async def test_amounts_stand_in_the_lines_of_one_person_only(caller: Caller) -> None:
    nir, partner_id = new_nir(), new_id()
    await caller.publish(record(nir, qf=QF))
    await caller.consult(item(nir, partner_id=partner_id))
    (of_person,) = await caller.journal(nir, partner_id=partner_id)
    (of_partner,) = await caller.journal("", partner_id=partner_id)
    assert list(of_person.shown_periods) == [QF]
    assert list(of_partner.shown_periods) == []
    assert list(of_partner.period_starts) == [message(day(QF.valid_from))]
