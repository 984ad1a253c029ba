"""Counts of consultations, as a report shows them: by month, partner, purpose and outcome. Nobody stands in them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from cli import views
from cli.output import Row, harmless
from msa.quotient.v1 import journal_service_pb2 as pb

# As they are stacked: what was shown first, and what families refused last.
OUTCOMES = ("AVAILABLE", "NO_QUOTIENT", "NOT_FOUND", "DOSSIER_CLOSED", "OUTSIDE_WINDOW", "OPPOSED")
_COLUMNS = ("month", "partner_id", "partner", "purpose", "outcome", "consultation_count")
# A cell that begins so is a formula to a spreadsheet (OWASP, CSV injection).
_FORMULA_BEGINS = ("=", "+", "-", "@")

Key = TypeVar("Key", str, date)
Tally = Mapping[str, int]
"""How often, by outcome."""


@dataclass(frozen=True)
class Count:
    """How often one partner met one outcome for one purpose in one month."""

    month: date
    partner_id: str
    purpose: str
    outcome: str
    consultation_count: int


@dataclass(frozen=True)
class Report:
    """The counts of a caisse from one month to another, both by their first days; partners' names by their ids."""

    caisse_code: str
    first_month: date
    last_month: date
    counts: Sequence[Count]
    names: Mapping[str, str]

    @property
    def total(self) -> int:
        """How many consultations."""
        return sum(count.consultation_count for count in self.counts)

    @property
    def outcomes(self) -> Sequence[str]:
        """Those that were met, in the order in which they are stacked; one that is new to this release comes last."""
        met = {count.outcome for count in self.counts}
        return [*(outcome for outcome in OUTCOMES if outcome in met), *sorted(met - {*OUTCOMES})]

    def name(self, partner_id: str) -> str:
        """A partner's name, or its id where the register did not tell one."""
        return self.names.get(partner_id, partner_id)

    def by_month(self) -> Mapping[date, Tally]:
        """Every month of the report in order, also one in which nothing was consulted."""
        tallies = self._by(lambda count: count.month)
        return {month: tallies.get(month, {}) for month in months(self.first_month, self.last_month)}

    def by_partner(self) -> Mapping[str, Tally]:
        """By partner id, the most frequent first."""
        return _most_frequent_first(self._by(lambda count: count.partner_id))

    def by_purpose(self) -> Mapping[str, Tally]:
        """By purpose, the most frequent first."""
        return _most_frequent_first(self._by(lambda count: count.purpose))

    def by_outcome(self) -> Tally:
        """By outcome, as they are stacked."""
        found = self._by(lambda count: count.outcome)
        return {outcome: found[outcome][outcome] for outcome in self.outcomes}

    def rows(self) -> Sequence[Row]:
        """One row for each count."""
        return [
            {
                "month": f"{count.month:%Y-%m}",
                "partner_id": count.partner_id,
                "partner": self.names.get(count.partner_id),
                "purpose": count.purpose,
                "outcome": count.outcome,
                "consultation_count": count.consultation_count,
            }
            for count in self.counts
        ]

    def csv(self) -> bytes:
        """The rows as a spreadsheet in French opens them: UTF-8 with its mark, separated by semicolons."""
        text = io.StringIO()
        writer = csv.DictWriter(text, _COLUMNS, delimiter=";", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows({**row, "partner": _harmless_cell(str(row["partner"] or ""))} for row in self.rows())
        return text.getvalue().encode("utf-8-sig")

    def _by(self, key: Callable[[Count], Key]) -> dict[Key, Counter[str]]:
        tallies: dict[Key, Counter[str]] = {}
        for count in self.counts:
            tallies.setdefault(key(count), Counter())[count.outcome] += count.consultation_count
        return tallies


def read_count(message: pb.ConsultationCount) -> Count:
    """A count as it came."""
    told = views.fields(message, "purpose", "outcome")
    month = views.day(message, "month")
    return Count(
        month=month or date.min,
        partner_id=message.partner_id,
        purpose=str(told["purpose"]),
        outcome=str(told["outcome"]),
        consultation_count=message.consultation_count,
    )


def months(first: date, last: date) -> Sequence[date]:
    """The months from one to another, by their first days."""
    numbers = range(12 * first.year + first.month - 1, 12 * last.year + last.month)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def is_purged(month: date, today: date, retention_months: int) -> bool:
    """Whether lines of a month, by its first day, may be gone already, where they are kept for so many months."""
    age = 12 * (today.year - month.year) + today.month - month.month
    return age > retention_months or (age == retention_months and today.day > 1)


def _most_frequent_first(tallies: Mapping[str, Counter[str]]) -> Mapping[str, Tally]:
    return dict(sorted(tallies.items(), key=lambda item: (-item[1].total(), item[0])))


def _harmless_cell(text: str) -> str:
    return f"'{harmless(text)}" if text.startswith(_FORMULA_BEGINS) else harmless(text)
