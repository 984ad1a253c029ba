"""Invented abuse of an account: guessing NIRs, copying files, sharing credentials, fast, slow, and a drop at a time."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from bench.use_histories import Partner, Use, binomial, paris_hour

Steps = Iterator[tuple[Use, timedelta]]
"""What the account did within each step, with how long after the step's hour began it was reported."""
_OF_GUESSES = 0.99
_TYPING_ERRORS = 0.03


@dataclass(frozen=True)
class Attack:
    """What somebody does with an account."""

    name: str
    steps: Callable[[random.Random, Partner, date], Steps]


def _guessing(a_second: int, tries: int) -> Callable[[random.Random, Partner, date], Steps]:
    def steps(draw: random.Random, partner: Partner, day: date) -> Steps:
        for second in range(tries // a_second):
            unknown = binomial(draw, a_second, _OF_GUESSES)
            yield _step(partner, day, 10, timedelta(seconds=second + 1), a_second, unknown)

    return steps


def _through_days(
    days: int, hours: range, an_hour: int, unknown_share: float, networks: int = 1
) -> Callable[[random.Random, Partner, date], Steps]:
    """So many consultations in each of these hours of each working day, evenly, from one network or many in turn."""

    def steps(draw: random.Random, partner: Partner, day: date) -> Steps:
        turn = 0
        for each in (day + timedelta(offset) for offset in range(days)):
            if each.weekday() >= 5:
                continue
            for hour in hours:
                for number in range(an_hour):
                    turn += 1
                    after = timedelta(seconds=(number + 1) * 3599 / an_hour)
                    unknown = int(draw.random() < unknown_share)
                    yield _step(partner, each, hour, after, 1, unknown, f"abroad-{turn % networks}")

    return steps


def _step(
    partner: Partner,
    day: date,
    hour: int,
    after: timedelta,
    count: int,
    unknown: int,
    network: str = "abroad",
) -> tuple[Use, timedelta]:
    account = partner.account_ids[0]
    return Use(account, paris_hour(day, hour), count, unknown, frozenset({network})), after


ATTACKS = (
    Attack("guessing NIRs, 10 a second", _guessing(10, 3000)),
    Attack("guessing in batches of 500, 250 a second", _guessing(250, 3000)),
    Attack("guessing, 60 an hour for a working day", _through_days(1, range(8, 18), 60, _OF_GUESSES)),
    Attack("guessing, 12 an hour for a working day", _through_days(1, range(8, 18), 12, _OF_GUESSES)),
    Attack("guessing among known NIRs, 1 in 3, 60 an hour", _through_days(1, range(8, 18), 60, 0.33)),
    Attack("copying known NIRs by day, 1,000 an hour", _through_days(1, range(10, 13), 1000, _TYPING_ERRORS)),
    Attack("copying known NIRs by day, 200 an hour", _through_days(1, range(9, 17), 200, _TYPING_ERRORS)),
    Attack(
        "copying at night, 20 h to 23 h, 200 an hour", _through_days(1, range(20, 23), 200, _TYPING_ERRORS)
    ),
    Attack("copying at night, 20 h to 23 h, 60 an hour", _through_days(1, range(20, 23), 60, _TYPING_ERRORS)),
    Attack(
        "shared credentials: 12 networks, 4 an hour", _through_days(1, range(8, 18), 4, _TYPING_ERRORS, 12)
    ),
    Attack(
        "shared credentials: 25 networks, 40 an hour", _through_days(1, range(8, 18), 40, _TYPING_ERRORS, 25)
    ),
    Attack("dripping guesses: 15 a day for four weeks", _through_days(28, range(9, 14), 3, _OF_GUESSES)),
    Attack(
        "dripping known NIRs: 100 a day for four weeks", _through_days(28, range(8, 18), 10, _TYPING_ERRORS)
    ),
)
