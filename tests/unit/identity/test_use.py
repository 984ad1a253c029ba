"""What is unusual about an account's use (art. 7-2): each rule, their sum, and what follows from it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.use.domain import (
    DEFAULT_NOTICE_SCORE,
    DEFAULT_SUSPENSION_SCORE,
    NEVER,
    STRICTEST,
    DayKind,
    Habit,
    HourCount,
    Judgement,
    Reason,
    RecentUse,
    UnusualUse,
    UnusualUseKind,
    UseCount,
    UsedAccount,
    UsePolicy,
    Verdict,
    could_be_unusual,
    decide,
    habit_of,
    is_mailed,
    judge,
    last_traces,
    require_counts,
    require_policy,
)
from services.kit.clock import PARIS
from services.kit.errors import InvalidField

KIND = UnusualUseKind
# A Tuesday in winter: Paris is one hour ahead.
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
THIS_HOUR = NOW.replace(minute=0)
NEW_PARTNER = Habit()
ACCOUNT = UsedAccount(
    account_id=UUID(int=1),
    partner_id=UUID(int=2),
    caisse_code="21",
    notice_score=DEFAULT_NOTICE_SCORE,
    suspension_score=DEFAULT_SUSPENSION_SCORE,
    is_suspended=False,
    lift_time=None,
    notice_time=None,
)


def paris(text: str) -> datetime:
    """The instant of a wall-clock time in Paris, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


def within_this_hour(count: int, unknown: int = 0, networks: int = 1) -> RecentUse:
    """Use of this hour only."""
    return RecentUse([HourCount(THIS_HOUR, count, unknown)], networks)


def office_days(a_hour: int, hours: Sequence[int] = range(9, 17), unknown_share: float = 0.0) -> Habit:
    """The habit of a partner that works twenty working days, so much in each of its hours."""
    first = datetime(2026, 10, 26, tzinfo=PARIS)
    days = [first + timedelta(days=offset) for offset in range(28)]
    return habit_of(
        HourCount(day.replace(hour=hour).astimezone(UTC), a_hour, int(a_hour * unknown_share))
        for day in days
        if day.weekday() < 5
        for hour in hours
    )


def points(judgement: Judgement) -> dict[UnusualUseKind, int]:
    """The points of each reason."""
    return {reason.kind: reason.points for reason in judgement.reasons}


def test_ordinary_use_scores_nothing() -> None:
    recent = within_this_hour(40, 2, networks=3)
    assert judge(recent, office_days(5), NOW) == Judgement(0)
    assert judge(recent, NEW_PARTNER, NOW) == Judgement(0)


def test_trying_out_nirs_suspends_by_itself_within_about_a_hundred_art_7_2() -> None:
    suspended_after = next(
        count
        for count in range(1, 500)
        if judge(within_this_hour(count, count), office_days(5), NOW).score >= DEFAULT_SUSPENSION_SCORE
    )
    assert 80 < suspended_after <= 100


def test_typing_errors_of_a_whole_batch_are_none_of_it() -> None:
    assert KIND.UNKNOWN_NIRS not in points(judge(within_this_hour(500, 25), NEW_PARTNER, NOW))


def test_a_partner_that_always_meets_unknown_families_is_held_against_itself() -> None:
    recent = within_this_hour(300, 120)
    assert points(judge(recent, office_days(20, unknown_share=0.4), NOW)).get(KIND.UNKNOWN_NIRS, 0) == 0
    assert points(judge(recent, office_days(20), NOW))[KIND.UNKNOWN_NIRS] >= 80


def test_no_share_of_unknown_nirs_is_so_usual_that_guessing_is_not_seen() -> None:
    habit = office_days(50, unknown_share=1.0)
    assert judge(within_this_hour(600, 600), habit, NOW).score == 100


def test_slow_guessing_adds_up_over_the_day() -> None:
    hours = [HourCount(THIS_HOUR - timedelta(hours=ago), 12, 12) for ago in range(10)]
    (unknown,) = [
        each
        for each in judge(RecentUse(hours, 1), NEW_PARTNER, NOW).reasons
        if each.kind is KIND.UNKNOWN_NIRS
    ]
    assert (unknown.observed_count, unknown.expected_count) == (120, 20)
    assert unknown.points == 100


def test_a_batch_at_back_to_school_is_told_and_suspends_nobody() -> None:
    quiet_summer = office_days(1)
    judgement = judge(within_this_hour(3000, 90), quiet_summer, NOW)
    assert DEFAULT_NOTICE_SCORE <= judgement.score < DEFAULT_SUSPENSION_SCORE
    assert points(judgement) == {KIND.VOLUME: 50}


def test_a_batch_that_a_program_sends_at_six_suspends_nobody() -> None:
    at_six = paris("2026-11-24T06:20")
    recent = RecentUse([HourCount(paris("2026-11-24T06:00"), 2000, 60)], 1)
    judgement = judge(recent, office_days(5), at_six)
    assert points(judgement) == {KIND.VOLUME: 50, KIND.ODD_HOURS: 25}
    assert judgement.score < DEFAULT_SUSPENSION_SCORE


def test_copying_files_for_some_hours_at_night_suspends() -> None:
    hours = [HourCount(paris(f"2026-11-24T{hour}:00"), 200, 6) for hour in (20, 21, 22)]
    for habit in (office_days(3), NEW_PARTNER):
        assert judge(RecentUse(hours, 1), habit, paris("2026-11-24T22:59")).score >= DEFAULT_SUSPENSION_SCORE


def test_volume_is_held_against_the_partners_own_busy_hours() -> None:
    recent = within_this_hour(600)
    assert points(judge(recent, office_days(250), NOW)) == {}
    assert points(judge(recent, office_days(5), NOW)) == {KIND.VOLUME: 50}


@pytest.mark.parametrize(
    ("hour", "is_odd"),
    [
        pytest.param("2026-11-24T08:00", False, id="within office hours"),
        pytest.param("2026-11-24T18:00", False, id="within office hours, late"),
        pytest.param("2026-11-24T19:00", True, id="in the evening"),
        pytest.param("2026-11-24T07:00", True, id="early"),
        pytest.param("2026-11-28T10:00", True, id="on a Saturday, when it never works"),
        pytest.param("2026-11-29T10:00", True, id="on a Sunday"),
        pytest.param("2026-07-15T08:00", False, id="in summer time: seven in winter"),
    ],
)
def test_odd_hours_are_those_at_which_the_partner_never_works(hour: str, is_odd: bool) -> None:
    recent = RecentUse([HourCount(paris(hour), 7, 0)], 1)
    found = points(judge(recent, office_days(5, range(10, 16)), paris(hour) + timedelta(minutes=30)))
    assert found == ({KIND.ODD_HOURS: 7} if is_odd else {})


def test_a_partner_that_works_on_saturdays_is_not_odd_on_one() -> None:
    days = [datetime(2026, 10, 1, 9, tzinfo=PARIS) + timedelta(days=offset) for offset in range(28)]
    habit = habit_of(
        HourCount(day.astimezone(UTC), 4, 0) for day in days if day.weekday() == 5 or day.day % 2
    )
    recent = RecentUse([HourCount(paris("2026-11-28T09:00"), 30, 0)], 1)
    assert habit.is_settled
    assert judge(recent, habit, paris("2026-11-28T09:30")).score == 0


def test_one_late_evening_makes_no_habit() -> None:
    evening = [HourCount(paris("2026-11-10T21:00"), 10, 0)]
    habit = habit_of(evening)
    assert habit.hours[DayKind.WORKING_DAY] == range(0)
    assert not habit.is_settled


def test_each_network_beyond_four_is_eight_points_and_none_suspends_by_itself() -> None:
    scores = [judge(within_this_hour(5, networks=count), NEW_PARTNER, NOW).score for count in (4, 5, 7, 500)]
    assert scores == [0, 8, 24, 60]
    assert max(scores) < DEFAULT_SUSPENSION_SCORE


counts = st.integers(0, 3000)
uses = st.builds(
    lambda hours, networks: RecentUse(
        [
            HourCount(THIS_HOUR - timedelta(hours=ago), count + unknown, unknown)
            for ago, (count, unknown) in enumerate(hours)
        ],
        networks,
    ),
    st.lists(st.tuples(counts, counts), max_size=20),
    st.integers(0, 60),
)
habits = st.builds(
    office_days,
    st.integers(0, 300),
    st.lists(st.integers(5, 22), max_size=10),
    st.floats(0, 1),
)


@given(uses, habits, st.integers(0, 60))
def test_another_oddity_never_lowers_a_score(recent: RecentUse, habit: Habit, more_networks: int) -> None:
    more = replace(recent, network_count=recent.network_count + more_networks)
    assert 0 <= judge(recent, habit, NOW).score <= judge(more, habit, NOW).score <= 100


@given(uses, habits, st.integers(1, 500))
def test_unknown_nirs_more_never_lower_a_score(recent: RecentUse, habit: Habit, unknown: int) -> None:
    more = replace(recent, hours=[*recent.hours, HourCount(THIS_HOUR, unknown, unknown)])
    assert judge(more, habit, NOW).score >= judge(recent, habit, NOW).score


@given(uses, habits)
def test_no_habit_scores_higher_than_the_strictest(recent: RecentUse, habit: Habit) -> None:
    """So the habit may stay unread where the strictest leads to nothing."""
    assert judge(recent, habit, NOW).score <= judge(recent, STRICTEST, NOW).score
    if not could_be_unusual(recent, ACCOUNT, NOW):
        assert decide(judge(recent, habit, NOW), ACCOUNT, NOW) is Verdict.NOTHING


@given(uses)
def test_a_partner_without_a_habit_scores_no_higher_either(recent: RecentUse) -> None:
    assert judge(recent, NEW_PARTNER, NOW).score <= judge(recent, STRICTEST, NOW).score


@pytest.mark.parametrize(
    ("score", "told_minutes_ago", "verdict"),
    [
        (DEFAULT_NOTICE_SCORE - 1, None, Verdict.NOTHING),
        (DEFAULT_NOTICE_SCORE, None, Verdict.NOTICE),
        (DEFAULT_NOTICE_SCORE, 59, Verdict.NOTHING),
        (DEFAULT_NOTICE_SCORE, 60, Verdict.NOTICE),
        (DEFAULT_SUSPENSION_SCORE, 1, Verdict.SUSPEND),
    ],
)
def test_a_caisse_is_told_once_an_hour_unless_it_comes_to_a_suspension(
    score: int, told_minutes_ago: int | None, verdict: Verdict
) -> None:
    told = None if told_minutes_ago is None else NOW - timedelta(minutes=told_minutes_ago)
    assert decide(Judgement(score), replace(ACCOUNT, notice_time=told), NOW) is verdict


def test_who_is_suspended_is_not_judged_and_a_caisse_may_suspend_nobody() -> None:
    assert decide(Judgement(100), replace(ACCOUNT, is_suspended=True), NOW) is Verdict.NOTHING
    assert decide(Judgement(100), replace(ACCOUNT, suspension_score=NEVER), NOW) is Verdict.NOTICE


def test_reasons_stand_weightiest_first() -> None:
    judgement = judge(within_this_hour(500, 120, networks=6), NEW_PARTNER, NOW)
    assert [each.kind for each in judgement.reasons] == [KIND.UNKNOWN_NIRS, KIND.VOLUME, KIND.MANY_NETWORKS]
    assert judgement.reasons[-1] == Reason(KIND.MANY_NETWORKS, 16, 6, 4)


def test_what_was_before_a_lift_counts_no_more() -> None:
    lifted = replace(ACCOUNT, lift_time=NOW - timedelta(minutes=10))
    assert lifted.begin_time(NOW) == lifted.recent_since(NOW) == lifted.lift_time
    long_ago = replace(ACCOUNT, lift_time=NOW - timedelta(days=3))
    assert long_ago.begin_time(NOW) == THIS_HOUR
    assert long_ago.recent_since(NOW) == NOW - timedelta(hours=24)


@pytest.mark.parametrize("scores", [(0, 80), (101, 101), (50, 49), (50, 102)])
def test_a_policy_out_of_range_is_refused(scores: tuple[int, int]) -> None:
    with pytest.raises(InvalidField):
        require_policy(UsePolicy("21", *scores))


@pytest.mark.parametrize("scores", [(1, 1), (100, 100), (100, 101), (50, 50)])
def test_a_policy_at_its_limits_is_taken(scores: tuple[int, int]) -> None:
    policy = UsePolicy("21", *scores)
    require_policy(policy)
    assert policy.suspension_score >= policy.notice_score


@pytest.mark.parametrize(
    ("count", "field"),
    [
        (UseCount(UUID(int=1), "", 0, 0), "counts[0].consultation_count"),
        (UseCount(UUID(int=1), "", 1, 2), "counts[0].not_found_count"),
        (UseCount(UUID(int=1), "", 1, -1), "counts[0].not_found_count"),
        (UseCount(UUID(int=1), "x" * 65, 1, 0), "counts[0].network_prefix"),
        (UseCount(UUID(int=1), "", 1, 0, "x" * 32), "counts[0].trace_id"),
        (UseCount(UUID(int=1), "", 1, 0, "0af7651916cd43dd8448eb211c80319c0"), "counts[0].trace_id"),
    ],
)
def test_a_count_that_is_none_is_refused_by_its_place(count: UseCount, field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        require_counts([count])
    assert [each.field for each in refused.value.violations] == [field]


def test_what_is_unusual_leads_to_the_last_call_whose_trace_is_known() -> None:
    first, last = "4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c"
    one, other, silent = (UUID(int=number) for number in range(3))
    counts = [
        UseCount(one, "a", 1, 0, first),
        UseCount(other, "a", 1, 0, first),
        UseCount(silent, "a", 1, 0),
        UseCount(one, "b", 1, 0, last),
        UseCount(one, "", 1, 0),
    ]
    require_counts(counts)
    assert last_traces(counts) == {one: last, other: first}


@pytest.mark.parametrize(
    ("suspended", "asked_for", "mailed"),
    [(True, False, True), (True, True, True), (False, True, True), (False, False, False)],
)
def test_a_suspension_is_mailed_always_and_the_rest_where_the_caisse_asked_for_it_art_7_2(
    suspended: bool, asked_for: bool, mailed: bool
) -> None:
    unusual = UnusualUse(UUID(int=3), NOW, ACCOUNT.account_id, ACCOUNT.partner_id, "21", 50, (), suspended)
    assert is_mailed(unusual, replace(ACCOUNT, notices_mailed=asked_for)) is mailed


def test_more_than_500_counts_are_refused() -> None:
    count = UseCount(UUID(int=1), "", 1, 0)
    require_counts([count] * 500)
    with pytest.raises(InvalidField) as refused:
        require_counts([count] * 501)
    assert [each.rule for each in refused.value.violations] == ["BATCH_SIZE"]
