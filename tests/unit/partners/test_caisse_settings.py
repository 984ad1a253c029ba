from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.kit.clock import PARIS
from services.kit.errors import InvalidField
from services.kit.window import Window
from services.partners.caisse_settings.domain import (
    Maintenance,
    MaintenanceOver,
    MaintenanceState,
    maintenance_message,
    planned_window,
    running_at,
)

NOW = datetime(2026, 11, 23, 11, tzinfo=UTC)
HOUR, INSTANT = timedelta(hours=1), timedelta(microseconds=1)
PLANNED = Maintenance(UUID(int=1), "21", NOW + HOUR, NOW + 3 * HOUR, "Mise à jour")
CLOCKS_BACK = datetime(2026, 10, 25, 0, tzinfo=PARIS).astimezone(UTC)
CLOCKS_FORWARD = datetime(2027, 3, 28, 0, tzinfo=PARIS).astimezone(UTC)
instants = st.timedeltas(timedelta(0), timedelta(days=730)).map(
    lambda since: datetime(2026, 1, 1, tzinfo=UTC) + since
)
lengths = st.timedeltas(INSTANT, timedelta(hours=72))


@given(start=instants, length=lengths, instant=instants)
@example(start=NOW, length=HOUR, instant=NOW)
@example(start=NOW, length=HOUR, instant=NOW - INSTANT)
@example(start=NOW, length=HOUR, instant=NOW + HOUR)
@example(start=NOW, length=HOUR, instant=NOW + HOUR - INSTANT)
@example(start=CLOCKS_BACK, length=25 * HOUR, instant=CLOCKS_BACK + 25 * HOUR - INSTANT)
@example(start=CLOCKS_FORWARD, length=23 * HOUR, instant=CLOCKS_FORWARD + 23 * HOUR)
def test_a_maintenance_runs_from_its_start_on_and_no_more_at_its_end(
    start: datetime, length: timedelta, instant: datetime
) -> None:
    """Art. 5."""
    maintenance = replace(PLANNED, start_time=start, end_time=start + length)
    runs = running_at([maintenance], instant) is maintenance
    assert runs == (start <= instant < start + length)
    expected = MaintenanceState.AHEAD if instant < start else MaintenanceState.OVER
    assert maintenance.state_at(instant) is (MaintenanceState.RUNNING if runs else expected)


@given(start=instants, first=lengths, second=lengths, instant=instants)
def test_of_two_that_follow_each_other_one_runs_at_every_instant_of_both(
    start: datetime, first: timedelta, second: timedelta, instant: datetime
) -> None:
    one = replace(PLANNED, start_time=start, end_time=start + first)
    other = replace(one, maintenance_id=UUID(int=2), start_time=one.end_time, end_time=one.end_time + second)
    for moment in (instant, start, one.end_time - INSTANT, one.end_time, other.end_time):
        running = [each for each in (one, other) if running_at([each], moment)]
        assert len(running) == (start <= moment < other.end_time)


def test_one_that_was_cancelled_runs_no_more() -> None:
    running = replace(PLANNED, start_time=NOW)
    ended = running.cancelled_at(NOW + HOUR)
    assert running_at([ended], NOW + HOUR) is None
    assert ended.window == Window(NOW, NOW + HOUR)
    assert PLANNED.cancelled_at(NOW).window == Window(PLANNED.start_time, PLANNED.start_time)
    with pytest.raises(MaintenanceOver):
        ended.cancelled_at(NOW + HOUR)
    with pytest.raises(MaintenanceOver):
        PLANNED.cancelled_at(PLANNED.end_time)


@given(length=lengths)
def test_without_a_start_it_begins_now(length: timedelta) -> None:
    """Art. 5."""
    assert planned_window(None, NOW + length, NOW) == Window(NOW, NOW + length)
    assert planned_window(NOW, NOW + length, NOW) == Window(NOW, NOW + length)


@pytest.mark.parametrize(
    ("start", "end", "rule"),
    [
        (NOW - INSTANT, NOW + HOUR, ("start_time", "TIME_PASSED")),
        (NOW, None, ("end_time", "TIME_REQUIRED")),
        (NOW, NOW, ("end_time", "TIME_ORDER")),
        (None, NOW - HOUR, ("end_time", "TIME_ORDER")),
        (NOW, NOW + timedelta(hours=72) + INSTANT, ("end_time", "MAINTENANCE_LENGTH")),
        (datetime(2200, 1, 1, tzinfo=UTC), datetime(2200, 1, 2, tzinfo=UTC), ("start_time", "TIME_RANGE")),
    ],
)
def test_what_is_no_time_for_a_maintenance_is_refused(
    start: datetime | None, end: datetime | None, rule: tuple[str, str]
) -> None:
    """Art. 5."""
    with pytest.raises(InvalidField) as refused:
        planned_window(start, end, NOW)
    (violation,) = refused.value.violations
    assert (violation.field, violation.rule) == rule


@pytest.mark.parametrize("message", ["", "  ", "x" * 201, "deux\nlignes", "dossier 2 85 07 21 009 001 53"])
def test_a_message_is_one_line_of_200_characters_without_a_nir(message: str) -> None:
    """N5."""
    with pytest.raises(InvalidField):
        maintenance_message(message)
    assert maintenance_message(f" {'é' * 200} ") == "é" * 200
