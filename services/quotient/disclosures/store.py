"""The statement that discloses and journals at once, and the journal."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString
from uuid import UUID

import structlog

from services.kit.database import ConstraintViolated, Database, StatementFailed
from services.kit.errors import DependencyUnavailable
from services.quotient.disclosures.domain import (
    Consultation,
    JournalLine,
    JournalSelection,
    Outcome,
    Purpose,
    is_outside_window,
)
from services.quotient.dossiers.domain import QuotientPeriod
from services.quotient.persons import keys_or
from services.quotient.secrecy import KeysOutdated, PersonIndexer

# Nobody guesses a text from what the leaf of its line commits to (RFC 2104 with a key of 128 bits).
_SALT_BYTES = 16
_log = structlog.get_logger()


@dataclass(frozen=True, repr=False)
class DisclosedRow:
    """What the statement shows of one consultation. What may not be shown is null already here."""

    consultation_id: UUID
    outcome: str
    dossier_id: UUID | None
    numero_dossier: str | None
    data_key_id: int | None
    coordonnees: bytes | None
    period_starts: list[date]
    period_ends: list[date | None]
    period_amounts_cents: list[int]

    def periods(self) -> Sequence[QuotientPeriod]:
        """The periods shown, oldest first."""
        return _periods(self.period_starts, self.period_ends, self.period_amounts_cents)


class DisclosureStore:
    """Disclosures in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def disclose(
        self,
        indexer: PersonIndexer,
        consultations: Sequence[Consultation],
        consultation_ids: Sequence[UUID],
        disclose_time: datetime,
        today: date,
    ) -> Sequence[DisclosedRow]:
        """Reads, re-checks the oppositions and commits every journal line, in one statement.

        Rows come in the order of the consultations. Raises KeysOutdated, and DependencyUnavailable where a line
        cannot be written, whatever the cause: then nothing was disclosed (N2).
        """
        try:
            rows = await self._database.fetch_all(
                "disclose",
                DisclosedRow,
                _DISCLOSE,
                {
                    "disclose_time": disclose_time,
                    "consultation_ids": list(consultation_ids),
                    "generation": indexer.generation,
                    **_person_columns([indexer.candidates(each.nir) for each in consultations]),
                    **_columns(consultations, today),
                },
            )
        except StatementFailed as failed:
            if isinstance(outdated := keys_or(failed), KeysOutdated):
                raise outdated from None
            raise DependencyUnavailable from None
        except ConstraintViolated as violated:
            # Without a name: the journal has no partition for this month.
            _log.error("journal_line_refused", constraint_name=violated.constraint_name)
            raise DependencyUnavailable from None
        if len(rows) != len(consultations):
            raise DependencyUnavailable
        return rows

    async def lines(
        self,
        indexer: PersonIndexer,
        selection: JournalSelection,
        before: UUID | None,
        limit: int,
    ) -> Sequence[JournalLine]:
        """Lines of a caisse's journal, newest first, older than the line `before`.

        What was shown stands in the lines of one person only. Raises KeysOutdated.
        """
        nir = selection.nir
        statement = (
            (_LINES_OF_PERSON if nir else _LINES)
            + _OF_PARTNER * (selection.partner_id is not None)
            + _OF_ACCOUNT * (selection.account_id is not None)
        )
        try:
            rows = await self._database.fetch_all(
                "list_disclosures",
                _LineRow,
                statement + _BEFORE * (before is not None) + _NEWEST_FIRST,
                {
                    "caisse_code": selection.caisse_code,
                    "person_indexes": list(indexer.every(nir)) if nir else [],
                    "generation": indexer.generation,
                    "partner_id": selection.partner_id,
                    "account_id": selection.account_id,
                    "before": before,
                    "limit": limit,
                },
            )
        except StatementFailed as failed:
            raise keys_or(failed) from None
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
    purpose_text: str
    case_reference: str
    outcome: str
    trace_id: str
    period_starts: list[date]
    shown_starts: list[date]
    shown_ends: list[date | None]
    shown_amounts_cents: list[int]


def _periods(
    starts: Sequence[date], ends: Sequence[date | None], amounts_cents: Sequence[int]
) -> Sequence[QuotientPeriod]:
    return [QuotientPeriod(*period) for period in zip(starts, ends, amounts_cents, strict=True)]


def _person_columns(candidates: Sequence[tuple[bytes, bytes | None]]) -> dict[str, list[Any]]:
    return {
        "person_indexes": [index for index, _ in candidates],
        "indexes_before": [before for _, before in candidates],
    }


def _columns(consultations: Sequence[Consultation], today: date) -> dict[str, list[Any]]:
    return {
        "outside": [is_outside_window(each.month, today) for each in consultations],
        "purpose_texts": [each.purpose_text for each in consultations],
        "salts": [secrets.token_bytes(_SALT_BYTES) for _ in consultations],
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
        purpose_text=row.purpose_text,
        case_reference=row.case_reference,
        outcome=Outcome[row.outcome],
        trace_id=row.trace_id,
        period_starts=row.period_starts,
        shown_periods=_periods(row.shown_starts, row.shown_ends, row.shown_amounts_cents),
    )


# One statement, so one snapshot and one commit: what is read, the opposition that withholds it (N1, the second
# lock) and the line that tells of it (N2) cannot come apart; where a line is not written, nothing is shown of the whole
# batch. Whoever of a dossier objected, objected to its consultation (annexe 1), whichever NIR it is asked by. A dossier
# that is withheld is not even joined; nobody is looked up for a month that nobody may ask for.
# A period ends where it says, the day before the next one begins or the day before the dossier closes, whichever is
# first (art. 3).
_DISCLOSE: LiteralString = """
WITH met AS (
    SELECT
        consultation_id, asked.person_index, asked.caisse_code, month, purpose, purpose_text, case_reference,
        account_id, habilitation_id, partner_id, convention_id, trace_id, salt, position,
        shown.dossier_id, shown.numero_dossier, shown.data_key_id, shown.coordonnees,
        coalesce(touching.ids, '{}') AS period_ids,
        coalesce(touching.starts, '{}') AS period_starts,
        coalesce(touching.ends, '{}') AS period_ends,
        coalesce(touching.amounts_cents, '{}') AS period_amounts_cents,
        CASE
            WHEN asked.outside THEN 'OUTSIDE_WINDOW'
            WHEN held.dossier_id IS NULL THEN 'NOT_FOUND'
            WHEN opposition.withholds THEN 'OPPOSED'
            WHEN shown.dossier_id IS NULL THEN 'DOSSIER_CLOSED'
            WHEN touching.starts IS NULL THEN 'NO_QUOTIENT'
            ELSE 'AVAILABLE'
        END AS outcome
    FROM unnest(
        %(consultation_ids)s::uuid[], %(person_indexes)s::bytea[], %(indexes_before)s::bytea[],
        %(caisse_codes)s::text[], %(months)s::date[], %(purposes)s::text[], %(purpose_texts)s::text[],
        %(case_references)s::text[], %(account_ids)s::uuid[], %(habilitation_ids)s::uuid[],
        %(partner_ids)s::uuid[], %(convention_ids)s::uuid[], %(opposed)s::boolean[], %(outside)s::boolean[],
        %(trace_ids)s::text[], %(salts)s::bytea[]
    ) WITH ORDINALITY AS asked (
        consultation_id, person_index, index_before, caisse_code, month, purpose, purpose_text, case_reference,
        account_id, habilitation_id, partner_id, convention_id, opposed, outside, trace_id, salt, position
    )
    LEFT JOIN persons AS person
        ON person.person_index = ANY (
            CASE WHEN NOT asked.outside THEN ARRAY[asked.person_index, asked.index_before] END
        )
    LEFT JOIN dossier_holders AS held
        ON held.person_id = person.person_id AND held.caisse_code = asked.caisse_code AND held.known_to IS NULL
    CROSS JOIN LATERAL (
        SELECT asked.opposed OR EXISTS (
            SELECT FROM dossier_holders AS sharing
            JOIN oppositions AS standing USING (person_id, caisse_code)
            WHERE sharing.dossier_id = held.dossier_id AND sharing.known_to IS NULL
                AND (standing.partner_id IS NULL OR standing.partner_id = asked.partner_id)
                AND standing.withdraw_time IS NULL
        ) AS withholds
        -- Looked up once, though it is asked for twice.
        OFFSET 0
    ) AS opposition
    LEFT JOIN dossiers AS shown
        ON shown.dossier_id = held.dossier_id AND NOT opposition.withholds
        AND (shown.closed_from IS NULL OR shown.closed_from > asked.month)
    CROSS JOIN LATERAL (
        SELECT
            array_agg(period.period_id ORDER BY period.valid_from) AS ids,
            array_agg(period.valid_from ORDER BY period.valid_from) AS starts,
            array_agg(period.last_day ORDER BY period.valid_from) AS ends,
            array_agg(period.amount_cents ORDER BY period.valid_from) AS amounts_cents
        FROM (
            SELECT
                period_id, valid_from, amount_cents,
                least(
                    valid_to, lead(valid_from) OVER (ORDER BY valid_from) - 1, shown.closed_from - 1
                ) AS last_day
            FROM quotient_periods
            WHERE quotient_periods.dossier_id = shown.dossier_id AND quotient_periods.known_to IS NULL
        ) AS period
        WHERE period.valid_from < asked.month + interval '1 month'
            AND (period.last_day IS NULL OR period.last_day >= greatest(asked.month, period.valid_from))
    ) AS touching
    WHERE require_index_generation(%(generation)s)
),
journal AS (
    INSERT INTO disclosures (
        consultation_id, disclose_time, person_index, index_generation, caisse_code, month, purpose, purpose_text,
        case_reference, account_id, habilitation_id, partner_id, convention_id, trace_id, outcome, period_ids,
        period_starts, period_ends, salt
    )
    SELECT
        consultation_id, %(disclose_time)s, person_index, %(generation)s, caisse_code, month, purpose, purpose_text,
        case_reference, account_id, habilitation_id, partner_id, convention_id, trace_id, outcome, period_ids,
        period_starts, period_ends, salt
    FROM met
    RETURNING consultation_id
),
unsealed AS (
    INSERT INTO journal_unsealed (consultation_id) SELECT consultation_id FROM journal
)
SELECT
    consultation_id, outcome, dossier_id, numero_dossier, data_key_id, coordonnees,
    period_starts, period_ends, period_amounts_cents
FROM met
WHERE (SELECT count(*) FROM journal) = (SELECT count(*) FROM met)
ORDER BY position
"""

_COLUMNS: LiteralString = """
SELECT
    consultation_id, disclose_time, account_id, habilitation_id, partner_id, convention_id, caisse_code,
    month, purpose, purpose_text, case_reference, outcome, trace_id, period_starts
"""
_LINES: LiteralString = (
    _COLUMNS
    + """
    , '{}'::date[] AS shown_starts, '{}'::date[] AS shown_ends, '{}'::int[] AS shown_amounts_cents
FROM disclosures
WHERE caisse_code = %(caisse_code)s
"""
)
# What was shown is told to the person herself: the very QFs of the line, as they were known then (RGPD art. 15).
_LINES_OF_PERSON: LiteralString = (
    _COLUMNS
    + """
    , shown_starts, shown_ends, shown_amounts_cents
FROM disclosures
CROSS JOIN LATERAL (
    SELECT
        coalesce(array_agg(valid_from ORDER BY valid_from), '{}') AS shown_starts,
        coalesce(array_agg(last_day ORDER BY valid_from), '{}') AS shown_ends,
        coalesce(array_agg(amount_cents ORDER BY valid_from), '{}') AS shown_amounts_cents
    FROM unnest(period_ids, period_ends) AS period (period_id, last_day)
    JOIN quotient_periods USING (period_id)
) AS shown
WHERE caisse_code = %(caisse_code)s AND person_index = ANY (%(person_indexes)s::bytea[])
    AND require_index_generation(%(generation)s)
"""
)
_OF_PARTNER: LiteralString = "AND partner_id = %(partner_id)s\n"
_OF_ACCOUNT: LiteralString = "AND account_id = %(account_id)s\n"
_BEFORE: LiteralString = "AND consultation_id < %(before)s\n"
_NEWEST_FIRST: LiteralString = "ORDER BY consultation_id DESC LIMIT %(limit)s"
