"""A convention's life, day by day: what was, what is, what comes. Drawn from the facts alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.partners.conventions.domain import (
    Convention,
    ConventionState,
    Ledger,
    force_majeure_termination_date,
    next_term,
)
from services.partners.conventions.facts import (
    Amendment,
    AnnexVersion,
    Attestation,
    CnilDeclaration,
    Cure,
    Denunciation,
    ForceMajeureEnd,
    ForceMajeureNotification,
    FormalNotice,
    Party,
    RecordedFact,
    Signature,
)


class TimelineEvent(StrEnum):
    """What happens on a day."""

    SIGNATURE = "SIGNATURE"
    CNIL_DECLARATION = "CNIL_DECLARATION"
    EFFECT = "EFFECT"
    RENEWAL = "RENEWAL"
    LAST_DAY_TO_DENOUNCE = "LAST_DAY_TO_DENOUNCE"
    DENUNCIATION = "DENUNCIATION"
    FORMAL_NOTICE = "FORMAL_NOTICE"
    CURE = "CURE"
    FORCE_MAJEURE = "FORCE_MAJEURE"
    FORCE_MAJEURE_END = "FORCE_MAJEURE_END"
    FORCE_MAJEURE_TERMINATION_OPEN = "FORCE_MAJEURE_TERMINATION_OPEN"
    END = "END"
    AMENDMENT = "AMENDMENT"
    ANNEX_VERSION = "ANNEX_VERSION"
    ATTESTATION = "ATTESTATION"
    SECRECY_END = "SECRECY_END"
    TODAY = "TODAY"


class Tense(StrEnum):
    """Where a day lies."""

    PAST = "PAST"
    TODAY = "TODAY"
    FUTURE = "FUTURE"


@dataclass(frozen=True)
class TimelineEntry:
    """One thing on one day; `party` where one of the two did it."""

    day: date
    event: TimelineEvent
    tense: Tense
    party: Party | None = None


Entry = tuple[date, TimelineEvent, Party | None]


def timeline(convention: Convention, recorded: Sequence[RecordedFact], today: date) -> list[TimelineEntry]:
    """The days of a convention's life in order, `today` among them; of those to come, the next of each kind."""
    ledger = Ledger(recorded)
    entries: list[Entry] = [(today, TimelineEvent.TODAY, None)]
    entries.extend(_told(ledger))
    entries.extend(_derived(convention, ledger, today))
    return [
        TimelineEntry(day, event, _tense(day, today), party)
        for day, event, party in sorted(entries, key=lambda entry: (entry[0], _ORDER[entry[1]]))
    ]


_ORDER = {event: number for number, event in enumerate(TimelineEvent)}


def _tense(day: date, today: date) -> Tense:
    if day == today:
        return Tense.TODAY
    return Tense.PAST if day < today else Tense.FUTURE


# The facts that say something of a day, what they say, and the field that holds the day.
_TOLD: Mapping[type, tuple[TimelineEvent, str]] = {
    Signature: (TimelineEvent.SIGNATURE, "signature_date"),
    CnilDeclaration: (TimelineEvent.CNIL_DECLARATION, "transmission_date"),
    Denunciation: (TimelineEvent.DENUNCIATION, "receipt_date"),
    FormalNotice: (TimelineEvent.FORMAL_NOTICE, "receipt_date"),
    Cure: (TimelineEvent.CURE, "cure_date"),
    ForceMajeureNotification: (TimelineEvent.FORCE_MAJEURE, "notification_date"),
    ForceMajeureEnd: (TimelineEvent.FORCE_MAJEURE_END, "over_date"),
    Amendment: (TimelineEvent.AMENDMENT, "effect_date"),
    AnnexVersion: (TimelineEvent.ANNEX_VERSION, "effective_date"),
    Attestation: (TimelineEvent.ATTESTATION, "receipt_date"),
}


def _told(ledger: Ledger) -> Iterator[Entry]:
    """What single facts say of a day."""
    for one in ledger.standing:
        if type(one.fact) in _TOLD:
            event, field = _TOLD[type(one.fact)]
            yield getattr(one.fact, field), event, getattr(one.fact, "party", None)


def _derived(convention: Convention, ledger: Ledger, today: date) -> Iterator[Entry]:
    """What follows from the facts together."""
    if convention.effect_date is not None and convention.lasts_until(convention.effect_date):
        yield convention.effect_date, TimelineEvent.EFFECT, None
    yield from ((day, TimelineEvent.RENEWAL, None) for day in _renewals(convention, today))
    if convention.state_on(today) is not ConventionState.ENDED:
        yield from ((day, TimelineEvent.LAST_DAY_TO_DENOUNCE, None) for day in _last_days(convention, today))
        since = ledger.force_majeure_since()
        if since is not None:
            opens = force_majeure_termination_date(since)
            if convention.lasts_until(opens):
                yield opens, TimelineEvent.FORCE_MAJEURE_TERMINATION_OPEN, None
    if convention.end_date is not None:
        yield convention.end_date, TimelineEvent.END, None
    if convention.secrecy_end_date is not None:
        yield convention.secrecy_end_date, TimelineEvent.SECRECY_END, None


def _last_days(convention: Convention, today: date) -> Iterator[date]:
    """The last day to denounce for the term that runs, and the next one where that has passed (art. 9-2)."""
    this_term, ahead = (
        convention.last_denunciation_date_on(today),
        convention.next_denunciation_date_from(today),
    )
    yield from sorted({day for day in (this_term, ahead) if day is not None})


def _renewals(convention: Convention, today: date) -> Iterator[date]:
    """Every renewal until today, and the next one, of a convention that is not over before (art. 9-1)."""
    if convention.signature_date is None:
        return
    day = next_term(convention.signature_date, convention.signature_date)
    while convention.lasts_until(day):
        yield day
        if day > today:
            return
        day = next_term(convention.signature_date, day)
