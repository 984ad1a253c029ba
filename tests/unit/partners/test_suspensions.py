"""Suspensions (art. 7-2): on which days they bear."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.partners.suspensions.domain import (
    NotSuspended,
    SuspendedForGood,
    Suspension,
    SuspensionKind,
    require_liftable,
)

NOW = datetime(2026, 11, 23, 11, tzinfo=UTC)
DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))


def suspension(
    until: date | None = None,
    kind: SuspensionKind = SuspensionKind.TEMPORARY,
    lifted: datetime | None = None,
) -> Suspension:
    return Suspension(UUID(int=1), UUID(int=2), kind, "soupçon", NOW, until, lifted)


@given(DAYS, DAYS)
def test_until_a_day_it_bears_on_every_day_before(day: date, until: date) -> None:
    assert suspension(until).bears_on(day) == (day < until)


@given(DAYS, st.sampled_from(SuspensionKind))
def test_without_a_day_it_bears_until_it_is_lifted(day: date, kind: SuspensionKind) -> None:
    assert suspension(kind=kind).bears_on(day)
    assert not suspension(kind=kind, lifted=NOW).bears_on(day)


def test_what_bears_no_more_is_not_lifted() -> None:
    today = date(2026, 11, 23)
    for present in (None, suspension(today), suspension(lifted=NOW)):
        with pytest.raises(NotSuspended):
            require_liftable(present, today)
    with pytest.raises(SuspendedForGood):
        require_liftable(suspension(kind=SuspensionKind.DEFINITIVE), today)
    ahead = suspension(today + timedelta(days=1))
    assert require_liftable(ahead, today) is ahead
