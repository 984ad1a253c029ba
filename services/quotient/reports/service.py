"""Reports to a caisse of how often its QFs were consulted."""

from collections.abc import Sequence
from datetime import date

from services.quotient.disclosures.domain import Outcome, Purpose
from services.quotient.reports.domain import ConsultationCount, month_bounds, read_report_months
from services.quotient.reports.store import CountRow, ReportStore


class ReportService:
    """Counts consultations."""

    def __init__(self, store: ReportStore) -> None:
        self._store = store

    async def counts(
        self, caisse_code: str, first_month: date, last_month: date
    ) -> Sequence[ConsultationCount]:
        """What was consulted, by month, partner, purpose and outcome, in that order. Raises InvalidField."""
        counts = []
        # One month after the other: a statement reads one partition or two, and leaves the rest of the
        # connections to consultations.
        for month in read_report_months(first_month, last_month):
            rows = await self._store.counts(caisse_code, *month_bounds(month))
            counts += sorted((_count(month, row) for row in rows), key=_order)
        return counts


def _count(month: date, row: CountRow) -> ConsultationCount:
    return ConsultationCount(
        month, row.partner_id, Purpose[row.purpose], Outcome[row.outcome], row.consultation_count
    )


def _order(count: ConsultationCount) -> tuple[object, ...]:
    return str(count.partner_id), count.purpose, count.outcome
