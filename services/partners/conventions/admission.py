"""Which facts a convention allows. A refusal names the article that rules it; nothing refused is ever written."""

from collections.abc import Sequence
from datetime import date
from functools import singledispatch
from uuid import UUID

from services.kit.clock import paris_date
from services.kit.errors import DomainError, Reason
from services.partners.conventions.domain import (
    ConventionEnded,
    Ledger,
    force_majeure_termination_date,
    notice_end,
)
from services.partners.conventions.facts import (
    AgreedEnd,
    Amendment,
    AnnexVersion,
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
    ProviderDeclaration,
    ProviderDeparture,
    ProviderUndertaking,
    RecordedFact,
    Signature,
)
from services.partners.fields import invalid


class ConventionNotSigned(DomainError):
    """Both parties must have signed first (art. 9-1)."""

    reason = Reason.RECORD_STATE
    message = "Both parties must have signed the convention first (art. 9-1)."


class AlreadySigned(DomainError):
    """This party has signed (art. 9-1)."""

    reason = Reason.RECORD_STATE
    message = "This party has signed the convention already (art. 9-1)."


class NoForceMajeure(DomainError):
    """No force majeure goes on (art. 10)."""

    reason = Reason.RECORD_STATE
    message = "No force majeure has been notified, or it is over (art. 10)."


class ForceMajeureGoesOn(DomainError):
    """Force majeure has been notified and is not over (art. 10)."""

    reason = Reason.RECORD_STATE
    message = "Force majeure has been notified already and is not over (art. 10)."


class AttestationNotDue(DomainError):
    """The convention is not over, or the attestation is there (art. 6-1)."""

    reason = Reason.RECORD_STATE
    message = "The attestation is due once, when a convention that had effect is over (art. 6-1)."


class FactStands(DomainError):
    """Another fact rests on this one, or it is one that cannot be voided."""

    reason = Reason.RECORD_STATE
    message = (
        "A signature cannot be voided (art. 9-1), nor a fact on which a later one rests: void that one first."
    )


def admit(fact: Fact, recorded: Sequence[RecordedFact], today: date) -> None:
    """Whether `fact` may be recorded on `today` after those recorded. Raises DomainError."""
    if isinstance(fact, Annulment):
        _admit_annulment(fact, recorded)
    else:
        _admit(fact, Ledger(recorded), today)


def _admit_annulment(annulment: Annulment, recorded: Sequence[RecordedFact]) -> None:
    """What is left must be what could have been recorded without the fact that goes."""
    standing = Ledger(recorded).standing
    gone = next((one for one in standing if one.fact_id == annulment.annulled_fact_id), None)
    if gone is None:
        raise invalid("fact_id", "FACT_UNKNOWN", "must be a fact of this convention that is not void")
    if isinstance(gone.fact, Signature):
        raise FactStands
    left = [one for one in standing if one.fact_id != gone.fact_id]
    for number, one in enumerate(left):
        try:
            _admit(one.fact, Ledger(left[:number]), paris_date(one.record_time))
        except DomainError:
            raise FactStands from None


@singledispatch
def _admit(fact: Fact, ledger: Ledger, today: date) -> None:
    raise NotImplementedError(type(fact).__name__)


@_admit.register
def _signature(fact: Signature, ledger: Ledger, today: date) -> None:
    signed = ledger.of(Signature)
    _require_not_over(ledger, max(today, fact.signature_date, *(other.signature_date for other in signed)))
    if any(other.party is fact.party for other in signed):
        raise AlreadySigned


@_admit.register
def _cnil_declaration(_: CnilDeclaration, ledger: Ledger, today: date) -> None:
    _require_not_over(ledger, today)


@_admit.register
def _denunciation(fact: Denunciation, ledger: Ledger, today: date) -> None:
    _require_received("receipt_date", fact.receipt_date, ledger, today, "art. 9-2")


@_admit.register
def _formal_notice(fact: FormalNotice, ledger: Ledger, today: date) -> None:
    """Of any breach, an abuse of the access among them (art. 7-2)."""
    _require_received("receipt_date", fact.receipt_date, ledger, today, "art. 9-2")


@_admit.register
def _cure(fact: Cure, ledger: Ledger, today: date) -> None:
    notice = ledger.find(FormalNotice, fact.formal_notice_id)
    if notice is None:
        raise invalid(
            "formal_notice_id", "FACT_UNKNOWN", "must be a formal notice of this convention (art. 9-2)"
        )
    if any(cure.formal_notice_id == fact.formal_notice_id for cure in ledger.of(Cure)):
        raise invalid("formal_notice_id", "NOTICE_CURED", "must be a notice without a cure (art. 9-2)")
    _require_order("cure_date", notice.receipt_date, fact.cure_date, "the formal notice (art. 9-2)")
    _require_not_future("cure_date", fact.cure_date, today)
    if fact.cure_date >= notice_end(notice):
        raise invalid(
            "cure_date",
            "CURE_TOO_LATE",
            "must lie within the thirty days of the formal notice: after them the convention is over (art. 9-2)",
        )


@_admit.register
def _force_majeure(fact: ForceMajeureNotification, ledger: Ledger, today: date) -> None:
    _require_received("notification_date", fact.notification_date, ledger, today, "art. 10")
    if ledger.force_majeure_since() is not None:
        raise ForceMajeureGoesOn


@_admit.register
def _force_majeure_end(fact: ForceMajeureEnd, ledger: Ledger, today: date) -> None:
    """Not once the convention was ended for it: that rests on its having gone on."""
    since = _require_force_majeure(ledger)
    if ledger.of(ForceMajeureTermination):
        raise ConventionEnded
    _require_order("over_date", since, fact.over_date, "the notification of the force majeure (art. 10)")
    _require_not_future("over_date", fact.over_date, today)


@_admit.register
def _force_majeure_termination(fact: ForceMajeureTermination, ledger: Ledger, today: date) -> None:
    since = _require_force_majeure(ledger)
    _require_not_over(ledger, fact.termination_date)
    _require_not_future("termination_date", fact.termination_date, today)
    if fact.termination_date < force_majeure_termination_date(since):
        raise invalid(
            "termination_date",
            "FORCE_MAJEURE_TOO_SHORT",
            "must lie more than thirty days after the notification of the force majeure (art. 10)",
        )


@_admit.register
def _agreed_end(fact: AgreedEnd, ledger: Ledger, today: date) -> None:
    """An end that lies ahead may be brought forward, not put off: a notice given stands."""
    _require_not_over(ledger, today)
    signature_date, end_date = ledger.signature_date, ledger.end_date
    if signature_date is not None and fact.end_date < signature_date:
        raise invalid("end_date", "END_BEFORE_SIGNATURE", "must not lie before the signature (art. 9-1)")
    if end_date is not None and fact.end_date > end_date:
        raise invalid("end_date", "END_PUT_OFF", "must not lie after the end that is recorded (art. 9-2)")


@_admit.register
def _amendment(fact: Amendment, ledger: Ledger, today: date) -> None:
    for field in ("caisse_signature_date", "partner_signature_date"):
        day: date = getattr(fact, field)
        _require_received(field, day, ledger, today, "art. 2")
    if fact.number != len(ledger.of(Amendment)) + 1:
        raise invalid("number", "AMENDMENT_NUMBER", "must be the number that follows the last one's (art. 2)")


@_admit.register
def _annex_version(fact: AnnexVersion, ledger: Ledger, today: date) -> None:
    signature_date = _require_signed(ledger)
    _require_not_over(ledger, today)
    _require_order(
        "effective_date", signature_date, fact.effective_date, "the signature of the convention (art. 2)"
    )
    versions = [1, *(known.version for known in ledger.of(AnnexVersion) if known.annex == fact.annex)]
    if fact.version != max(versions) + 1:
        raise invalid("version", "ANNEX_VERSION", "must be the number that follows the last one's (art. 2)")


@_admit.register
def _provider(fact: ProviderDeclaration, ledger: Ledger, today: date) -> None:
    _require_signed(ledger)
    _require_not_over(ledger, today)
    _require_not_future("since_date", fact.since_date, today)


@_admit.register
def _provider_undertaking(fact: ProviderUndertaking, ledger: Ledger, today: date) -> None:
    _require_provider(ledger, fact.provider_id)
    _require_not_future("receipt_date", fact.receipt_date, today)
    if fact.provider_id in {known.provider_id for known in ledger.of(ProviderUndertaking)}:
        raise invalid(
            "provider_id", "UNDERTAKING_KNOWN", "must be a provider whose undertaking is missing (art. 6-1)"
        )


@_admit.register
def _provider_departure(fact: ProviderDeparture, ledger: Ledger, today: date) -> None:
    provider = _require_provider(ledger, fact.provider_id)
    _require_order(
        "departure_date", provider.since_date, fact.departure_date, "the provider's first day (art. 6-1)"
    )
    _require_not_future("departure_date", fact.departure_date, today)
    if fact.provider_id in {known.provider_id for known in ledger.of(ProviderDeparture)}:
        raise invalid("provider_id", "PROVIDER_LEFT", "must be a provider who has not left (art. 6-1)")


@_admit.register
def _attestation(fact: Attestation, ledger: Ledger, today: date) -> None:
    end_date = ledger.end_date
    if end_date is None or not ledger.attestation_due_on(today):
        raise AttestationNotDue
    _require_order("receipt_date", end_date, fact.receipt_date, "the end of the convention (art. 6-1)")
    _require_not_future("receipt_date", fact.receipt_date, today)


def _require_signed(ledger: Ledger) -> date:
    if ledger.signature_date is None:
        raise ConventionNotSigned
    return ledger.signature_date


def _require_not_over(ledger: Ledger, day: date) -> None:
    if ledger.end_date is not None and day >= ledger.end_date:
        raise ConventionEnded


def _require_force_majeure(ledger: Ledger) -> date:
    since = ledger.force_majeure_since()
    if since is None:
        raise NoForceMajeure
    return since


def _require_provider(ledger: Ledger, provider_id: UUID) -> ProviderDeclaration:
    provider = ledger.find(ProviderDeclaration, provider_id)
    if provider is None:
        raise invalid(
            "provider_id", "FACT_UNKNOWN", "must be a provider declared under this convention (art. 6-1)"
        )
    return provider


def _require_received(field: str, day: date, ledger: Ledger, today: date, article: str) -> None:
    """A letter, or a signature, under a convention that is signed and was not over on that day."""
    _require_order(field, _require_signed(ledger), day, f"the signature of the convention ({article})")
    _require_not_future(field, day, today)
    _require_not_over(ledger, day)


def _require_order(field: str, cause: date, effect: date, cause_name: str) -> None:
    if effect < cause:
        raise invalid(field, "DATE_BEFORE_CAUSE", f"must not lie before {cause_name}")


def _require_not_future(field: str, day: date, today: date) -> None:
    if day > today:
        raise invalid(field, "DATE_IN_FUTURE", "must not lie after today: what has not happened is no fact")
