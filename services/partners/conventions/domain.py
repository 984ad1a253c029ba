"""Conventions: where one stands on any day, as a pure function of the facts recorded (art. 9-1, 9-2, 10).

Nothing here knows the present: a day is always given, and is one of Europe/Paris.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from services.kit.clock import paris_date
from services.kit.errors import DomainError, FieldViolation, InvalidField, Reason, RecordAlreadyExists
from services.partners.conventions.facts import (
    AgreedEnd,
    Annulment,
    Attestation,
    CnilDeclaration,
    Cure,
    Denunciation,
    Fact,
    ForceMajeureEnd,
    ForceMajeureNotification,
    ForceMajeureTermination,
    FormalNotice,
    Party,
    ProviderDeclaration,
    ProviderDeparture,
    ProviderUndertaking,
    RecordedFact,
    Signature,
)
from services.partners.partners.domain import Partner
from services.partners.periods import months_before, years_after

_DENUNCIATION_MONTHS = 3
_CURE_PERIOD = timedelta(days=30)
_FORCE_MAJEURE_PERIOD = timedelta(days=30)
_SECRECY_YEARS = 5
_DAY = timedelta(days=1)
_ENDINGS = (Denunciation, FormalNotice, ForceMajeureTermination, AgreedEnd)
F = TypeVar("F", bound=Fact)


class ConventionState(StrEnum):
    """Where a convention stands on a day."""

    DRAFT = "DRAFT"
    PENDING = "PENDING"
    IN_FORCE = "IN_FORCE"
    ENDED = "ENDED"


@dataclass(frozen=True)
class Convention:
    """The contract of one partner with one caisse (art. 1), and the three days that decide what it is worth.

    `signature_date` is the later of both parties', absent for a draft; `cnil_declaration_date` is absent while the
    transmission is awaited; `end_date`, the first day without effect, while no end is in sight.
    """

    convention_id: UUID
    partner_id: UUID
    caisse_code: str
    signature_date: date | None
    cnil_declaration_date: date | None
    end_date: date | None = None

    def state_on(self, day: date) -> ConventionState:
        """What the convention is worth on `day`.

        In force from the signature, provided that the CNIL declaration has been transmitted (art. 9-1), until
        the day before its end (art. 9-2, 10). Time alone never ends it: it renews itself.
        """
        if self.end_date is not None and (
            day >= self.end_date or (self.signature_date is not None and self.end_date <= self.signature_date)
        ):
            return ConventionState.ENDED
        if self.signature_date is None:
            return ConventionState.DRAFT
        effect_date = self.effect_date
        if effect_date is None or day < effect_date:
            return ConventionState.PENDING
        return ConventionState.IN_FORCE

    @property
    def effect_date(self) -> date | None:
        """The first day with effect (art. 9-1); absent while the signature or the CNIL declaration is awaited."""
        return effect_of(self.signature_date, self.cnil_declaration_date)

    def term_date_on(self, day: date) -> date | None:
        """The anniversary of the signature that closes the one-year term running on `day` (art. 9-1).

        On that anniversary the next term has begun. Before the signature it is the first term's; once the
        convention is over it remains that of its last day. A draft has none.
        """
        if self.signature_date is None:
            return None
        if self.end_date is not None:
            day = min(day, self.end_date - _DAY)
        return next_term(self.signature_date, day)

    def last_denunciation_date_on(self, day: date) -> date | None:
        """The last day on which a denunciation is received in time for the term running on `day` (art. 9-2).

        None for a draft, and where the convention ends at that term or before.
        """
        term_date = self.term_date_on(day)
        if term_date is None or (self.end_date is not None and self.end_date <= term_date):
            return None
        return last_denunciation_date(term_date)

    def next_denunciation_date_from(self, day: date) -> date | None:
        """The next last day to denounce, `day` or later: of this term, else of the next one (art. 9-2).

        None for a draft, and where the convention ends at that term or before.
        """
        if self.signature_date is None:
            return None
        term_date = next_term(self.signature_date, day)
        if last_denunciation_date(term_date) < day:
            term_date = next_term(self.signature_date, term_date)
        return last_denunciation_date(term_date) if self.lasts_until(term_date) else None

    def lasts_until(self, day: date) -> bool:
        """Whether `day` lies before the end, if one is in sight: what would happen on it does."""
        return self.end_date is None or day < self.end_date

    @property
    def secrecy_end_date(self) -> date | None:
        """The last day of secrecy: five years after the end (art. 6-1).

        Absent while no end is in sight, and for a draft, which nobody was bound by.
        """
        if self.signature_date is None or self.end_date is None:
            return None
        return years_after(self.end_date, _SECRECY_YEARS)


@dataclass(frozen=True)
class Provider:
    """A provider of the partner who may see data (art. 6-1)."""

    provider_id: UUID
    provider_name: str
    since_date: date


class Ledger:
    """The facts of one convention, those annulled left out."""

    def __init__(self, recorded: Iterable[RecordedFact]) -> None:
        every = list(recorded)
        void = {one.fact.annulled_fact_id for one in every if isinstance(one.fact, Annulment)}
        self.standing: Sequence[RecordedFact] = [
            one for one in every if one.fact_id not in void and not isinstance(one.fact, Annulment)
        ]

    def of(self, kind: type[F]) -> list[F]:
        """The standing facts of one kind, in the order in which they were recorded."""
        return [one.fact for one in self.standing if isinstance(one.fact, kind)]

    def find(self, kind: type[F], fact_id: UUID) -> F | None:
        """The standing fact with this id, if it is of this kind."""
        return next(
            (one.fact for one in self.standing if one.fact_id == fact_id and isinstance(one.fact, kind)), None
        )

    @property
    def signature_date(self) -> date | None:
        """When the second of both parties signed (art. 9-1)."""
        signed = self.of(Signature)
        both = {signature.party for signature in signed} == set(Party)
        return max(signature.signature_date for signature in signed) if both else None

    @property
    def cnil_declaration_date(self) -> date | None:
        """When the CNIL declaration was transmitted, as last recorded (art. 9-1)."""
        declared = self.of(CnilDeclaration)
        return declared[-1].transmission_date if declared else None

    @property
    def end_date(self) -> date | None:
        """The first day without effect: the earliest that any fact brings (art. 9-2, 10)."""
        ends = [
            *self._denounced_terms(),
            *(notice_end(notice) for _, notice in self.open_notices()),
            *(ended.termination_date for ended in self.of(ForceMajeureTermination)),
            *(agreed.end_date for agreed in self.of(AgreedEnd)),
        ]
        return min(ends, default=None)

    def open_notices(self) -> list[tuple[UUID, FormalNotice]]:
        """The formal notices whose breach was not cured in time, with their ids (art. 9-2)."""
        cures = {cure.formal_notice_id: cure.cure_date for cure in self.of(Cure)}
        return [
            (one.fact_id, one.fact)
            for one in self.standing
            if isinstance(one.fact, FormalNotice)
            and not (one.fact_id in cures and cures[one.fact_id] < notice_end(one.fact))
        ]

    def force_majeure_since(self) -> date | None:
        """When the force majeure that is not over was notified, if there is one (art. 10)."""
        since: date | None = None
        for one in self.standing:
            if isinstance(one.fact, ForceMajeureNotification):
                since = since or one.fact.notification_date
            elif isinstance(one.fact, ForceMajeureEnd):
                since = None
        return since

    def missing_undertakings(self) -> list[Provider]:
        """The present providers whose confidentiality undertaking is missing (art. 6-1)."""
        settled = {undertaking.provider_id for undertaking in self.of(ProviderUndertaking)}
        settled |= {departure.provider_id for departure in self.of(ProviderDeparture)}
        return [
            Provider(one.fact_id, one.fact.provider_name, one.fact.since_date)
            for one in self.standing
            if isinstance(one.fact, ProviderDeclaration) and one.fact_id not in settled
        ]

    def attestation_due_on(self, day: date) -> bool:
        """Whether the convention has ended by `day` and the attestation of art. 6-1 was not received."""
        end_date = self.end_date
        return end_date is not None and day >= end_date and self.owes_attestation

    @property
    def owes_attestation(self) -> bool:
        """Whether the end of the convention makes the attestation due: data were shown under it (art. 6-1).

        An attestation of before the end speaks of an end that did not come: the breach had been cured in time.
        """
        effect_date = effect_of(self.signature_date, self.cnil_declaration_date)
        if effect_date is None:
            return False
        end_date = self.end_date
        if end_date is None:
            return True
        had_effect = effect_date < end_date or effect_date <= self._last_end_recorded()
        return had_effect and all(received.receipt_date < end_date for received in self.of(Attestation))

    def _last_end_recorded(self) -> date:
        """Until this day the convention may have been taken to be in force: an end may be dated back."""
        return max(paris_date(one.record_time) for one in self.standing if isinstance(one.fact, _ENDINGS))

    def _denounced_terms(self) -> list[date]:
        signature_date = self.signature_date
        if signature_date is None:
            return []
        return [denounced_term(signature_date, denounced.receipt_date) for denounced in self.of(Denunciation)]


def convention_of(
    convention_id: UUID, partner_id: UUID, caisse_code: str, recorded: Iterable[RecordedFact]
) -> Convention:
    """The convention that the facts make: the same facts always make the same one.

    Whose it is, no fact says, and so none can change it: it is not ceded (art. 13-5).
    """
    ledger = Ledger(recorded)
    return Convention(
        convention_id=convention_id,
        partner_id=partner_id,
        caisse_code=caisse_code,
        signature_date=ledger.signature_date,
        cnil_declaration_date=ledger.cnil_declaration_date,
        end_date=ledger.end_date,
    )


def effect_of(signature_date: date | None, cnil_declaration_date: date | None) -> date | None:
    """The first day with effect: both parties have signed and the CNIL declaration is transmitted (art. 9-1)."""
    if signature_date is None or cnil_declaration_date is None:
        return None
    return max(signature_date, cnil_declaration_date)


def next_term(signature_date: date, day: date) -> date:
    """The first anniversary of the signature after `day`, the first term's before the signature (art. 9-1)."""
    years = max(1, day.year - signature_date.year)
    term_date = years_after(signature_date, years)
    return term_date if day < term_date else years_after(signature_date, years + 1)


def last_denunciation_date(term_date: date) -> date:
    """The last day on which a denunciation is received three months before the term (art. 9-2).

    Three months before 31 May: the last day of February. The whole day counts, to midnight in Paris.
    """
    return months_before(term_date, _DENUNCIATION_MONTHS)


def denounced_term(signature_date: date, receipt_date: date) -> date:
    """The term at which a denunciation received on `receipt_date` ends the convention (art. 9-2, 4-5).

    The next term where it was received at least three months before it, else the one after.
    """
    term_date = next_term(signature_date, receipt_date)
    if receipt_date <= last_denunciation_date(term_date):
        return term_date
    return next_term(signature_date, term_date)


def notice_end(notice: FormalNotice) -> date:
    """The first day without effect of a convention whose breach is not cured before it (art. 9-2).

    Thirty calendar days after the receipt: neither Sundays nor holidays put it off.
    """
    return notice.receipt_date + _CURE_PERIOD


def force_majeure_termination_date(notification_date: date) -> date:
    """The first day on which either party may end the convention: it has lasted over thirty days (art. 10)."""
    return notification_date + _FORCE_MAJEURE_PERIOD + _DAY


class ConventionEnded(DomainError):
    """The convention is over: it cannot be ended again, nor carry a new habilitation (art. 9-2)."""

    reason = Reason.RECORD_STATE
    message = "The convention has ended (art. 9-2)."


class ConventionStands(RecordAlreadyExists):
    """The partner has another convention with this caisse (art. 1); a draft is one too."""

    message = (
        "The partner has another convention with this caisse, or a draft of one, that would not be over by then: "
        "one at a time (art. 1). End that one first."
    )


def require_own_caisse(partner: Partner, caisse_code: str) -> None:
    """A convention is with the caisse that registered the partner. Raises InvalidField.

    Each caisse keeps its own register (référentiel des tiers, art. 4-2), and reaching another caisse's
    allocataires takes another convention with that caisse (art. 4-7), which registers the partner itself.
    """
    if partner.caisse_code != caisse_code:
        raise InvalidField(
            FieldViolation(
                "caisse_code",
                "CAISSE_OF_PARTNER",
                "must be the caisse that registered the partner; another one's needs another convention (art. 4-7)",
            )
        )


def require_no_other(others: Iterable[Convention], begins: date) -> None:
    """A partner has one convention with a caisse at a time (art. 1). Raises ConventionStands.

    A new one may follow one that is over on the day `begins`.
    """
    if any(other.state_on(begins) is not ConventionState.ENDED for other in others):
        raise ConventionStands


def require_none_without_end(others: Iterable[Convention]) -> None:
    """A convention may be drawn up while another one runs whose end is in sight. Raises ConventionStands."""
    if any(other.end_date is None for other in others):
        raise ConventionStands
