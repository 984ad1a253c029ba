"""What is unusual about an account's use, as a score of 0 to 100 with its reasons (art. 7-2). Pure.

The score adds up what four rules found. Each rule only adds, so that another oddity never lowers a score, and each has
its ceiling: only trying out NIRs (`unknown_nirs`) suspends by itself; much work, late work and work from many places
are told to the caisse, and suspend where two of them come together. Days and hours are those of Paris.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum, StrEnum, auto
from uuid import UUID

from services.kit.clock import PARIS
from services.kit.errors import FieldViolation, InvalidField

MAXIMUM_BATCH_SIZE = 500
MAXIMUM_PREFIX_LENGTH = 64
MAXIMUM_COUNT = 100_000_000
NEVER = 101

HOUR = timedelta(hours=1)
RECENT = timedelta(hours=24)
"""What is judged: an account's use within so long."""
HABIT = timedelta(days=28)
"""What it is held against: its partner's use within so long before that."""
COUNTS_KEPT_FOR = timedelta(days=35)

# Chosen on simulated years of honest and dishonest use; what they let through and catch: docs/guides/unusual-use.md.
DEFAULT_NOTICE_SCORE = 45
DEFAULT_SUSPENSION_SCORE = 80

_USUAL_UNKNOWN_SHARE = 0.05
_HIGHEST_UNKNOWN_SHARE = 0.6
_SHARE_PRIOR = 50
_DEVIATIONS = 5
_FREE_UNKNOWN_AN_HOUR = 10
_FREE_UNKNOWN_A_DAY = 20

_FREE_AN_HOUR = 60
_FREE_A_DAY = 150
_ROOM = 3
_POINTS_A_DOUBLING = 20
_VOLUME_CEILING = 50

_DAYS_OF_A_HABIT = 10
_ODD_CEILING_OF_AN_HOUR = 25
_ODD_CEILING = 50
_OFFICE_HOURS = range(8, 19)
_LIKELY_HOURS = range(7, 20)

_TRACE_ID = re.compile(r"[0-9a-f]{32}")

_FREE_NETWORKS = 4
_POINTS_A_NETWORK = 8
_NETWORKS_CEILING = 60


class UnusualUseKind(StrEnum):
    """What was unusual; named as in `msa.identity.v1.UnusualUseKind`."""

    UNKNOWN_NIRS = "UNKNOWN_NIRS"
    VOLUME = "VOLUME"
    ODD_HOURS = "ODD_HOURS"
    MANY_NETWORKS = "MANY_NETWORKS"


@dataclass(frozen=True)
class UseCount:
    """Consultations of one account from one network, empty where that is unknown."""

    account_id: UUID
    network_prefix: str
    consultation_count: int
    not_found_count: int
    trace_id: str = ""
    """Of the last of them; empty where unknown."""


@dataclass(frozen=True)
class HourCount:
    """Consultations within one hour, from `begin_time` on; `not_found_count` of them met nobody known."""

    begin_time: datetime
    consultation_count: int
    not_found_count: int


@dataclass(frozen=True)
class RecentUse:
    """What an account did within `RECENT`, since a suspension of it was lifted at most."""

    hours: Sequence[HourCount] = ()
    network_count: int = 0


class DayKind(Enum):
    """Days on which a partner may keep hours of their own."""

    WORKING_DAY = auto()
    SATURDAY = auto()
    SUNDAY = auto()


@dataclass(frozen=True)
class Habit:
    """How a partner uses the service: what its accounts did together within `HABIT`."""

    unknown_share: float = _USUAL_UNKNOWN_SHARE
    """How many of its consultations meet nobody known: typing errors, and families of other funds."""
    busy_hour_count: int = 0
    """Consultations in an hour that is busier than 95 % of those in which it works."""
    busy_day_count: int = 0
    """The same of days."""
    is_settled: bool = False
    """Whether it worked on enough days for its hours to tell anything."""
    hours: Mapping[DayKind, range] = field(default_factory=dict)
    """From when to when it works, by the kind of day; an hour at which it worked on one day only is none of them."""


@dataclass(frozen=True)
class Reason:
    """One part of a score: how many were seen where so many were to be expected at most."""

    kind: UnusualUseKind
    points: int
    observed_count: int
    expected_count: int


@dataclass(frozen=True)
class Judgement:
    """A score, and what it is made of, weightiest first."""

    score: int
    reasons: Sequence[Reason] = ()


NOTHING_UNUSUAL = Judgement(0)


@dataclass(frozen=True)
class UsePolicy:
    """From which scores on a caisse is told, and accounts are suspended; `NEVER`: not at all."""

    caisse_code: str
    notice_score: int = DEFAULT_NOTICE_SCORE
    suspension_score: int = DEFAULT_SUSPENSION_SCORE
    notices_mailed: bool = False
    """Whether it is mailed what suspends nobody too."""
    version: int = 0
    """Grows with each change; 0: it was never set."""


@dataclass(frozen=True)
class UsedAccount:
    """An account as it stands when its use is recorded."""

    account_id: UUID
    partner_id: UUID
    caisse_code: str
    notice_score: int
    suspension_score: int
    is_suspended: bool
    lift_time: datetime | None
    """When the last suspension was lifted: what was before counts no more."""
    notice_time: datetime | None
    """When something was last noticed."""
    notices_mailed: bool = False

    def begin_time(self, now: datetime) -> datetime:
        """Where what is used now is counted: the hour, from the lift on where one fell into it."""
        hour = hour_of(now)
        return hour if self.lift_time is None else max(hour, self.lift_time)

    def recent_since(self, now: datetime) -> datetime:
        """Since when its use is judged."""
        return now - RECENT if self.lift_time is None else max(now - RECENT, self.lift_time)


@dataclass(frozen=True)
class UnusualUse:
    """What was unusual about an account's use; `lift_time` is None while a suspension for it stands, or was none."""

    unusual_use_id: UUID
    event_time: datetime
    account_id: UUID
    partner_id: UUID
    caisse_code: str
    score: int
    reasons: Sequence[Reason]
    suspended: bool
    lift_time: datetime | None = None
    trace_id: str = ""
    """Of the last call that counted; empty where unknown."""


class Verdict(Enum):
    """What a judgement leads to."""

    NOTHING = auto()
    NOTICE = auto()
    SUSPEND = auto()


STRICTEST = Habit(is_settled=True)
"""The habit under which any use scores highest: who is not unusual beside it is not beside any."""


def hour_of(instant: datetime) -> datetime:
    """When the hour of `instant` began; in Paris hours begin when they do in UTC."""
    return instant.replace(minute=0, second=0, microsecond=0)


def habit_of(hours: Iterable[HourCount]) -> Habit:
    """The habit that a partner's hours make."""
    worked = [each for each in hours if each.consultation_count]
    by_day: Counter[date] = Counter()
    days_by_hour: defaultdict[tuple[DayKind, int], set[date]] = defaultdict(set)
    for each in worked:
        local = each.begin_time.astimezone(PARIS)
        by_day[local.date()] += each.consultation_count
        days_by_hour[_day_kind(local), local.hour].add(local.date())
    return Habit(
        unknown_share=_unknown_share(worked),
        busy_hour_count=_busy([each.consultation_count for each in worked]),
        busy_day_count=_busy([*by_day.values()]),
        is_settled=len(by_day) >= _DAYS_OF_A_HABIT,
        hours={kind: _span(kind, days_by_hour) for kind in DayKind},
    )


def judge(recent: RecentUse, habit: Habit, now: datetime) -> Judgement:
    """The score of what an account did, held against its partner's habit (art. 7-2)."""
    found = (
        unknown_nirs(recent, habit, now),
        volume(recent, habit, now),
        odd_hours(recent, habit),
        many_networks(recent),
    )
    reasons = sorted((each for each in found if each.points), key=lambda each: -each.points)
    return Judgement(min(100, sum(each.points for each in reasons)), tuple(reasons))


def unknown_nirs(recent: RecentUse, habit: Habit, now: datetime) -> Reason:
    """Runs of NIRs that the caisse does not know: somebody may be trying numbers out.

    Who types a NIR from a form errs now and then, 2 to 5 times in a hundred; a partner that asks for families of other
    funds meets more unknown ones, always. So many are to be expected as the partner's own share makes of the
    consultations, but 5 % at least and 60 % at most, and five standard deviations of that binomial more, so that chance
    alone does not pass it; 10 in an hour and 20 in a day are free in any case. Each one beyond is a point: who tries
    numbers out is suspended after about a hundred, however few of the day's hours he takes. One who knows all of a
    NIR but its three digits of order has tried a tenth of them by then.
    """
    hour, day = _this_hour(recent, now), recent.hours
    return _weightier(
        _unknown_within(hour, habit, _FREE_UNKNOWN_AN_HOUR), _unknown_within(day, habit, _FREE_UNKNOWN_A_DAY)
    )


def volume(recent: RecentUse, habit: Habit, now: datetime) -> Reason:
    """Far more consultations than the partner makes: somebody may be copying the files of families.

    To be expected is three times what the partner makes in its busy hours and days; a partner without a habit, or out
    of its season, may make 60 in an hour and 150 in a day. Each doubling beyond is 20 points, 50 at most: back to
    school, a town hall sends in one morning what it did not in all of the summer, and must not be suspended for it.
    """
    return _weightier(
        _volume_within(_this_hour(recent, now), max(_FREE_AN_HOUR, _ROOM * habit.busy_hour_count)),
        _volume_within(recent.hours, max(_FREE_A_DAY, _ROOM * habit.busy_day_count)),
    )


def odd_hours(recent: RecentUse, habit: Habit) -> Reason:
    """Consultations at hours at which the partner makes none: somebody may sit at another's desk.

    Odd are the hours outside those between which it works on such days (working days, Saturdays, Sundays), with an
    hour before and after; never those from 8 h to 19 h on a working day. Each consultation is a point, 25 at most of an
    hour and 50 of a day: to work late is no abuse, and a program that sends a whole batch at six in the morning is
    done within the hour, while one who copies files at night goes on. A partner with fewer than ten days of work is
    held against what is likely: 7 h to 20 h on every day but Sunday.
    """
    odd: Counter[datetime] = Counter()
    for each in recent.hours:
        if _is_odd(each.begin_time, habit):
            odd[hour_of(each.begin_time)] += each.consultation_count
    points = min(_ODD_CEILING, sum(min(_ODD_CEILING_OF_AN_HOUR, count) for count in odd.values()))
    return Reason(UnusualUseKind.ODD_HOURS, points, odd.total(), 0)


def many_networks(recent: RecentUse) -> Reason:
    """Calls from many networks within a day: credentials, which are strictly personal (art. 4-3), may be shared.

    An office, a home, a telephone and a second telephone's cell make four; each further network is 8 points, 60 at
    most.
    """
    beyond = max(0, recent.network_count - _FREE_NETWORKS)
    points = min(_NETWORKS_CEILING, beyond * _POINTS_A_NETWORK)
    return Reason(UnusualUseKind.MANY_NETWORKS, points, recent.network_count, _FREE_NETWORKS)


def decide(judgement: Judgement, account: UsedAccount, now: datetime) -> Verdict:
    """What follows: an account is suspended once, and its caisse told once an hour at most unless it comes to that."""
    if account.is_suspended:
        return Verdict.NOTHING
    if judgement.score >= account.suspension_score:
        return Verdict.SUSPEND
    is_told = account.notice_time is not None and now - account.notice_time < HOUR
    return Verdict.NOTICE if judgement.score >= account.notice_score and not is_told else Verdict.NOTHING


def is_mailed(unusual: UnusualUse, account: UsedAccount) -> bool:
    """Whether the caisse is told by mail: of a suspension always, of the rest where it asked for it (art. 7-2)."""
    return unusual.suspended or account.notices_mailed


def last_traces(counts: Iterable[UseCount]) -> Mapping[UUID, str]:
    """The trace of the last call of each account, where one is known."""
    return {count.account_id: count.trace_id for count in counts if count.trace_id}


def could_be_unusual(recent: RecentUse, account: UsedAccount, now: datetime) -> bool:
    """Whether any habit of the partner's would lead to more than nothing; most often none does, and none is read."""
    made = _consultations(recent.hours)
    if made <= _FREE_AN_HOUR:
        # No volume; at most a point for each consultation that was odd, and one for each unknown NIR.
        at_most = made + _unknown(recent.hours) + many_networks(recent).points
        if at_most < min(account.notice_score, account.suspension_score):
            return False
    return decide(judge(recent, STRICTEST, now), account, now) is not Verdict.NOTHING


def require_counts(counts: Sequence[UseCount]) -> None:
    """Raises InvalidField where counts are too many, or are none."""
    violations = []
    if len(counts) > MAXIMUM_BATCH_SIZE:
        violations.append(FieldViolation("counts", "BATCH_SIZE", f"must be at most {MAXIMUM_BATCH_SIZE}"))
    for position, count in enumerate(counts):
        if not 0 < count.consultation_count <= MAXIMUM_COUNT:
            violations.append(
                FieldViolation(
                    f"counts[{position}].consultation_count",
                    "RANGE",
                    f"must be between 1 and {MAXIMUM_COUNT}",
                )
            )
        if not 0 <= count.not_found_count <= count.consultation_count:
            violations.append(
                FieldViolation(
                    f"counts[{position}].not_found_count", "RANGE", "must be between 0 and consultation_count"
                )
            )
        if len(count.network_prefix) > MAXIMUM_PREFIX_LENGTH:
            violations.append(
                FieldViolation(
                    f"counts[{position}].network_prefix",
                    "LENGTH",
                    f"must be at most {MAXIMUM_PREFIX_LENGTH} characters",
                )
            )
        if count.trace_id and _TRACE_ID.fullmatch(count.trace_id) is None:
            violations.append(
                FieldViolation(
                    f"counts[{position}].trace_id", "TRACE_ID", "must be 32 hexadecimal digits, or empty"
                )
            )
    if violations:
        raise InvalidField(*violations)


def require_policy(policy: UsePolicy) -> None:
    """Raises InvalidField where a score is out of its range."""
    violations = []
    if not 1 <= policy.notice_score <= 100:
        violations.append(FieldViolation("policy.notice_score", "RANGE", "must be between 1 and 100"))
    if not policy.notice_score <= policy.suspension_score <= NEVER:
        violations.append(
            FieldViolation(
                "policy.suspension_score",
                "RANGE",
                f"must be between notice_score and 100, or {NEVER}, which suspends nobody",
            )
        )
    if violations:
        raise InvalidField(*violations)


def _this_hour(recent: RecentUse, now: datetime) -> Sequence[HourCount]:
    return [each for each in recent.hours if each.begin_time >= hour_of(now)]


def _unknown_within(hours: Sequence[HourCount], habit: Habit, free: int) -> Reason:
    asked, unknown = _consultations(hours), _unknown(hours)
    share = habit.unknown_share
    bound = asked * share + _DEVIATIONS * math.sqrt(asked * share * (1 - share))
    expected = max(free, math.ceil(bound))
    return Reason(UnusualUseKind.UNKNOWN_NIRS, min(100, max(0, unknown - expected)), unknown, expected)


def _volume_within(hours: Sequence[HourCount], expected: int) -> Reason:
    made = _consultations(hours)
    points = int(_POINTS_A_DOUBLING * math.log2(made / expected)) if made > expected else 0
    return Reason(UnusualUseKind.VOLUME, min(_VOLUME_CEILING, points), made, expected)


def _weightier(of_hour: Reason, of_day: Reason) -> Reason:
    return of_hour if of_hour.points > of_day.points else of_day


def _consultations(hours: Sequence[HourCount]) -> int:
    return sum(each.consultation_count for each in hours)


def _unknown(hours: Sequence[HourCount]) -> int:
    return sum(each.not_found_count for each in hours)


def _is_odd(begin_time: datetime, habit: Habit) -> bool:
    local = begin_time.astimezone(PARIS)
    kind = _day_kind(local)
    if not habit.is_settled:
        return kind is DayKind.SUNDAY or local.hour not in _LIKELY_HOURS
    if kind is DayKind.WORKING_DAY and local.hour in _OFFICE_HOURS:
        return False
    return local.hour not in habit.hours.get(kind, range(0))


def _day_kind(local: datetime) -> DayKind:
    return {5: DayKind.SATURDAY, 6: DayKind.SUNDAY}.get(local.weekday(), DayKind.WORKING_DAY)


def _span(kind: DayKind, days_by_hour: Mapping[tuple[DayKind, int], set[date]]) -> range:
    usual = [hour for (each, hour), days in days_by_hour.items() if each is kind and len(days) > 1]
    return range(min(usual) - 1, max(usual) + 2) if usual else range(0)


def _unknown_share(worked: Sequence[HourCount]) -> float:
    # As if so many consultations with the usual share had come before: a few say little.
    asked = _SHARE_PRIOR + _consultations(worked)
    unknown = _SHARE_PRIOR * _USUAL_UNKNOWN_SHARE + sum(each.not_found_count for each in worked)
    return min(_HIGHEST_UNKNOWN_SHARE, max(_USUAL_UNKNOWN_SHARE, unknown / asked))


def _busy(counts: Sequence[int]) -> int:
    return sorted(counts)[math.ceil(0.95 * len(counts)) - 1] if counts else 0
