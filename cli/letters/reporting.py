"""Makes the report of consultations, in French, of counts."""

from collections.abc import Mapping
from datetime import date

from cli.letters.french import NO_BREAK_SPACE, PURPOSES, month_in_words, of
from cli.letters.records import CaisseIdentity, ConsultationReport, OutcomeShare, ReportMonth, ReportRow
from cli.reports import Report, Tally

_OUTCOMES: Mapping[str, str] = {
    "AVAILABLE": "Quotient communiqué",
    "NO_QUOTIENT": "Aucun quotient pour le mois",
    "NOT_FOUND": "Dossier introuvable",
    "DOSSIER_CLOSED": "Dossier clos",
    "OUTSIDE_WINDOW": "Mois non consultable",
    "OPPOSED": "Opposition de la famille",
}
_GAPS = (
    "Les lignes du journal sont supprimées au terme de leur durée de conservation : "
    "les premiers mois de la période peuvent être incomplets."
)


def consultation_report(
    written_date: date, caisse: CaisseIdentity, report: Report, *, is_incomplete: bool
) -> ConsultationReport:
    """The report to the caisse's director; `is_incomplete` where lines of its first months may be purged."""
    return ConsultationReport(
        written_date=written_date,
        caisse=caisse,
        period=_period(report.first_month, report.last_month),
        total=report.total,
        outcomes=tuple(
            OutcomeShare(outcome, _OUTCOMES.get(outcome, outcome), count)
            for outcome, count in report.by_outcome().items()
        ),
        months=tuple(_month(report, month, tally) for month, tally in report.by_month().items()),
        partners=tuple(_row(report, report.name(key), tally) for key, tally in report.by_partner().items()),
        purposes=tuple(
            _row(report, PURPOSES.get(key, key), tally) for key, tally in report.by_purpose().items()
        ),
        gaps=_GAPS if is_incomplete else "",
    )


def _period(first: date, last: date) -> str:
    """« de novembre 2026 », « de janvier à novembre 2026 », « d’août 2025 à mars 2026 »."""
    end = month_in_words(last)
    if first == last:
        return of(end)
    begin = month_in_words(first)
    return f"{of(begin.split(NO_BREAK_SPACE)[0] if first.year == last.year else begin)} à {end}"


def _month(report: Report, month: date, tally: Tally) -> ReportMonth:
    name = month_in_words(month)
    return ReportMonth(year=f"{month.year:04d}", initials=name[:1].upper(), row=_row(report, name, tally))


def _row(report: Report, label: str, tally: Tally) -> ReportRow:
    return ReportRow(label, tuple(tally.get(outcome, 0) for outcome in report.outcomes), sum(tally.values()))
