"""What identity does with reported use, in memory: the same rules on the same counts, without a database."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from bench.use_histories import Partner, Use
from services.identity.use.domain import (
    HABIT,
    HOUR,
    RECENT,
    Habit,
    HourCount,
    Judgement,
    RecentUse,
    UsedAccount,
    UsePolicy,
    Verdict,
    could_be_unusual,
    decide,
    habit_of,
    hour_of,
    judge,
)

# A report is made once a second, and honest use is judged when its hour is over.
END_OF_HOUR = HOUR - timedelta(seconds=1)


@dataclass
class _Account:
    hours: dict[datetime, HourCount] = field(default_factory=dict)
    networks: dict[str, datetime] = field(default_factory=dict)
    is_suspended: bool = False
    lift_time: datetime | None = None
    notice_time: datetime | None = None


class Watch:
    """One partner's accounts, as identity sees them under one policy."""

    def __init__(self, partner: Partner, policy: UsePolicy) -> None:
        self._partner = partner
        self._policy = policy
        self._accounts: defaultdict[UUID, _Account] = defaultdict(_Account)
        self._hours: dict[datetime, HourCount] = {}
        self._habits: dict[datetime, Habit] = {}

    def learn(self, uses: Iterable[Use]) -> None:
        """Takes use as it was, without judging it."""
        for use in uses:
            self._count(use, use.begin_time + END_OF_HOUR)

    def report(self, use: Use, now: datetime) -> tuple[Verdict, Judgement]:
        """Counts what an account did and judges it."""
        self._count(use, now)
        state = self._accounts[use.account_id]
        account = self._used(use.account_id)
        since = account.recent_since(now)
        state.hours = {at: each for at, each in state.hours.items() if at >= since}
        networks = sum(at >= since for at in state.networks.values())
        recent = RecentUse([*state.hours.values()], networks)
        if not could_be_unusual(recent, account, now):
            return Verdict.NOTHING, Judgement(0)
        judgement = judge(recent, self._habit(now), now)
        verdict = decide(judgement, account, now)
        if verdict is not Verdict.NOTHING:
            state.notice_time = now
        state.is_suspended |= verdict is Verdict.SUSPEND
        return verdict, judgement

    def is_suspended(self, account_id: UUID) -> bool:
        """Whether the account is."""
        return self._accounts[account_id].is_suspended

    def lift(self, account_id: UUID, now: datetime) -> None:
        """Lifts its suspension."""
        state = self._accounts[account_id]
        state.is_suspended, state.lift_time = False, now

    def _count(self, use: Use, now: datetime) -> None:
        state, at = self._accounts[use.account_id], self._used(use.account_id).begin_time(now)
        state.hours[at] = _sum(state.hours.get(at), use, at)
        hour = hour_of(now)
        self._hours[hour] = _sum(self._hours.get(hour), use, hour)
        state.networks.update(dict.fromkeys(use.networks, now))

    def _habit(self, now: datetime) -> Habit:
        # By the hour: identity reads it each time.
        hour, before = hour_of(now), now - RECENT
        if hour not in self._habits:
            self._habits = {
                hour: habit_of(each for at, each in self._hours.items() if before - HABIT <= at < before)
            }
        return self._habits[hour]

    def _used(self, account_id: UUID) -> UsedAccount:
        state = self._accounts[account_id]
        return UsedAccount(
            account_id=account_id,
            partner_id=self._partner.partner_id,
            caisse_code=self._policy.caisse_code,
            notice_score=self._policy.notice_score,
            suspension_score=self._policy.suspension_score,
            is_suspended=state.is_suspended,
            lift_time=state.lift_time,
            notice_time=state.notice_time,
        )


def _sum(earlier: HourCount | None, use: Use, at: datetime) -> HourCount:
    count, unknown = (earlier.consultation_count, earlier.not_found_count) if earlier else (0, 0)
    return HourCount(at, count + use.consultation_count, unknown + use.not_found_count)
