"""How often honest use is taken for abuse, and abuse is found: `python -m bench unusual-use` (art. 7-2).

Invented partners work for a year under identity's own rules, and accounts of theirs are abused. No server runs, and no
time passes. The rules were tuned on the histories of seed 1; what is told by default is of seeds 2 to 4.
"""

import argparse
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import groupby
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.use_attacks import ATTACKS, Attack
from bench.use_histories import FIRST_DAY, Partner, paris_hour, partners
from bench.use_watch import END_OF_HOUR, Watch
from services.identity.use.domain import HABIT, RECENT, UsePolicy, Verdict
from services.kit.clock import paris_date

TUNING_SEED = 1
REPORTED_SEEDS = (2, 3, 4)
# What came before is unknown; from here on every partner has had the time to have a habit.
JUDGED_FROM = FIRST_DAY + HABIT + RECENT
POLICIES = (UsePolicy("21"), UsePolicy("22", 40, 50))

console = Console(stderr=True)


@dataclass(frozen=True)
class Alarms:
    """Honest use, under one policy."""

    notice_score: int
    suspension_score: int
    kind: str
    account_days: int
    """Days on which an account was used."""
    notices: int
    """That is, days on which an account was noticed."""
    suspensions: int

    @property
    def notices_per_1000(self) -> float:
        """Of a thousand days of an account."""
        return 1000 * self.notices / self.account_days if self.account_days else 0.0

    @property
    def suspensions_per_10000(self) -> float:
        """Of ten thousand."""
        return 10_000 * self.suspensions / self.account_days if self.account_days else 0.0


@dataclass(frozen=True)
class Detection:
    """One attack, tried on so many accounts, under one policy."""

    notice_score: int
    suspension_score: int
    attack: str
    trials: int
    noticed: int
    suspended: int
    median_consultations: float | None
    """Made before the suspension held, those of the last report included; None where there was none."""
    most_consultations: int | None
    median_seconds: float | None


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench unusual-use", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[*REPORTED_SEEDS], help="of the histories")
    parser.add_argument("--scale", type=float, default=1.0, help="1: 300 partners (default)")
    parser.add_argument("--trials", type=int, default=100, help="of each attack on each seed (default: 100)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args(arguments)
    alarms: list[Alarms] = []
    found: list[Detection] = []
    histories = []
    for seed in options.seeds:
        console.print(f"Inventing a year of {300 * options.scale:.0f} partners, seed {seed} …")
        histories.append(partners(seed, options.scale))
    for policy in POLICIES:
        console.print(
            f"Judging, told from {policy.notice_score} on, suspended from {policy.suspension_score} …"
        )
        everybody = [partner for each in histories for partner in each]
        alarms += false_alarms(everybody, policy)
        found += [detection(everybody, attack, policy, options.trials * len(histories)) for attack in ATTACKS]
    if options.json:
        both = {"alarms": [asdict(each) for each in alarms], "found": [asdict(each) for each in found]}
        json.dump(both, sys.stdout, indent=2)
    else:
        Console().print(alarm_table(alarms), detection_table(found))


def false_alarms(histories: Sequence[Partner], policy: UsePolicy) -> list[Alarms]:
    """What a year of honest use sets off, by the kind of partner and in all."""
    by_kind: dict[str, list[int]] = {}
    for partner in histories:
        sums = by_kind.setdefault(partner.trait.name, [0, 0, 0])
        for position, count in enumerate(_year(partner, policy)):
            sums[position] += count
    by_kind["all"] = [sum(column) for column in zip(*by_kind.values(), strict=True)]
    return [
        Alarms(policy.notice_score, policy.suspension_score, kind, *sums) for kind, sums in by_kind.items()
    ]


def detection(histories: Sequence[Partner], attack: Attack, policy: UsePolicy, trials: int) -> Detection:
    """What becomes of an attack on accounts drawn at random, on a working day drawn at random."""
    draw = random.Random(attack.name)  # noqa: S311  # repeatable on purpose
    outcomes = [_tried(draw, draw.choice(histories), attack, policy) for _ in range(trials)]
    ended = [each for each in outcomes if each.consultations is not None]
    consultations = [each.consultations for each in ended if each.consultations is not None]
    seconds = [each.seconds for each in ended]
    return Detection(
        notice_score=policy.notice_score,
        suspension_score=policy.suspension_score,
        attack=attack.name,
        trials=trials,
        noticed=sum(each.noticed for each in outcomes),
        suspended=len(ended),
        median_consultations=median(consultations) if ended else None,
        most_consultations=max(consultations) if ended else None,
        median_seconds=median(seconds) if ended else None,
    )


def alarm_table(alarms: Sequence[Alarms]) -> Table:
    """One row for each policy and kind of partner."""
    shown = Table(
        "told / suspended from", "partners", title="Honest use taken for abuse", title_justify="left"
    )
    for heading in ("days of accounts", "told, of 1,000", "suspensions", "suspended, of 10,000"):
        shown.add_column(heading, justify="right")
    for each in alarms:
        shown.add_row(
            f"{each.notice_score} / {each.suspension_score}",
            each.kind,
            f"{each.account_days:,}",
            f"{each.notices_per_1000:.2f}",
            f"{each.suspensions:,}",
            f"{each.suspensions_per_10000:.2f}",
        )
    return shown


def detection_table(found: Sequence[Detection]) -> Table:
    """One row for each policy and attack."""
    shown = Table("told / suspended from", "attack", title="Abuse found", title_justify="left")
    for heading in ("told", "suspended", "consultations until then", "at most", "time until then"):
        shown.add_column(heading, justify="right")
    for each in found:
        shown.add_row(
            f"{each.notice_score} / {each.suspension_score}",
            each.attack,
            f"{each.noticed / each.trials:.0%}",
            f"{each.suspended / each.trials:.0%}",
            "—" if each.median_consultations is None else f"{each.median_consultations:,.0f}",
            "—" if each.most_consultations is None else f"{each.most_consultations:,}",
            "—" if each.median_seconds is None else _length(each.median_seconds),
        )
    return shown


@dataclass(frozen=True)
class _Outcome:
    noticed: bool
    consultations: int | None = None
    seconds: float = 0.0


def _year(partner: Partner, policy: UsePolicy) -> tuple[int, int, int]:
    """Days on which accounts were used, days on which they were noticed, suspensions."""
    watch = Watch(partner, policy)
    used, noticed, suspensions = 0, 0, 0
    for day, uses in groupby(partner.uses, key=lambda use: paris_date(use.begin_time)):
        if day < JUDGED_FROM:
            watch.learn(uses)
            continue
        verdicts: dict[object, set[Verdict]] = {}
        for use in uses:
            # Who is suspended calls no more; his caisse lifts it in the evening.
            if not watch.is_suspended(use.account_id):
                verdict, _ = watch.report(use, use.begin_time + END_OF_HOUR)
                verdicts.setdefault(use.account_id, set()).add(verdict)
        used += len(verdicts)
        noticed += sum(each != {Verdict.NOTHING} for each in verdicts.values())
        suspensions += sum(Verdict.SUSPEND in each for each in verdicts.values())
        for account_id in partner.account_ids:
            if watch.is_suspended(account_id):
                watch.lift(account_id, paris_hour(day, 22) + END_OF_HOUR)
    return used, noticed, suspensions


def _tried(draw: random.Random, partner: Partner, attack: Attack, policy: UsePolicy) -> _Outcome:
    first = _working_day(draw, max(JUDGED_FROM, partner.first_day + timedelta(days=7)))
    watch, begin = Watch(partner, policy), paris_hour(first, 0)
    watch.learn(use for use in partner.uses if begin - HABIT - 2 * RECENT <= use.begin_time < begin)
    noticed, made, begun = False, 0, None
    honest = iter([use for use in partner.uses if use.begin_time >= begin])
    waiting = next(honest, None)
    for step, after in attack.steps(draw, partner, first):
        now = step.begin_time + after
        begun = begun or step.begin_time
        # The partner works on meanwhile.
        while waiting is not None and waiting.begin_time + END_OF_HOUR < now:
            watch.learn([waiting])
            waiting = next(honest, None)
        made += step.consultation_count
        verdict, _ = watch.report(step, now)
        noticed |= verdict is not Verdict.NOTHING
        if verdict is Verdict.SUSPEND:
            return _Outcome(noticed, made, (now - begun).total_seconds())
    return _Outcome(noticed)


def _working_day(draw: random.Random, earliest: date) -> date:
    while True:
        day = earliest + timedelta(days=draw.randrange(30, 60))
        if day.weekday() < 5:
            return day


def _length(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
