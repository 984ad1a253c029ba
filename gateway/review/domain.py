"""A partner's own consultations, as the journal has them: neither whom they were about, nor what was shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from gateway.domain import Outcome, Purpose


@dataclass(frozen=True, repr=False)
class UserName:
    """A user's name; empty where the register has none."""

    nom: str = ""
    prenom: str = ""


@dataclass(frozen=True)
class PastConsultation:
    """One line of the journal. `month` is its first day."""

    consultation_id: str
    consult_time: datetime
    month: date
    purpose: Purpose
    purpose_text: str = field(repr=False)
    case_reference: str = field(repr=False)
    outcome: Outcome
    habilitation_id: str


@dataclass(frozen=True)
class JournalPage:
    """Lines, newest first, and the token of the next page; empty on the last."""

    consultations: Sequence[PastConsultation]
    next_page_token: str


@dataclass(frozen=True)
class ReviewPage:
    """A page of lines with the names of those who asked, by habilitation."""

    page: JournalPage
    names: Mapping[str, UserName] = field(repr=False)

    def name(self, consultation: PastConsultation) -> UserName:
        """Who asked."""
        return self.names.get(consultation.habilitation_id, UserName())
