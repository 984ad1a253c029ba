"""Which periods a month shows, and where each ends (art. 3): the statement against a model in plain words."""

import calendar
from datetime import date, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msa.quotient.v1 import disclosure_service_pb2 as pb
from tests.integration.quotient.caller import Caller, day, item, month_later, period, record
from tests.people import new_nir

# Fifteen months of periods within the months that can be asked for: 24 back, one ahead.
START = month_later(-14)
Periods = dict[date, tuple[date | None, int]]
Shown = list[tuple[date, date | None, int]]

DAYS = st.integers(0, 400).map(lambda days: START + timedelta(days))
PERIODS = st.dictionaries(
    DAYS, st.tuples(st.none() | st.integers(0, 200), st.integers(0, 10_000_000)), max_size=6
).map(
    lambda drawn: {
        first: (None if days is None else first + timedelta(days), amount)
        for first, (days, amount) in drawn.items()
    }
)
CLOSINGS = st.none() | DAYS
MONTHS = [month_later(months) for months in range(-16, 2)]


def model(periods: Periods, month: date, closed_from: date | None = None) -> Shown:
    """Day by day: the period of a day is the latest that has begun, unless it has ended or the dossier is closed."""
    days_of_month = [
        month.replace(day=number + 1) for number in range(calendar.monthrange(month.year, month.month)[1])
    ]
    valid = {
        period_of(periods, each) for each in days_of_month if closed_from is None or each < closed_from
    } - {None}
    return [
        (first, last_day(periods, first, closed_from), periods[first][1])
        for first in sorted(filter(None, valid))
    ]


def period_of(periods: Periods, on: date) -> date | None:
    first = max((first for first in periods if first <= on), default=None)
    if first is None:
        return None
    last = periods[first][0]
    return first if last is None or on <= last else None


def last_day(periods: Periods, first: date, closed_from: date | None = None) -> date | None:
    next_first = min((other for other in periods if other > first), default=None)
    ends = [begins - timedelta(1) for begins in (next_first, closed_from) if begins]
    return min([*ends, *filter(None, [periods[first][0]])], default=None)


def outcome(expected: Shown, month: date, closed_from: date | None) -> pb.DisclosureOutcome.ValueType:
    if closed_from is not None and closed_from <= month:
        return pb.DISCLOSURE_OUTCOME_DOSSIER_CLOSED
    return pb.DISCLOSURE_OUTCOME_AVAILABLE if expected else pb.DISCLOSURE_OUTCOME_NO_QUOTIENT


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(periods=PERIODS, closed_from=CLOSINGS)
async def test_a_period_lasts_until_it_ends_a_later_one_begins_or_the_dossier_closes(
    caller: Caller, periods: Periods, closed_from: date | None
) -> None:
    nir = new_nir()
    await caller.publish(
        record(nir, closed_from=closed_from),
        *(
            record(nir, qf=period(first, last, amount), closed_from=closed_from)
            for first, (last, amount) in periods.items()
        ),
    )
    results = await caller.disclose(*(item(nir, month=month) for month in MONTHS))
    for month, result in zip(MONTHS, results, strict=True):
        expected = model(periods, month, closed_from)
        assert shown(result) == expected
        assert result.outcome == outcome(expected, month, closed_from)


def shown(result: pb.DiscloseResult) -> Shown:
    return [
        (
            day(each.valid_from),
            day(each.valid_to) if each.HasField("valid_to") else None,
            each.amount_cents,
        )
        for each in result.periods
    ]
