"""Many consultations in one call: each is made when its turn comes, by the rules of that moment (N1-N4, art. 6-3)."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from gateway.domain import (
    MAXIMUM_QUERIES,
    ClientContext,
    Disclosure,
    HabilitationNotValid,
    Maintenance,
    OppositionScope,
    Outcome,
    PartnerSuspended,
    Query,
    RateLimited,
    SessionNotValid,
    UseSuspended,
)
from gateway.hours import ServiceClosed
from gateway.service import Unanswered
from services.kit.errors import DependencyUnavailable, DomainError, InvalidField, Reason
from services.kit.status import PeerError, new_status
from tests.clock import FakeClock
from tests.unit.gateway.services import (
    AVAILABLE,
    LIMIT,
    NIGHT,
    NOON,
    NOWHERE,
    REMAINING,
    RIGHT,
    TOKEN,
    Heard,
    Services,
    consultations,
    query,
)

GATES = ["authenticate", "authorize", "check_oppositions", "disclose"]
LAST_MINUTE = datetime(2026, 11, 23, 21, 59, 30, tzinfo=UTC)


class Batch:
    """A call under way, with the services that answer it and the clock."""

    def __init__(
        self,
        queries: Sequence[Query],
        services: Services | None = None,
        now: datetime = NOON,
        budget_seconds: float = 5,
        client: ClientContext = NOWHERE,
    ) -> None:
        self.services = services or Services()
        self.clock = FakeClock(now)
        self.heard = Heard()
        many = consultations(self.services, self.clock, budget_seconds).consult_many
        self._answers = cast(
            "AsyncGenerator[Disclosure | Unanswered]", many(TOKEN, client, self.heard, queries)
        )

    async def next(self) -> Any:
        """The next answer."""
        return await anext(self._answers)

    async def rest(self) -> list[Any]:
        """All that follow."""
        return [answer async for answer in self._answers]

    async def close(self) -> None:
        """Goes away."""
        await self._answers.aclose()


def rows(count: int) -> list[Query]:
    return [query(case_reference=f"row {position}") for position in range(count)]


def errors(answers: Sequence[Any]) -> list[Any]:
    """What each of them was not answered for; None where it was answered."""
    return [answer.error if isinstance(answer, Unanswered) else None for answer in answers]


async def test_each_row_passes_every_gate_anew() -> None:
    batch = Batch(rows(2))
    assert await batch.rest() == [AVAILABLE] * 2
    assert batch.services.asked[:2] == ["authenticate", "authorize"]
    first, second = batch.services.asked[2:6], batch.services.asked[6:]
    assert sorted(first) == sorted(second) == sorted(GATES)
    assert first[-1] == second[-1] == "disclose"


async def test_a_call_is_counted_once_by_its_queries_and_its_rows_are_not_counted_again() -> None:
    batch = Batch(rows(3))
    await batch.rest()
    assert batch.services.counted == [3, 0, 0, 0]


async def test_what_is_left_is_told_once_before_the_first_answer_art_7_1() -> None:
    batch = Batch(rows(3))
    await batch.next()
    assert (batch.heard.remaining, batch.heard.limits) == ([REMAINING], [[LIMIT]])
    await batch.rest()
    assert (batch.heard.remaining, batch.heard.limits) == ([REMAINING], [[LIMIT]])


async def test_nothing_is_disclosed_ahead_of_its_turn_n2() -> None:
    batch = Batch(rows(5))
    for position in range(3):
        await batch.next()
        assert batch.services.disclosed == [f"row {each}" for each in range(position + 1)]


async def test_who_goes_away_leaves_what_he_was_given_and_no_more_n2() -> None:
    batch = Batch(rows(5))
    await batch.next()
    await batch.next()
    await batch.close()
    assert batch.services.disclosed == ["row 0", "row 1"]
    assert len(batch.services.noted) == 2


async def test_a_query_that_breaks_a_rule_is_told_so_in_its_place_and_the_others_go_on() -> None:
    batch = Batch([query(), query(nir="1"), query(case_reference="?"), query()])
    answers = await batch.rest()
    assert answers[0] == answers[3] == AVAILABLE
    refused = [error for error in errors(answers) if isinstance(error, InvalidField)]
    assert [error.violations[0].field for error in refused] == ["nir", "case_reference"]
    assert len(batch.services.noted) == 2


async def test_a_missing_case_reference_is_told_in_its_place_too_art_6_1() -> None:
    services = Services()
    services.right = replace(RIGHT, case_reference_required=True)
    answers = await Batch([query(), query(case_reference="CLSH/118")], services).rest()
    assert [type(error) for error in errors(answers)] == [InvalidField, type(None)]
    assert services.disclosed == ["CLSH/118"]


@pytest.mark.parametrize(
    ("gate", "error"),
    [
        ("authenticate", SessionNotValid()),
        ("authenticate", UseSuspended()),
        ("authorize", HabilitationNotValid()),
        ("authorize", PartnerSuspended()),
        ("check_oppositions", DependencyUnavailable()),
        ("disclose", DependencyUnavailable()),
        ("disclose", PeerError(new_status(Reason.INTERNAL, "A peer's words."))),
    ],
)
async def test_what_ends_a_row_for_another_cause_ends_all_that_follow_and_nobody_is_asked_again_n3(
    gate: str, error: DomainError | PeerError
) -> None:
    batch = Batch(rows(4))
    assert await batch.next() == AVAILABLE
    batch.services.failure[gate] = error
    stopped = await batch.next()
    asked = list(batch.services.asked)
    batch.services.failure.clear()
    assert errors([stopped, *await batch.rest()]) == [error] * 3
    assert batch.services.asked == asked
    assert len(batch.services.noted) == 1


async def test_closing_time_stops_a_batch_between_two_rows_n4() -> None:
    batch = Batch(rows(4), now=LAST_MINUTE)
    assert await batch.next() == AVAILABLE
    batch.clock.advance(timedelta(seconds=30))
    asked = list(batch.services.asked)
    assert [type(error) for error in errors(await batch.rest())] == [ServiceClosed] * 3
    assert batch.services.asked == asked


async def test_a_batch_that_was_stopped_does_not_go_on_when_the_service_opens_again() -> None:
    batch = Batch(rows(3), now=LAST_MINUTE)
    assert await batch.next() == AVAILABLE
    batch.clock.advance(timedelta(seconds=30))
    await batch.next()
    batch.clock.set(NOON + timedelta(days=1))
    assert [type(error) for error in errors(await batch.rest())] == [ServiceClosed]


async def test_a_maintenance_that_begins_stops_a_batch_art_5() -> None:
    batch = Batch(rows(3))
    assert await batch.next() == AVAILABLE
    batch.services.right = replace(RIGHT, maintenance_end_time=NOON + timedelta(minutes=30))
    stopped = errors(await batch.rest())
    assert [type(error) for error in stopped] == [Maintenance] * 2
    assert stopped[0].retry_after_seconds == 1800
    assert len(batch.services.disclosed) == 1


async def test_an_opposition_between_two_rows_withholds_the_later_one_n1_art_6_3() -> None:
    batch = Batch(rows(2))
    assert await batch.next() == AVAILABLE
    batch.services.scopes = [OppositionScope("21", "partner-1")]
    [withheld] = await batch.rest()
    assert withheld == Disclosure(Outcome.OPPOSED, "line-1")
    assert batch.services.opposed is True


async def test_a_right_that_moved_to_another_caisse_holds_from_the_next_row_on() -> None:
    batch = Batch(rows(2))
    await batch.next()
    batch.services.right = replace(RIGHT, caisse_code="12")
    batch.services.scopes = [OppositionScope("21", "")]
    assert await batch.rest() == [AVAILABLE]


async def test_a_row_that_takes_too_long_is_given_up_and_so_are_those_behind_it_n8() -> None:
    batch = Batch(rows(3), budget_seconds=0.05)
    assert await batch.next() == AVAILABLE
    batch.services.delay_seconds = 5
    assert [type(error) for error in errors(await batch.rest())] == [DependencyUnavailable] * 2


async def test_the_budget_is_that_of_a_row_and_not_that_of_the_batch() -> None:
    batch = Batch(rows(8), budget_seconds=0.2)
    batch.services.delay_seconds = 0.02
    assert await batch.rest() == [AVAILABLE] * 8


@pytest.mark.parametrize("count", [0, MAXIMUM_QUERIES + 1])
async def test_a_call_has_1_to_500_queries_and_another_is_refused_uncounted(count: int) -> None:
    batch = Batch(rows(count))
    with pytest.raises(InvalidField) as refused:
        await batch.next()
    assert [(each.field, each.rule) for each in refused.value.violations] == [("queries", "QUERY_COUNT")]
    assert batch.services.counted == []
    assert batch.services.disclosed == []


async def test_five_hundred_queries_are_as_many_answers() -> None:
    batch = Batch(rows(MAXIMUM_QUERIES))
    assert len(await batch.rest()) == len(batch.services.disclosed) == MAXIMUM_QUERIES
    assert batch.services.counted[0] == MAXIMUM_QUERIES


@pytest.mark.parametrize(
    ("gate", "error"),
    [
        ("authenticate", SessionNotValid()),
        ("authenticate", RateLimited(retry_after_seconds=3, rate_limits=[LIMIT])),
        ("authenticate", DependencyUnavailable()),
        ("authorize", HabilitationNotValid()),
        ("authorize", DependencyUnavailable()),
    ],
)
async def test_before_the_first_row_an_error_is_that_of_the_call(gate: str, error: DomainError) -> None:
    batch = Batch(rows(2))
    batch.services.failure[gate] = error
    with pytest.raises(type(error)):
        await batch.next()
    assert batch.services.disclosed == []


async def test_without_a_session_the_number_of_queries_is_all_that_is_looked_at() -> None:
    batch = Batch([query(nir="1")])
    batch.services.failure["authenticate"] = SessionNotValid()
    with pytest.raises(SessionNotValid):
        await batch.next()


async def test_at_night_no_batch_begins_n4() -> None:
    batch = Batch(rows(2), now=NIGHT)
    with pytest.raises(ServiceClosed):
        await batch.next()
    assert batch.services.asked == []


async def test_every_row_that_was_answered_is_noted_once_art_7_2() -> None:
    client = ClientContext("203.0.113.0/24", address="203.0.113.77")
    batch = Batch(rows(3), client=client)
    await batch.next()
    batch.services.outcome = Outcome.NOT_FOUND
    await batch.rest()
    assert batch.services.noted == [
        ("account-1", "203.0.113.0/24", not_found) for not_found in (False, True, True)
    ]


async def test_a_single_consultation_goes_before_the_rows() -> None:
    services = Services()
    use_case = consultations(services, FakeClock(NOON))
    answers = cast(
        "AsyncGenerator[Disclosure | Unanswered]",
        use_case.consult_many(TOKEN, NOWHERE, Heard(), rows(2)),
    )
    await anext(answers)
    # The single one's first question takes a while; the row's would not.
    services.delay_seconds = 0.01
    single = asyncio.create_task(use_case.consult(TOKEN, NOWHERE, Heard(), query(case_reference="single")))
    await asyncio.sleep(0)
    services.delay_seconds = 0
    await anext(answers)
    await single
    assert services.disclosed == ["row 0", "single", "row 1"]
