"""How often QFs were consulted, by month, partner, purpose and outcome. Nobody stands in a count (art. 1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from uuid import UUID

from services.kit.clock import PARIS
from services.kit.errors import FieldViolation, InvalidField
from services.quotient.disclosures.domain import Outcome, Purpose

LONGEST_MONTHS = 36


@dataclass(frozen=True)
class ConsultationCount:
    """How often one partner met one outcome for one purpose in one month (Europe/Paris), told by its first day."""

    month: date
    partner_id: UUID
    purpose: Purpose
    outcome: Outcome
    consultation_count: int


def read_report_months(first: date, last: date) -> Sequence[date]:
    """The months from one to another, each by its first day. Raises InvalidField for none, or too many."""
    length = _number(last) - _number(first) + 1
    if not 1 <= length <= LONGEST_MONTHS:
        raise InvalidField(
            FieldViolation(
                "last_month",
                "REPORT_LENGTH",
                f"is not before first_month, and at most {LONGEST_MONTHS} months are told",
            )
        )
    return [_month(number) for number in range(_number(first), _number(first) + length)]


def month_bounds(month: date) -> tuple[datetime, datetime]:
    """When a month begins in Paris and when the next one does, by its first day."""
    return _midnight(month), _midnight(_month(_number(month) + 1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), PARIS).astimezone(UTC)


def _number(month: date) -> int:
    return 12 * month.year + month.month - 1


def _month(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)
