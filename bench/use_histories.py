"""Invented years of honest use: small town halls, leisure centres, towns and cities, with their peaks and slips.

Nothing here is measured at a real partner. What was assumed stands beside each figure, so that who knows better can
change it and see what becomes of the rates.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from services.kit.clock import PARIS

FIRST_DAY = date(2026, 1, 5)
DAYS = 364
# School holidays and the weeks about New Year (zone A, rounded to weeks).
_HOLIDAYS = (
    (date(2026, 2, 7), date(2026, 2, 22)),
    (date(2026, 4, 4), date(2026, 4, 19)),
    (date(2026, 7, 4), date(2026, 8, 31)),
    (date(2026, 10, 17), date(2026, 11, 1)),
    (date(2026, 12, 19), date(2027, 1, 3)),
)
_BACK_TO_SCHOOL = (date(2026, 8, 20), date(2026, 9, 20))
_ENROLMENTS = (date(2026, 6, 1), date(2026, 6, 30))
_BATCH = 500


@dataclass(frozen=True)
class Use:
    """What an account did in one hour."""

    account_id: UUID
    begin_time: datetime
    consultation_count: int
    not_found_count: int
    networks: frozenset[str]


@dataclass(frozen=True)
class Trait:
    """How partners of a kind are."""

    name: str
    partners: int
    accounts: tuple[int, int]
    a_day: tuple[float, float]
    """Consultations of the whole partner on an ordinary day of work."""
    hours: range
    works_in_holidays_only: bool = False
    batches_at_back_to_school: tuple[int, int] = (0, 0)


TRAITS = (
    Trait("small town hall", 180, (1, 2), (0.3, 6), range(9, 17)),
    Trait("leisure centre", 60, (1, 3), (2, 15), range(8, 19), works_in_holidays_only=True),
    Trait("town", 45, (3, 6), (15, 60), range(8, 18), batches_at_back_to_school=(0, 2)),
    Trait("city", 15, (8, 20), (80, 300), range(8, 18), batches_at_back_to_school=(3, 8)),
)


@dataclass(frozen=True)
class Partner:
    """One partner's character."""

    partner_id: UUID
    trait: Trait
    account_ids: tuple[UUID, ...]
    a_day: float
    unknown_share: float
    first_day: date
    batch_hour: int
    late_share: float
    uses: list[Use] = field(default_factory=list, repr=False)


def partners(seed: int, scale: float = 1.0, days: int = DAYS) -> list[Partner]:
    """Partners with their history; `scale` 1 is 300 of them. The same seed makes the same."""
    draw = random.Random(seed)  # noqa: S311  # repeatable on purpose
    made = [_partner(draw, trait) for trait in TRAITS for _ in range(max(1, round(trait.partners * scale)))]
    # Four times a year, among 300, somebody sends the wrong column: families of another fund, or cut numbers.
    mistakes = [(draw.choice(made), draw.randrange(40, days)) for _ in range(max(1, round(4 * scale)))]
    for partner in made:
        wrong = {FIRST_DAY + timedelta(day) for each, day in mistakes if each is partner}
        for offset in range(days):
            day = FIRST_DAY + timedelta(offset)
            if day >= partner.first_day:
                partner.uses.extend(_day(draw, partner, day, is_mistaken=day in wrong))
        partner.uses.sort(key=lambda use: use.begin_time)
    return made


def paris_hour(day: date, hour: int) -> datetime:
    """The beginning of an hour in Paris, in UTC."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=PARIS).astimezone(UTC)


def binomial(draw: random.Random, tries: int, share: float) -> int:
    """How many of `tries` succeed."""
    return sum(draw.random() < share for _ in range(tries))


def _partner(draw: random.Random, trait: Trait) -> Partner:
    # 6 of 100 ask for families of other funds too, and find 15 to 40 % of them unknown; the rest err in typing.
    unknown = draw.uniform(0.15, 0.40) if draw.random() < 0.06 else draw.uniform(0.01, 0.05)
    # 15 of 100 sign their convention within the year.
    start = FIRST_DAY + timedelta(draw.randrange(60, 300) if draw.random() < 0.15 else 0)
    return Partner(
        partner_id=_uuid(draw),
        trait=trait,
        account_ids=tuple(_uuid(draw) for _ in range(draw.randint(*trait.accounts))),
        a_day=math.exp(draw.uniform(*map(math.log, trait.a_day))),
        unknown_share=unknown,
        first_day=start,
        # Most send their batches in the morning; one in five lets a program do it early or late.
        batch_hour=draw.choice((9, 10, 11, 14, 6, 19) if draw.random() < 0.6 else (9, 10)),
        late_share=draw.choice((0.0, 0.01, 0.03)),
    )


def _day(draw: random.Random, partner: Partner, day: date, *, is_mistaken: bool) -> Iterator[Use]:
    works = _works(draw, partner, day)
    if works:
        for _ in range(_poisson(draw, partner.a_day * _season(partner, day) / 4)):
            # Four files at a time, more or less: people work in spells.
            yield _spell(draw, partner, day, 1 + _poisson(draw, 3))
        yield from _batches(draw, partner, day)
    if is_mistaken:
        count = draw.randrange(100, _BATCH)
        yield _use(draw, partner, day, 10, count, 0.9)


def _works(draw: random.Random, partner: Partner, day: date) -> bool:
    in_holidays = any(first <= day <= last for first, last in _HOLIDAYS)
    if partner.trait.works_in_holidays_only:
        return (day.weekday() < 5 and in_holidays) or day.weekday() == 2
    if day.weekday() == 5:
        return draw.random() < partner.late_share
    # Half of August, and between the years, little is done.
    quiet = (day.month == 8 and day.day < 20) or (day.month, day.day) > (12, 23)
    return day.weekday() < 5 and draw.random() < (0.4 if quiet else 0.97)


def _season(partner: Partner, day: date) -> float:
    if _BACK_TO_SCHOOL[0] <= day <= _BACK_TO_SCHOOL[1]:
        return 5.0
    if _ENROLMENTS[0] <= day <= _ENROLMENTS[1]:
        return 3.0
    # A new convention is tried out.
    return 4.0 if (day - partner.first_day).days < 5 and partner.first_day > FIRST_DAY else 1.0


def _spell(draw: random.Random, partner: Partner, day: date, count: int) -> Use:
    late = draw.random() < partner.late_share
    hour = draw.randrange(18, 22) if late else draw.choice(partner.trait.hours)
    return _use(draw, partner, day, hour, count, partner.unknown_share)


def _batches(draw: random.Random, partner: Partner, day: date) -> Iterator[Use]:
    fewest, most = partner.trait.batches_at_back_to_school
    first = partner.first_day > FIRST_DAY and day == partner.first_day
    if not most or not (first or _BACK_TO_SCHOOL[0] <= day <= _BACK_TO_SCHOOL[1]):
        return
    if first or draw.random() < 0.15:
        for _ in range(draw.randint(fewest, most)):
            yield _use(
                draw, partner, day, partner.batch_hour, draw.randrange(200, _BATCH + 1), partner.unknown_share
            )


def _use(draw: random.Random, partner: Partner, day: date, hour: int, count: int, unknown: float) -> Use:
    account = draw.choice(partner.account_ids)
    number = partner.account_ids.index(account)
    # One in five works at home as well, on a telephone now and then, whose cell changes.
    network = f"office-{partner.partner_id}"
    if number % 5 == 4 and draw.random() < 0.4:
        network = f"home-{account}"
    elif draw.random() < 0.02:
        network = f"cell-{draw.randrange(200)}"
    return Use(account, paris_hour(day, hour), count, binomial(draw, count, unknown), frozenset({network}))


def _poisson(draw: random.Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(draw.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), draw.random(), 0
    while product > limit:
        product *= draw.random()
        count += 1
    return count


def _uuid(draw: random.Random) -> UUID:
    return UUID(int=draw.getrandbits(128), version=4)
