"""The statement that discloses and journals at once, and the journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString
from uuid import UUID

from services.kit.database import ConstraintViolated, Database, StatementFailed
from services.kit.errors import DependencyUnavailable
from services.quotient.disclosures.domain import Consultation, JournalLine, Outcome, Purpose


@dataclass(frozen=True, repr=False)
class DisclosedRow:
    """What the statement shows of one consultation. What may not be shown is null already here."""

    consultation_id: UUID
    outcome: str
    dossier_id: UUID | None
    numero_dossier: str | None
    coordonnees: bytes | None
    period_starts: list[date]
    period_ends: list[date | None]
    period_amounts_cents: list[int]


class DisclosureStore:
    """Disclosures in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def disclose(
        self,
        consultations: Sequence[Consultation],
        consultation_ids: Sequence[UUID],
        person_indexes: Sequence[bytes],
        disclose_time: datetime,
    ) -> Sequence[DisclosedRow]:
        """Reads, re-checks the oppositions and commits every journal line, in one statement.

        Rows come in the order of the consultations. Raises DependencyUnavailable where a line cannot be
        written, whatever the cause: then nothing was disclosed (N2).
        """
        try:
            return await self._database.fetch_all(
                "disclose",
                DisclosedRow,
                _DISCLOSE,
                {
                    "disclose_time": disclose_time,
                    "consultation_ids": list(consultation_ids),
                    "person_indexes": list(person_indexes),
                    **_columns(consultations),
                },
            )
        except (ConstraintViolated, StatementFailed):
            raise DependencyUnavailable from None

    async def lines(
        self,
        caisse_code: str,
        person_index: bytes | None,
        partner_id: UUID | None,
        before: UUID | None,
        limit: int,
    ) -> Sequence[JournalLine]:
        """Lines of a caisse's journal, newest first, older than the line `before`."""
        statement = _LINES + _OF_PERSON * (person_index is not None) + _OF_PARTNER * (partner_id is not None)
        rows = await self._database.fetch_all(
            "list_disclosures",
            _LineRow,
            statement + _BEFORE * (before is not None) + _NEWEST_FIRST,
            {
                "caisse_code": caisse_code,
                "person_index": person_index,
                "partner_id": partner_id,
                "before": before,
                "limit": limit,
            },
        )
        return [_line(row) for row in rows]


@dataclass(frozen=True)
class _LineRow:
    consultation_id: UUID
    disclose_time: datetime
    account_id: UUID
    habilitation_id: UUID
    partner_id: UUID
    convention_id: UUID
    caisse_code: str
    month: date
    purpose: str
    case_reference: str
    outcome: str
    trace_id: str
    period_starts: list[date]


def _columns(consultations: Sequence[Consultation]) -> dict[str, list[Any]]:
    return {
        "caisse_codes": [each.caisse_code for each in consultations],
        "months": [each.month for each in consultations],
        "purposes": [each.purpose.name for each in consultations],
        "case_references": [each.case_reference for each in consultations],
        "account_ids": [each.account_id for each in consultations],
        "habilitation_ids": [each.habilitation_id for each in consultations],
        "partner_ids": [each.partner_id for each in consultations],
        "convention_ids": [each.convention_id for each in consultations],
        "opposed": [each.opposed for each in consultations],
        "trace_ids": [each.trace_id for each in consultations],
    }


def _line(row: _LineRow) -> JournalLine:
    return JournalLine(
        consultation_id=row.consultation_id,
        disclose_time=row.disclose_time,
        account_id=row.account_id,
        habilitation_id=row.habilitation_id,
        partner_id=row.partner_id,
        convention_id=row.convention_id,
        caisse_code=row.caisse_code,
        month=row.month,
        purpose=Purpose[row.purpose],
        case_reference=row.case_reference,
        outcome=Outcome[row.outcome],
        trace_id=row.trace_id,
        period_starts=row.period_starts,
    )


# One statement, so one snapshot and one commit: what is read, the opposition that withholds it (N1, the second
# lock) and the line that tells of it (N2) cannot come apart. Whoever of a dossier objected, objected to its
# consultation (annexe 1), whichever NIR it is asked by. A dossier that is withheld is not even joined.
# A period ends where it says or the day before the next one begins, whichever is first (art. 3).
_DISCLOSE: LiteralString = """
WITH met AS (
    SELECT
        consultation_id, person_index, asked.caisse_code, month, purpose, case_reference, account_id,
        habilitation_id, partner_id, convention_id, trace_id, position,
        dossier.dossier_id, dossier.numero_dossier, dossier.coordonnees,
        coalesce(touching.starts, '{}') AS period_starts,
        coalesce(touching.ends, '{}') AS period_ends,
        coalesce(touching.amounts_cents, '{}') AS period_amounts_cents,
        CASE
            WHEN held.dossier_id IS NULL THEN 'NOT_FOUND'
            WHEN opposition.withholds THEN 'OPPOSED'
            WHEN touching.starts IS NULL THEN 'NO_QUOTIENT'
            ELSE 'AVAILABLE'
        END AS outcome
    FROM unnest(
        %(consultation_ids)s::uuid[], %(person_indexes)s::bytea[], %(caisse_codes)s::text[],
        %(months)s::date[], %(purposes)s::text[], %(case_references)s::text[], %(account_ids)s::uuid[],
        %(habilitation_ids)s::uuid[], %(partner_ids)s::uuid[], %(convention_ids)s::uuid[],
        %(opposed)s::boolean[], %(trace_ids)s::text[]
    ) WITH ORDINALITY AS asked (
        consultation_id, person_index, caisse_code, month, purpose, case_reference, account_id,
        habilitation_id, partner_id, convention_id, opposed, trace_id, position
    )
    LEFT JOIN dossier_persons AS held USING (person_index, caisse_code)
    CROSS JOIN LATERAL (
        SELECT asked.opposed OR EXISTS (
            SELECT FROM dossier_persons AS sharing
            JOIN oppositions AS standing USING (person_index, caisse_code)
            WHERE sharing.dossier_id = held.dossier_id
                AND (standing.partner_id IS NULL OR standing.partner_id = asked.partner_id)
                AND standing.withdraw_time IS NULL
        ) AS withholds
    ) AS opposition
    LEFT JOIN dossiers AS dossier ON dossier.dossier_id = held.dossier_id AND NOT opposition.withholds
    CROSS JOIN LATERAL (
        SELECT
            array_agg(period.valid_from ORDER BY period.valid_from) AS starts,
            array_agg(period.last_day ORDER BY period.valid_from) AS ends,
            array_agg(period.amount_cents ORDER BY period.valid_from) AS amounts_cents
        FROM (
            SELECT
                valid_from,
                least(valid_to, lead(valid_from) OVER (ORDER BY valid_from) - 1) AS last_day,
                amount_cents
            FROM quotient_periods
            WHERE quotient_periods.dossier_id = dossier.dossier_id
        ) AS period
        WHERE period.valid_from < asked.month + interval '1 month'
            AND (period.last_day IS NULL OR period.last_day >= asked.month)
    ) AS touching
),
journal AS (
    INSERT INTO disclosures (
        consultation_id, disclose_time, person_index, caisse_code, month, purpose, case_reference,
        account_id, habilitation_id, partner_id, convention_id, trace_id, outcome, period_starts
    )
    SELECT
        consultation_id, %(disclose_time)s, person_index, caisse_code, month, purpose, case_reference,
        account_id, habilitation_id, partner_id, convention_id, trace_id, outcome, period_starts
    FROM met
    RETURNING consultation_id
)
SELECT
    consultation_id, outcome, dossier_id, numero_dossier, coordonnees,
    period_starts, period_ends, period_amounts_cents
FROM met
JOIN journal USING (consultation_id)
ORDER BY position
"""

_LINES: LiteralString = """
SELECT
    consultation_id, disclose_time, account_id, habilitation_id, partner_id, convention_id, caisse_code,
    month, purpose, case_reference, outcome, trace_id, period_starts
FROM disclosures
WHERE caisse_code = %(caisse_code)s
"""
_OF_PERSON: LiteralString = "AND person_index = %(person_index)s\n"
_OF_PARTNER: LiteralString = "AND partner_id = %(partner_id)s\n"
_BEFORE: LiteralString = "AND consultation_id < %(before)s\n"
_NEWEST_FIRST: LiteralString = "ORDER BY consultation_id DESC LIMIT %(limit)s"
