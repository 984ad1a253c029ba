"""A convention's history as tests tell it: each fact asks to be admitted on the day on which it is recorded."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from uuid import UUID

import pytest

from services.kit.clock import PARIS
from services.kit.errors import DomainError, InvalidField
from services.partners.conventions.admission import admit
from services.partners.conventions.domain import Convention, ConventionState, Ledger, convention_of
from services.partners.conventions.facts import (
    Annulment,
    CnilDeclaration,
    Fact,
    Party,
    RecordedFact,
    Signature,
)
from services.partners.conventions.timeline import TimelineEntry, timeline

CAISSE, PARTNER = Party.CAISSE, Party.PARTNER
DRAFT, PENDING = ConventionState.DRAFT, ConventionState.PENDING
IN_FORCE, ENDED = ConventionState.IN_FORCE, ConventionState.ENDED
SIGNED = date(2025, 3, 10)
TODAY = date(2026, 11, 23)
UNKNOWN = UUID(int=0xFFFF)


def noon(day: date) -> datetime:
    """An instant that lies on `day` in Paris."""
    return datetime.combine(day, time(12), PARIS)


def made_of(recorded: Iterable[RecordedFact]) -> Convention:
    """The convention that the facts make; whose it is does not matter."""
    return convention_of(UUID(int=1), UUID(int=2), "21", recorded)


class History:
    """Facts, in the order in which they were recorded."""

    def __init__(self, recorded: Sequence[RecordedFact] = ()) -> None:
        self.recorded = list(recorded)

    def record(self, fact: Fact, on: date = TODAY) -> UUID:
        """Records what is admitted on that day; its id."""
        admit(fact, tuple(self.recorded), on)
        fact_id = UUID(int=len(self.recorded) + 1)
        self.recorded.append(RecordedFact(fact_id, noon(on), fact))
        return fact_id

    def annul(self, fact_id: UUID, on: date = TODAY) -> UUID:
        """Voids a fact."""
        return self.record(Annulment(fact_id), on)

    def refusal(self, fact: Fact, on: date = TODAY) -> str:
        """The rule by which `fact` is not admitted on that day, or the class of the error."""
        before = tuple(self.recorded)
        with pytest.raises(DomainError) as refused:
            self.record(fact, on)
        assert tuple(self.recorded) == before
        if isinstance(refused.value, InvalidField):
            return ", ".join(violation.rule for violation in refused.value.violations)
        return type(refused.value).__name__

    @property
    def convention(self) -> Convention:
        """As the facts make it."""
        return made_of(self.recorded)

    @property
    def ledger(self) -> Ledger:
        """The facts that stand."""
        return Ledger(self.recorded)

    @property
    def end_date(self) -> date | None:
        """The first day without effect."""
        return self.convention.end_date

    def state_on(self, day: date) -> ConventionState:
        """Where the convention stands on `day`."""
        return self.convention.state_on(day)

    def timeline_on(self, day: date) -> list[TimelineEntry]:
        """The convention's life, seen from `day`."""
        return timeline(self.convention, self.recorded, day)


def signed(on: date = SIGNED, cnil: date | None = SIGNED) -> History:
    """Signed by both parties on that day, and, unless `cnil` is None, declared to the CNIL."""
    history = History()
    for party in Party:
        history.record(Signature(party, on), on)
    if cnil is not None:
        history.record(CnilDeclaration(cnil), max(on, cnil))
    return history
