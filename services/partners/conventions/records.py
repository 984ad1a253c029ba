"""A convention as it is kept, and as it stands on a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.partners.conventions.domain import (
    Convention,
    ConventionState,
    Ledger,
    Provider,
    convention_of,
)
from services.partners.conventions.facts import Fact, RecordedFact
from services.partners.conventions.timeline import TimelineEntry, timeline


@dataclass(frozen=True)
class ConventionRecord:
    """A convention with the facts that make it; `version` counts its changes."""

    convention: Convention
    version: int
    facts: tuple[RecordedFact, ...]

    def with_facts(self, *added: RecordedFact) -> "ConventionRecord":
        """The record with further facts, and the convention that they make."""
        facts = (*self.facts, *added)
        known = self.convention
        made = convention_of(known.convention_id, known.partner_id, known.caisse_code, facts)
        return ConventionRecord(made, self.version + 1, facts)


@dataclass(frozen=True)
class ConventionView:
    """A convention as it stands on the day on which it is shown."""

    convention: Convention
    version: int
    state: ConventionState
    term_date: date | None
    last_denunciation_date: date | None
    facts: Sequence[RecordedFact] = ()
    timeline: Sequence[TimelineEntry] = ()
    attestation_due: bool = False
    missing_undertakings: Sequence[Provider] = ()


@dataclass(frozen=True)
class ConventionChange:
    """What the history keeps of a change: the three days that decide, and the fact that moved them."""

    signature_date: date | None
    cnil_declaration_date: date | None
    end_date: date | None
    fact_id: UUID | None = None
    fact_kind: str = ""
    fact: Fact | None = None


def change_of(convention: Convention, recorded: RecordedFact | None = None) -> ConventionChange:
    """What the history keeps of `convention` before (without a fact) or after a change."""
    return ConventionChange(
        signature_date=convention.signature_date,
        cnil_declaration_date=convention.cnil_declaration_date,
        end_date=convention.end_date,
        fact_id=recorded.fact_id if recorded else None,
        fact_kind=recorded.fact.kind if recorded else "",
        fact=recorded.fact if recorded else None,
    )


def line_on(convention: Convention, version: int, day: date) -> ConventionView:
    """A convention in a list: as it stands on `day`, without its facts."""
    return ConventionView(
        convention=convention,
        version=version,
        state=convention.state_on(day),
        term_date=convention.term_date_on(day),
        last_denunciation_date=convention.last_denunciation_date_on(day),
    )


def view_on(record: ConventionRecord, day: date) -> ConventionView:
    """A convention as it stands on `day`, with all that is known of it."""
    convention, ledger = record.convention, Ledger(record.facts)
    return ConventionView(
        convention=convention,
        version=record.version,
        state=convention.state_on(day),
        term_date=convention.term_date_on(day),
        last_denunciation_date=convention.last_denunciation_date_on(day),
        facts=record.facts,
        timeline=timeline(convention, record.facts, day),
        attestation_due=ledger.attestation_due_on(day),
        missing_undertakings=ledger.missing_undertakings(),
    )
