"""The rules on guessing (CNIL deliberation 2022-100)."""

from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import ValidationError

from services.identity.attempts.domain import (
    CLOCK_TOLERANCE,
    FAILURES_COUNT_FOR,
    AnyBrowser,
    Attempt,
    Delays,
    HeldSession,
    KnownDevice,
    Subject,
    TooManySignIns,
    Verdict,
)
from services.identity.config import SignInSettings
from services.kit.errors import Reason
from services.kit.keys import derived_key

LOGIN = "x21-4f7k2m"
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
SETTINGS = SignInSettings()
DELAYS = Delays(
    free_failures=SETTINGS.free_failures,
    first=SETTINGS.first_delay_seconds * SECOND,
    longest=SETTINGS.maximum_delay_seconds * SECOND,
    maximum_tries=SETTINGS.maximum_tries_per_day,
)


def test_five_failures_cost_nothing_and_then_the_delay_doubles_up_to_a_quarter_of_an_hour() -> None:
    assert [DELAYS.after(failures) for failures in range(5)] == [timedelta(0)] * 5
    assert [DELAYS.after(failures) // SECOND for failures in range(5, 12)] == [
        90,
        180,
        360,
        720,
        900,
        900,
        900,
    ]


def test_after_five_failures_one_waits_for_more_than_a_minute_and_has_25_tries_a_day() -> None:
    assert DELAYS.after(SETTINGS.free_failures) > MINUTE
    assert (SETTINGS.free_failures, SETTINGS.maximum_tries_per_day) == (5, 25)


def test_failures_count_for_as_much_longer_than_a_day_as_a_clock_may_be_wrong() -> None:
    assert (FAILURES_COUNT_FOR // HOUR, CLOCK_TOLERANCE // HOUR) == (25, 1)


def test_no_number_of_failures_is_too_much_to_reckon_with() -> None:
    assert DELAYS.after(100_000) == 15 * MINUTE


def test_an_account_is_locked_by_the_last_failure_that_costs_nothing() -> None:
    assert [failures for failures in range(30) if DELAYS.lock_begins_with(failures)] == [5]


@pytest.mark.parametrize("subject", [AnyBrowser(LOGIN), KnownDevice(LOGIN, UUID(int=1)), HeldSession(LOGIN)])
def test_a_try_does_not_print_its_login(subject: Subject) -> None:
    assert LOGIN not in f"{Attempt(UUID(int=2), subject, Verdict.LOCKED)!r}"


def test_only_a_locked_try_is_locked() -> None:
    tries = [Attempt(UUID(int=2), AnyBrowser(LOGIN), verdict) for verdict in Verdict]
    assert [each.verdict for each in tries if each.locked] == [Verdict.LOCKED]


def test_what_a_network_is_told_names_no_login() -> None:
    error = TooManySignIns(retry_after_seconds=36)
    assert (error.reason, error.retry_after_seconds) == (Reason.RATE_LIMITED, 36)
    assert "login" not in error.message


def test_a_key_serves_one_purpose() -> None:
    keys = {derived_key(bytes(32), b"devices"), derived_key(bytes(32), b"attempts.login"), bytes(32)}
    keys.add(derived_key(b"\1" * 32, b"devices"))
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}


@pytest.mark.parametrize("name", SignInSettings.model_fields)
def test_no_limit_can_be_switched_off(name: str) -> None:
    with pytest.raises(ValidationError):
        SignInSettings.model_validate({name: 0})
